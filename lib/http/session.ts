/** The person behind a request: what an SSO session says, taken only when it is of the expected form. */
import { OtaError } from "../errors.ts";
import type { SessionUser } from "../options.ts";
import type { User } from "../ports.ts";

const maxText = 254;

/**
 * Null without a session. `policy` when there is one without a usable e-mail address: a truthy session object alone
 * says nothing (facts: error objects have passed for sessions).
 */
export function readUser(session: SessionUser | null): User | null {
	if (session === null || typeof session !== "object") return null;
	const { email, name, groups, claims } = session;
	if (typeof email !== "string" || email.length > maxText || !/^[^\s@<>"\\]+@[^\s@<>"\\]+$/u.test(email)) {
		throw new OtaError("policy", "the session has no usable e-mail address");
	}
	const id = typeof session.id === "string" && session.id.length > 0 ? session.id : email;
	return {
		id: id.slice(0, maxText),
		email,
		...(typeof name === "string" && name.length > 0 ? { name: name.slice(0, maxText) } : {}),
		groups: Array.isArray(groups) ? groups.filter((group) => typeof group === "string") : [],
		claims: claims ?? {},
	};
}

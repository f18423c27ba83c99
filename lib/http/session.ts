/** The person behind a request: what an SSO session says, taken only when it is of the expected form. */
import type { Visit } from "../enroll/authorise.ts";
import { OtaError } from "../errors.ts";
import type { SessionUser } from "../options.ts";
import type { User } from "../ports.ts";

const maxText = 254;
/** OpenID Connect Core section 2, sub: 255 ASCII characters. */
const maxId = 255;
/** No profile can carry these: found here, and not when the last profile is written. */
const unprintable = /[\p{Cc}\p{Cs}\ufffe\uffff]/u;

/**
 * Null without a session. `policy` when there is one without a usable e-mail address: a truthy session object alone
 * says nothing (facts: error objects have passed for sessions).
 */
export function readUser(session: SessionUser | null): User | null {
	if (session === null || typeof session !== "object") return null;
	const { email, name, groups, claims } = session;
	if (typeof email !== "string" || email.length > maxText || !/^[^\s\p{C}@<>"\\]+@[^\s\p{C}@<>"\\]+$/u.test(email)) {
		throw new OtaError("policy", "the session has no usable e-mail address");
	}
	const id = typeof session.id === "string" && session.id.length > 0 ? session.id : email;
	// Cut short, two people could become one.
	if (id.length > maxId || unprintable.test(id)) {
		throw new OtaError("policy", "the session's id is no subject of OpenID Connect");
	}
	return {
		id,
		email,
		...(typeof name === "string" && name.length > 0 && !unprintable.test(name) ? { name: clipped(name) } : {}),
		groups: Array.isArray(groups) ? groups.filter((group) => typeof group === "string") : [],
		claims: plainClaims(claims),
	};
}

/** The same with the session's age. */
export function readVisit(session: SessionUser | null): Visit | null {
	const user = readUser(session);
	const at = session?.signedInAt;
	return user && { user, signedInAt: at instanceof Date && !Number.isNaN(at.getTime()) ? at : null };
}

const clipped = (text: string): string => [...text].slice(0, maxText).join("");

/** Claims that are plain values; whatever else an SSO library put there is left out. */
function plainClaims(claims: SessionUser["claims"]): User["claims"] {
	if (typeof claims !== "object" || claims === null) return {};
	return Object.fromEntries(Object.entries(claims).filter(([, value]) => isPlain(value)));
}

const isPlain = (value: unknown): boolean =>
	["string", "number", "boolean"].includes(typeof value) ||
	(Array.isArray(value) && value.every((item) => typeof item === "string"));

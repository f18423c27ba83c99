/** Which role may do what, and how much at once. */
import { OtaError } from "../../lib/errors.ts";
import type { Operation, Request, Role } from "../protocol.ts";

export type KeyedRole = Exclude<Role, "agent">;
/** caOld and raOld are the generation before: their certificates live on. */
export const keyedRoles = [
	"ca",
	"ra",
	"profile",
	"seal",
	"ocsp",
	"caOld",
	"raOld",
] as const satisfies readonly KeyedRole[];

/** Raw RSA is the RA keys' alone: over a signing key it would forge. */
const allowed: Record<Role, readonly Operation[]> = {
	agent: ["check"],
	ca: ["sign"],
	ra: ["sign", "unwrap"],
	profile: ["sign"],
	seal: ["seal", "open"],
	ocsp: ["sign"],
	caOld: ["sign"],
	raOld: ["sign", "unwrap"],
};

/** Octets of a request's body. */
const largest: Record<Operation, number> = {
	check: 0,
	sign: 1 + 256 * 1024,
	unwrap: 1 + 1024,
	seal: 2 + 1024 + 64 * 1024,
	// With the header and wrapped data key of an RSA seal key, of 4096 bits at most.
	open: 2 + 1024 + 64 * 1024 + 28 + 7 + 512,
};
/** A revocation list is larger than anything else that is signed. */
const largestList = 1 + 2 * 1024 * 1024;

const isCa = (role: Role): boolean => role === "ca" || role === "caOld";
export const isRa = (role: Role): boolean => role === "ra" || role === "raOld";

/** `hsm_refused` for an operation that is not the role's, or a body over its limit. */
export function checkPolicy({ role, operation, body }: Request): void {
	if (!allowed[role].includes(operation)) throw new OtaError("hsm_refused", `role ${role} may not ${operation}`);
	const limit = operation === "sign" && isCa(role) ? largestList : largest[operation];
	if (body.length > limit) {
		throw new OtaError("hsm_refused", `${operation}: ${body.length} octets are over the limit of ${limit}`);
	}
}

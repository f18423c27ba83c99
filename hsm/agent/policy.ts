/** Which role may do what, and how much at once. */
import { OtaError } from "../../lib/errors.ts";
import type { Operation, Request, Role } from "../protocol.ts";

export type KeyedRole = Exclude<Role, "agent">;
export const keyedRoles = ["ca", "ra", "profile", "seal"] as const satisfies readonly KeyedRole[];

/** Raw RSA is the RA key's alone: over a signing key it would forge. */
const allowed: Record<Role, readonly Operation[]> = {
	agent: ["check"],
	ca: ["sign"],
	ra: ["sign", "unwrap"],
	profile: ["sign"],
	seal: ["seal", "open"],
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

/** `hsm_refused` for an operation that is not the role's, or a body over its limit. */
export function checkPolicy({ role, operation, body }: Request): void {
	if (!allowed[role].includes(operation)) throw new OtaError("hsm_refused", `role ${role} may not ${operation}`);
	if (body.length > largest[operation]) {
		throw new OtaError(
			"hsm_refused",
			`${operation}: ${body.length} octets are over the limit of ${largest[operation]}`,
		);
	}
}

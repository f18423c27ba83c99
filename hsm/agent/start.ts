/** The agent's start: every role's URI, token, key and certificate tried, and all faults told at once. */
import { asOtaError, ConfigError, type OtaError } from "../../lib/errors.ts";
import type { Log, Random } from "../../lib/ports.ts";
import { parseUri } from "../uri.ts";
import { openKey, type RoleKey } from "./keys.ts";
import { type KeyedRole, keyedRoles } from "./policy.ts";
import { proveKey } from "./proof.ts";
import { Tokens } from "./tokens.ts";

export interface AgentKey {
	/** RFC 7512 URI of the private (or secret) key, with module-path and pin-source. */
	uri: string;
	/** DER of its certificate; the binding is proven at start. */
	certificate?: Uint8Array;
}
export type AgentRoles = Partial<Record<KeyedRole, AgentKey>>;

export interface StartOptions {
	roles: AgentRoles;
	sessions?: number;
	maxQueue: number;
	log: Log;
	random: Random;
}

export interface Started {
	keys: ReadonlyMap<KeyedRole, RoleKey>;
	/** Drains and lets the tokens go. */
	close(): Promise<void>;
}

/** Rejects with ConfigError (all faults) or, when only that is wrong, `hsm_unavailable`. */
export async function startKeys(options: StartOptions): Promise<Started> {
	const tokens = new Tokens(options);
	const keys = new Map<KeyedRole, RoleKey>();
	const failures: [KeyedRole, OtaError][] = [];
	// One after the other: the order of logins and of the report stays the same.
	for (const role of keyedRoles) {
		const key = options.roles[role];
		if (!key) continue;
		await openRole(role, key, tokens, options).then(
			(opened) => keys.set(role, opened),
			(error: unknown) => failures.push([role, asOtaError(error)]),
		);
	}
	const faults = [...sharedKeys(keys), ...configFaults(failures)];
	if (keys.size === 0 && failures.length === 0) faults.push("no role has a key");
	if (faults.length === 0 && failures.length === 0) return { keys, close: () => tokens.close() };
	await tokens.close();
	throw faults.length > 0 ? new ConfigError(faults) : (failures[0] as [KeyedRole, OtaError])[1];
}

async function openRole(
	role: KeyedRole,
	{ uri, certificate }: AgentKey,
	tokens: Tokens,
	options: StartOptions,
): Promise<RoleKey> {
	const parsed = parseUri(uri);
	if (parsed.pinValue !== undefined) options.log.warn("hsm.pin_value", { role, remedy: "use pin-source=file:" });
	const token = await tokens.open(parsed);
	const key = await openKey(token, role, parsed, options.random);
	options.log.info("hsm.mechanisms", { role, token: token.name, ...key.means.names });
	await proveKey(role, key, certificate, options);
	return key;
}

/** One line a fault, `role: what`; what several roles share (their token's PIN) is said once. */
function configFaults(failures: readonly [KeyedRole, OtaError][]): string[] {
	const roles = new Map<string, KeyedRole[]>();
	for (const [role, error] of failures) {
		if (error.code === "hsm_unavailable") continue;
		for (const line of error.message.split("\n")) roles.set(line, [...(roles.get(line) ?? []), role]);
	}
	return [...roles].map(([line, names]) => `${names.join(", ")}: ${line}`);
}

/** CA, RA, profile and seal keys are different keys. */
function sharedKeys(keys: ReadonlyMap<KeyedRole, RoleKey>): string[] {
	const seen = new Map<string, KeyedRole>();
	const faults: string[] = [];
	for (const [role, key] of keys) {
		const identity = `${key.token.slot.slot.toString("hex")}|${key.token.name}|${key.handle.toString("hex")}`;
		const other = seen.get(identity);
		if (other) faults.push(`${other}, ${role}: one key in two roles; each needs its own`);
		seen.set(identity, role);
	}
	return faults;
}

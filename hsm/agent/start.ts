/** The agent's start: every role's URI, token, key and certificate tried, and all faults told at once; the same again for a lost module. */
import { asOtaError, ConfigError, type OtaError } from "../../lib/errors.ts";
import type { Log, Random } from "../../lib/ports.ts";
import { parseUri } from "../uri.ts";
import { type Identity, identify } from "./identity.ts";
import { openKey, publicOctets, type RoleKey } from "./keys.ts";
import { LastingKey } from "./lasting-key.ts";
import { type KeyedRole, keyedRoles } from "./policy.ts";
import { proveKey } from "./proof.ts";
import { Recovery, type RoleKeys } from "./recovery.ts";
import { RefusedPins } from "./refused-pins.ts";
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
	/** Where refused PINs are remembered, and the seal key is known by. */
	memory?: string;
	watch?: HangWatch;
	/** Milliseconds that one piece of work on the token may take. */
	operationDeadline: number;
	log: Log;
	random: Random;
}

/** Ends the process when a call into the vendor's library hangs. It watches from another thread, since such a call blocks this one. */
export interface HangWatch {
	/** Something begins that may take this long (ms); what it answers is called at its end. */
	began(deadline: number): () => void;
}

/** How long initialising a module and finding all of its keys may take (ms). */
const openingDeadline = 30_000;

export interface Started {
	keys: ReadonlyMap<KeyedRole, LastingKey>;
	/** Drains and lets the tokens go. */
	close(): Promise<void>;
}

/** Rejects with ConfigError (all faults) or, when only that is wrong, `hsm_unavailable`. */
export async function startKeys(options: StartOptions): Promise<Started> {
	const { watch, operationDeadline } = options;
	options.log.info("hsm.state", { state: "starting" });
	const tokens = new Tokens({
		...options,
		refusedPins: new RefusedPins({ ...options, directory: options.memory }),
		...(watch && { began: () => watch.began(operationDeadline) }),
	});
	const ended = watch?.began(openingDeadline);
	try {
		return await openAll(tokens, options);
	} catch (error) {
		await tokens.close();
		throw error;
	} finally {
		ended?.();
	}
}

/** A role's key, and what it will be known by when it is found again. */
interface Opened {
	key: RoleKey;
	identity: Identity;
}

async function openAll(tokens: Tokens, options: StartOptions): Promise<Started> {
	const opened = new Map<KeyedRole, Opened>();
	const failures: [KeyedRole, OtaError][] = [];
	// One after the other: the order of logins and of the report stays the same.
	for (const role of keyedRoles) {
		const key = options.roles[role];
		if (!key) continue;
		await openRole(role, key, tokens, options).then(
			(one) => opened.set(role, one),
			(error: unknown) => failures.push([role, asOtaError(error)]),
		);
	}
	const faults = [...sharedKeys(opened), ...configFaults(failures)];
	if (opened.size === 0 && failures.length === 0) faults.push("no role has a key");
	if (faults.length > 0) throw new ConfigError(faults);
	if (failures[0]) throw failures[0][1];
	return keep(opened, tokens, options);
}

/** The keys as they last: one recovery for each module, since finalising ends what every token of it has open. */
function keep(opened: ReadonlyMap<KeyedRole, Opened>, tokens: Tokens, options: StartOptions): Started {
	const recoveries = new Map<string, Recovery>();
	const keys = new Map<KeyedRole, LastingKey>();
	for (const [role, { key }] of opened) {
		const module = key.token.modulePath;
		const recovery = recoveries.get(module) ?? recoveryOf(module, opened, tokens, options);
		recoveries.set(module, recovery);
		keys.set(role, new LastingKey(role, recovery));
	}
	const close = async (): Promise<void> => {
		await Promise.all([...recoveries.values()].map((recovery) => recovery.close()));
		await tokens.close();
	};
	return { keys, close };
}

function recoveryOf(
	module: string,
	opened: ReadonlyMap<KeyedRole, Opened>,
	tokens: Tokens,
	options: StartOptions,
): Recovery {
	const ours = [...opened].filter(([, { key }]) => key.token.modulePath === module);
	const reopen = async (): Promise<RoleKeys> => {
		const ended = options.watch?.began(openingDeadline);
		try {
			await tokens.restart(module);
			const keys = new Map<KeyedRole, RoleKey>();
			for (const [role, { identity }] of ours) {
				const { key } = await openRole(role, options.roles[role] as AgentKey, tokens, options, identity);
				keys.set(role, key);
			}
			return keys;
		} finally {
			ended?.();
		}
	};
	const keys = new Map(ours.map(([role, { key }]) => [role, key]));
	return new Recovery({ ...options, module, keys, reopen });
}

async function openRole(
	role: KeyedRole,
	{ uri, certificate }: AgentKey,
	tokens: Tokens,
	options: StartOptions,
	known?: Identity,
): Promise<Opened> {
	const parsed = parseUri(uri);
	if (parsed.pinValue !== undefined) options.log.warn("hsm.pin_value", { role, remedy: "use pin-source=file:" });
	const token = await tokens.open(parsed);
	const key = await openKey(token, role, parsed, options.random, known);
	options.log.info("hsm.mechanisms", { role, token: token.name, ...key.means.names });
	await known?.prove(key);
	await proveKey(role, key, certificate, options);
	return { key, identity: known ?? (await identify(role, key, { ...options, directory: options.memory })) };
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

/** Every role's key is its own, wherever it lies and however it is called: told by its public half, or by its handle. */
function sharedKeys(opened: ReadonlyMap<KeyedRole, Opened>): string[] {
	const seen = new Map<string, KeyedRole>();
	const faults: string[] = [];
	for (const [role, { key }] of opened) {
		const place = `${key.token.slot.slot.toString("hex")}|${key.token.name}|${key.handle.toString("hex")}`;
		const identity = publicOctets(key) ?? place;
		const other = seen.get(identity);
		if (other) faults.push(`${other}, ${role}: one key in two roles; each needs its own`);
		seen.set(identity, role);
	}
	return faults;
}

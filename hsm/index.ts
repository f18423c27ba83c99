/** The door of the HSM room: the web process connects, the agent's process runs, the ceremony provisions. */
import type { Clock, HashName, Keys, Log, Random } from "../lib/ports.ts";

export interface ConnectOptions {
	/** `unix:/path/of/the/socket`. */
	address: string;
	/** Milliseconds that one call may take, 5000 unless told. */
	deadline?: number;
	log?: Log;
}
/** Keys behind an agent. Connects with the first call, and again by itself after a loss. */
export declare function connectAgent(options: ConnectOptions): Keys & { close(): Promise<void> };

export type AgentRole = "ca" | "ra" | "profile" | "seal";
export interface AgentKey {
	/** RFC 7512 URI of the private (or secret) key, with module-path and pin-source. */
	uri: string;
	/** DER of its certificate; the binding is proven at start. */
	certificate?: Uint8Array;
}
export interface AgentOptions {
	/** `unix:/path/of/the/socket`: made 0600, its directory 0700 when the agent makes it. */
	listen: string;
	roles: Partial<Record<AgentRole, AgentKey>>;
	/** Calls that may wait for a session; one more is refused with hsm_busy. 256 unless told. */
	maxQueue?: number;
	/** Sessions per token; min(2 x cores, token's maximum - 1) unless told. UV_THREADPOOL_SIZE = sessions + 1, set by whoever spawns. */
	sessions?: number;
	log: Log;
	clock: Clock;
	random: Random;
}
/** Opens the tokens, proves every key, listens. Rejects with all faults at once (ConfigError) or hsm_unavailable. */
export declare function runAgent(options: AgentOptions): Promise<{ close(): Promise<void> }>;

/** Writes a softhsm2.conf (0600) for a token directory (made 0700). SOFTHSM2_CONF names it, set before the module loads. */
export declare function writeSoftHsmConfig(path: string, tokenDirectory: string): Promise<void>;
/** Where the SoftHSM module lies on this machine, or null. */
export declare function findSoftHsmModule(): Promise<string | null>;
/** A PIN from a file, its trailing line break dropped. */
export declare function readPinFile(path: string): Promise<string>;
/** Initialises the first free slot. `config` when a token of that label exists or no slot is free. */
export declare function initToken(options: {
	modulePath: string;
	label: string;
	pin: string;
	soPin: string;
}): Promise<{ serial: string }>;

export type KeyUsage = "root" | "ca" | "ra" | "profile";
export interface TokenKey {
	label: string;
	/** CKA_ID, hex. */
	id: string;
	class: "private" | "public" | "secret";
	type: "rsa" | "ec" | "aes" | "other";
}
/** A logged-in token for the ceremony. Every generate refuses (`conflict`) a label that exists. */
export interface Token {
	list(): Promise<TokenKey[]>;
	/** Answers the SubjectPublicKeyInfo, DER. */
	generateRsa(key: { label: string; id?: Uint8Array; bits: 2048 | 3072 | 4096; usage: KeyUsage }): Promise<Uint8Array>;
	generateEc(key: {
		label: string;
		id?: Uint8Array;
		curve: "P-256" | "P-384";
		usage: "root" | "ca" | "profile";
	}): Promise<Uint8Array>;
	generateSealKey(key: { label: string; id?: Uint8Array }): Promise<void>;
	/** SubjectPublicKeyInfo, DER. */
	publicKey(label: string): Promise<Uint8Array>;
	/** As `Keys.sign`, by label. */
	sign(label: string, hash: HashName, message: Uint8Array): Promise<Uint8Array>;
	close(): Promise<void>;
}
/** Opens a token by URI, or by module, label and PIN. */
export declare function openToken(
	options: { uri: string } | { modulePath: string; tokenLabel: string; pin: string },
): Promise<Token>;

/** RFC 7512, the attributes that matter here. */
export interface Pkcs11Uri {
	token?: string;
	manufacturer?: string;
	model?: string;
	serial?: string;
	object?: string;
	id?: Uint8Array;
	type?: string;
	modulePath?: string;
	/** Path of the file that holds the PIN. */
	pinFile?: string;
	pinValue?: string;
}
export declare function parseUri(text: string): Pkcs11Uri;
/** The URI as text, percent-encoded where needed; carries `pin-value` when there is one. */
export declare function formatUri(uri: Pkcs11Uri): string;
/** The same for logs: a `pin-value` becomes `***`. */
export declare function redactUri(uri: Pkcs11Uri): string;

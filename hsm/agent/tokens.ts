/** Opens the tokens that the roles' URIs name: each module loaded once, each token logged in once, with a pool of sessions. */
import { availableParallelism } from "node:os";
import { OtaError } from "../../lib/errors.ts";
import { loadModule, type Module, type Pkcs11 } from "../token/module.ts";
import { findToken, login, openSession, readPin, type Slot, unpadded } from "../token/slot.ts";
import { type Pkcs11Uri, redactUri } from "../uri.ts";
import { SessionPool } from "./pool.ts";

export interface OpenToken {
	/** The token's label, for the operator. */
	name: string;
	pkcs11: Pkcs11;
	slot: Slot;
	pool: SessionPool;
}

export interface TokenOptions {
	sessions?: number;
	maxQueue: number;
}

/** The tokens of one agent. */
export class Tokens {
	readonly #options: TokenOptions;
	readonly #modules = new Map<string, Module>();
	/** By module and serial; a failure is kept too, so that a refused PIN is never sent twice. */
	readonly #tokens = new Map<string, Promise<OpenToken>>();

	constructor(options: TokenOptions) {
		this.#options = options;
	}

	/** The token of a key's URI, opened and logged in with the first call for it. `config` or `hsm_unavailable`. */
	async open(uri: Pkcs11Uri): Promise<OpenToken> {
		const path = uri.modulePath;
		if (path === undefined) throw new OtaError("config", `${redactUri(uri)}: module-path is missing`);
		const library = `${path}|${uri.libraryParameters ?? ""}`;
		let module = this.#modules.get(library);
		if (module === undefined) {
			module = loadModule(path, uri.libraryParameters);
			this.#modules.set(library, module);
		}
		const slot = findToken(module.pkcs11, uri);
		const name = `${path}|${slot.info.serialNumber}|${slot.info.label}`;
		const opened = this.#tokens.get(name) ?? this.#login(module.pkcs11, slot, uri);
		this.#tokens.set(name, opened);
		return await opened;
	}

	async #login(pkcs11: Pkcs11, slot: Slot, uri: Pkcs11Uri): Promise<OpenToken> {
		const pin = await readPin(uri);
		const anchor = openSession(pkcs11, slot);
		try {
			login(pkcs11, slot, anchor, pin);
		} catch (error) {
			pkcs11.C_CloseSession(anchor);
			throw error;
		}
		const size = poolSize(slot, this.#options.sessions);
		const pool = new SessionPool({ pkcs11, slot, size, maxQueue: this.#options.maxQueue }, anchor);
		return { name: unpadded(slot.info.label), pkcs11, slot, pool };
	}

	/** Drains the pools, then finalises the modules. */
	async close(): Promise<void> {
		const opened = await Promise.allSettled(this.#tokens.values());
		await Promise.all(opened.map((token) => (token.status === "fulfilled" ? token.value.pool.close() : undefined)));
		for (const module of this.#modules.values()) module.release();
	}
}

/** 0 sessions means no limit that matters, and CK_UNAVAILABLE_INFORMATION reads as a very large number. */
function poolSize({ info }: Slot, wanted = 2 * availableParallelism()): number {
	const most = info.maxSessionCount > 0 ? info.maxSessionCount - 1 : Number.POSITIVE_INFINITY;
	return Math.max(1, Math.min(wanted, most));
}

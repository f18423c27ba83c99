/** Opens the tokens that the roles' URIs name: each module loaded once, each token logged in once, with a pool of sessions. */
import { availableParallelism } from "node:os";
import { OtaError } from "../../lib/errors.ts";
import { loadModule, type Module, type Pkcs11 } from "../token/module.ts";
import { findToken, type Handle, login, openSession, readPin, type Slot, unpadded } from "../token/slot.ts";
import { type Pkcs11Uri, redactUri } from "../uri.ts";
import { SessionPool } from "./pool.ts";
import type { RefusedPins } from "./refused-pins.ts";

export interface OpenToken {
	/** The token's label, for the operator. */
	name: string;
	/** The library that it is reached through. */
	modulePath: string;
	pkcs11: Pkcs11;
	slot: Slot;
	pool: SessionPool;
}

export interface TokenOptions {
	sessions?: number;
	maxQueue: number;
	refusedPins: RefusedPins;
	/** As PoolOptions have it. */
	began?(): () => void;
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
		const name = `${module.path}|${slot.info.serialNumber}|${slot.info.label}`;
		const opened = this.#tokens.get(name) ?? this.#login(module, slot, uri);
		this.#tokens.set(name, opened);
		return await opened;
	}

	async #login({ pkcs11, path }: Module, slot: Slot, uri: Pkcs11Uri): Promise<OpenToken> {
		const { sessions, maxQueue, refusedPins, began } = this.#options;
		const pin = await readPin(uri);
		const anchor = openSession(pkcs11, slot);
		try {
			refusedPins.guard({ module: path, info: slot.info }, pin, () => login(pkcs11, slot, anchor, pin));
		} catch (error) {
			closeQuietly(pkcs11, anchor);
			throw error;
		}
		const pool = new SessionPool({ pkcs11, slot, size: poolSize(slot, sessions), maxQueue, began }, anchor);
		return { name: unpadded(slot.info.label), modulePath: path, pkcs11, slot, pool };
	}

	/** Drains the pools of a module and initialises it anew; its tokens are then to be opened again. `hsm_unavailable`. */
	async restart(modulePath: string): Promise<void> {
		await this.#drain(modulePath);
		for (const module of this.#modules.values()) if (module.path === modulePath) module.restart();
	}

	/** Drains the pools, then finalises the modules. */
	async close(): Promise<void> {
		for (const module of this.#modules.values()) await this.#drain(module.path);
		for (const module of this.#modules.values()) module.release();
	}

	/** Closes and forgets a module's tokens once nothing of them is in flight. */
	async #drain(modulePath: string): Promise<void> {
		const ours = [...this.#tokens].filter(([name]) => name.startsWith(`${modulePath}|`));
		for (const [name] of ours) this.#tokens.delete(name);
		const opened = await Promise.allSettled(ours.map(([, token]) => token));
		await Promise.all(opened.map((token) => (token.status === "fulfilled" ? token.value.pool.close() : undefined)));
	}
}

function closeQuietly(pkcs11: Pkcs11, session: Handle): void {
	try {
		pkcs11.C_CloseSession(session);
	} catch {
		// It is gone already, with its token.
	}
}

/** 0 sessions means no limit that matters, and CK_UNAVAILABLE_INFORMATION reads as a very large number. */
function poolSize({ info }: Slot, wanted = 2 * availableParallelism()): number {
	const most = info.maxSessionCount > 0 ? info.maxSessionCount - 1 : Number.POSITIVE_INFINITY;
	return Math.max(1, Math.min(wanted, most));
}

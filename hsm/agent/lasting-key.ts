/** A role's key across the loss of its token: the same operations, each on the key as it was last found and proven. */
import type { KeyObject } from "node:crypto";
import type { HashName } from "../../lib/ports.ts";
import type { IsLate } from "./keys.ts";
import type { KeyedRole } from "./policy.ts";
import type { Recovery } from "./recovery.ts";

export class LastingKey {
	readonly #role: KeyedRole;
	readonly #recovery: Recovery;

	constructor(role: KeyedRole, recovery: Recovery) {
		this.#role = role;
		this.#recovery = recovery;
	}

	/** Null when the token does not tell it. */
	get publicKey(): KeyObject | null {
		return this.#recovery.key(this.#role).publicKey;
	}

	/** `hsm_unavailable` or `config`, with the state in words, unless the token is there. */
	assertReady(): void {
		this.#recovery.assertReady();
	}

	/** Throws what work for its token would be refused with now. */
	assertRoom(): void {
		this.#recovery.assertRoom(this.#role);
	}

	sign(hash: HashName, message: Uint8Array, isLate?: IsLate): Promise<Uint8Array> {
		return this.#recovery.run(this.#role, (key) => key.sign(hash, message, isLate), isLate);
	}

	unwrap(ciphertext: Uint8Array, keyLength: number, isLate?: IsLate): Promise<Uint8Array> {
		return this.#recovery.run(this.#role, (key) => key.unwrap(ciphertext, keyLength, isLate), isLate);
	}

	seal(data: Uint8Array, aad: Uint8Array, isLate?: IsLate): Promise<Uint8Array> {
		return this.#recovery.run(this.#role, (key) => key.seal(data, aad, isLate), isLate);
	}

	open(sealed: Uint8Array, aad: Uint8Array, isLate?: IsLate): Promise<Uint8Array> {
		return this.#recovery.run(this.#role, (key) => key.open(sealed, aad, isLate), isLate);
	}
}

/**
 * The self-test that decides by which mechanisms a role's key goes: the ways that the token lists are tried with the key
 * itself, best first. Tokens list what a key, a mode (FIPS) or a parameter then refuses.
 */
import { constants, type KeyObject, publicEncrypt, verify } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { asOtaError, OtaError } from "../../lib/errors.ts";
import type { Random } from "../../lib/ports.ts";
import type { SigningKey } from "../token/signature.ts";
import type { Handle } from "../token/slot.ts";
import {
	aesSealingWays,
	type Offers,
	offersOf,
	signingWays,
	type Unwrapping,
	unwrappingWays,
	type Way,
	type Wrapping,
	wrappingWays,
} from "./mechanisms.ts";
import { sign, unwrap } from "./operations.ts";
import { isRa, type KeyedRole } from "./policy.ts";
import { open, type SealKeys, seal, type WrappingKey } from "./sealing.ts";
import type { OpenToken } from "./tokens.ts";

/** What a search found, before its trial. */
export interface FoundKey {
	handle: Handle;
	signing: SigningKey | null;
	modulus: Buffer | null;
	publicKey: KeyObject | null;
	/** Of the seal role: its AES key, its RSA key, or both. */
	sealing: { aes: Handle | null; rsa: Handle | null } | null;
}

/** How a key does what its role needs. */
export interface Means {
	/** Null for the seal role. */
	signing: SigningKey | null;
	/** The RA's alone; `step` is the time grid's of pkcs1, milliseconds. */
	unwrapping: { way: Unwrapping; step: number } | null;
	/** The seal role's alone. */
	sealing: SealKeys | null;
	/** Names of the mechanisms, for the log: sign, unwrap, seal. */
	names: Record<string, string>;
}

/**
 * `config` when a need has no way; what was tried and why it failed is in the words. `hsm_unavailable` when that was why.
 * `known` are the names of an earlier trial: a token that comes back is asked for these means and no lesser ones.
 */
export async function chooseMeans(
	token: OpenToken,
	role: KeyedRole,
	found: FoundKey,
	random: Random,
	known?: Means["names"],
): Promise<Means> {
	const before = new Set(Object.values(known ?? {}).flatMap((names) => names.split(separator)));
	const trial = new Trial(token, found, random, before);
	const means = await meansOf(trial, role, found);
	const sealed = means.names.seal?.split(separator) ?? [];
	const lost = means.sealing ? [...before].find((name) => !sealed.includes(name)) : undefined;
	if (lost === undefined) return means;
	throw new OtaError("hsm_unavailable", `token ${token.name} came back without ${lost}, which it sealed with before`);
}
const separator = ", ";

async function meansOf(trial: Trial, role: KeyedRole, found: FoundKey): Promise<Means> {
	if (found.sealing) return await trial.sealing(found.sealing);
	const means = await trial.signing();
	return isRa(role) ? { ...means, ...(await trial.unwrapping(means.names)) } : means;
}

/** How often a way is tried that fails as if the token were away, and the pause between (ms): a moment must not cost a mechanism. */
const tries = 3;
const triesPause = 100;

class Trial {
	readonly #token: OpenToken;
	readonly #found: FoundKey;
	readonly #random: Random;
	readonly #offers: Offers;
	/** Names of an earlier trial's ways; none at the first. */
	readonly #before: ReadonlySet<string>;

	constructor(token: OpenToken, found: FoundKey, random: Random, before: ReadonlySet<string>) {
		this.#token = token;
		this.#found = found;
		this.#random = random;
		this.#offers = offersOf(token);
		this.#before = before;
	}

	async signing(): Promise<Means> {
		const key = this.#found.signing;
		if (!key) throw new OtaError("config", "this key does not sign");
		const way = await this.#first("sign", signingWays(key, this.#offers), (signing) => this.#trySign(signing));
		return { signing: way.value, unwrapping: null, sealing: null, names: { sign: way.name } };
	}

	async #trySign(signing: SigningKey): Promise<void> {
		const { handle, publicKey } = this.#found;
		const message = this.#random(32);
		const signature = await this.#token.pool.run((lease) => sign(lease, { handle, signing }, "sha256", message));
		if (publicKey && !verify("sha256", message, publicKey, signature))
			throw new OtaError("config", "its signature does not verify with its public key on the token");
	}

	async unwrapping(names: Means["names"]): Promise<Pick<Means, "unwrapping" | "names">> {
		let step = 0;
		const way = await this.#first("unwrap content keys", unwrappingWays(this.#offers), async (unwrapping) => {
			await this.#tryUnwrap(unwrapping);
			if (unwrapping === "pkcs1") step = await this.#gridStep();
		});
		return { unwrapping: { way: way.value, step }, names: { ...names, unwrap: way.name } };
	}

	async #tryUnwrap(unwrapping: Unwrapping): Promise<void> {
		const secret = Buffer.from(this.#random(16));
		// Without a public key here the proof with the certificate, which follows, says whether it unwraps.
		if (this.#found.publicKey && !secret.equals(await this.#unwrap(unwrapping, this.#encrypt(secret))))
			throw new OtaError("config", "it does not unwrap what was encrypted");
	}

	async #unwrap(unwrapping: Unwrapping, ciphertext: Uint8Array): Promise<Uint8Array> {
		const { handle, modulus } = this.#found;
		if (!modulus) throw new OtaError("config", "it is not an RSA key");
		const key = { handle, modulus, unwrapping };
		const unwrapped = await this.#token.pool.run((lease) => unwrap(lease, key, ciphertext, this.#random(16)));
		return unwrapped.key;
	}

	#encrypt(secret: Uint8Array): Buffer {
		const { publicKey } = this.#found;
		if (!publicKey) throw new OtaError("config", "the token does not tell its public key");
		return publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, secret);
	}

	/** Five times the slowest of some unwraps, good and malformed; 25 ms at least. */
	async #gridStep(): Promise<number> {
		const malformed = Buffer.alloc(this.#found.modulus?.length ?? 0, 1).fill(0, 0, 1);
		let slowest = 0;
		for (let round = 0; round < 4; round++) {
			for (const ciphertext of this.#found.publicKey ? [malformed, this.#encrypt(this.#random(16))] : [malformed]) {
				const before = performance.now();
				await this.#unwrap("pkcs1", ciphertext);
				slowest = Math.max(slowest, performance.now() - before);
			}
		}
		return Math.max(25, Math.ceil(5 * slowest));
	}

	/** By AES, by RSA, or both where both are there and go. */
	async sealing({ aes, rsa }: { aes: Handle | null; rsa: Handle | null }): Promise<Means> {
		const keys: SealKeys = { aes: null, rsa: null };
		const names: string[] = [];
		const faults: OtaError[] = [];
		for (const way of [aes && (() => this.#sealingByAes(aes)), rsa && (() => this.#sealingByRsa(rsa))]) {
			if (way === null) continue;
			await way().then(
				({ name, value }) => {
					Object.assign(keys, value);
					names.push(name);
				},
				(error: unknown) => faults.push(asOtaError(error)),
			);
		}
		// A key that is away for now has sealed what no other opens.
		if (names.length === 0 || faults.some(isPassing)) throw whole(faults);
		return { signing: null, unwrapping: null, sealing: keys, names: { seal: names.join(separator) } };
	}

	async #sealingByAes(aes: Handle): Promise<Way<Partial<SealKeys>>> {
		const need = "seal with an AES key (an RSA key may do)";
		const way = await this.#first(need, aesSealingWays(this.#offers), () => this.#trySeal({ aes, rsa: null }));
		return { ...way, value: { aes } };
	}

	async #sealingByRsa(handle: Handle): Promise<Way<Partial<SealKeys>>> {
		const { modulus, publicKey } = this.#found;
		if (!modulus || !publicKey) throw new OtaError("config", "the token does not tell the RSA key's public half");
		const rsa = (wrapping: Wrapping): WrappingKey => ({ handle, modulus, publicKey, wrapping });
		const way = await this.#first("seal with an RSA key", wrappingWays(this.#offers), (wrapping) =>
			this.#trySeal({ aes: null, rsa: rsa(wrapping) }),
		);
		return { ...way, value: { rsa: rsa(way.value) } };
	}

	async #trySeal(keys: SealKeys): Promise<void> {
		const { pool } = this.#token;
		const secret = Buffer.from(this.#random(32));
		const aad = Buffer.from("self-test");
		const sealed = await seal((work) => pool.run(work), keys, secret, aad, this.#random);
		if (!secret.equals(await open((work) => pool.run(work), keys, sealed, aad)))
			throw new OtaError("config", "it does not open what it sealed");
	}

	/** The first way that goes; of a token that comes back, none below the one of before. */
	async #first<Value>(
		what: string,
		ways: readonly Way<Value>[],
		attempt: (value: Value) => Promise<void>,
	): Promise<Way<Value>> {
		const faults: OtaError[] = [];
		/** Failed as if the token were away. */
		const doubtful: Way<Value>[] = [];
		for (const way of this.#atLeastBefore(ways)) {
			if (!way.isOffered) {
				faults.push(new OtaError("config", `${way.name} is not offered`));
				continue;
			}
			const failure = await patiently(() => attempt(way.value));
			if (failure === null) return (await this.#firstAgain(doubtful, attempt)) ?? way;
			if (isPassing(failure)) doubtful.push(way);
			// The cause stays the token's own: whether it is lost is read from it.
			const { code, message, cause } = failure;
			faults.push(new OtaError(code, `${way.name}: ${message}`, { cause }));
		}
		const { code, message, cause } = whole(faults);
		const tried = message.replaceAll("\n", "; ");
		const words = `token ${this.#token.name} does not ${what}: ${tried}; put this key on another token`;
		throw new OtaError(code, words, { cause });
	}

	#atLeastBefore<Value>(ways: readonly Way<Value>[]): readonly Way<Value>[] {
		const last = ways.findIndex(({ name }) => this.#before.has(name));
		return last < 0 ? ways : ways.slice(0, last + 1);
	}

	/** The token is there, since a lesser way went: what failed as if it were away is tried once more. */
	async #firstAgain<Value>(
		ways: readonly Way<Value>[],
		attempt: (value: Value) => Promise<void>,
	): Promise<Way<Value> | null> {
		for (const way of ways) if ((await patiently(() => attempt(way.value))) === null) return way;
		return null;
	}
}

/** Null when it went well, once at least. */
async function patiently(attempt: () => Promise<void>): Promise<OtaError | null> {
	for (let count = 1; ; count++) {
		const failure = await attempt().then(() => null, asOtaError);
		if (failure === null || !isPassing(failure) || count === tries) return failure;
		await sleep(triesPause);
	}
}

const isPassing = ({ code }: OtaError): boolean => code === "hsm_unavailable" || code === "hsm_busy";

/** Several faults as one: `hsm_unavailable` when one of them is, since what comes back may then go. */
function whole(faults: readonly OtaError[]): OtaError {
	const away = faults.find(isPassing);
	const words = faults.map(({ message }) => message).join("\n");
	return new OtaError(away?.code ?? "config", words, { cause: away?.cause });
}

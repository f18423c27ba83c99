/** A logged-in token for the ceremony: makes keys inside it, lists them, tells their public halves, signs by label. */
import pkcs11js from "pkcs11js";
import { OtaError } from "../../lib/errors.ts";
import type { HashName } from "../../lib/ports.ts";
import { asHsmError, failureWords } from "../token/failure.ts";
import { loadModule, type Module } from "../token/module.ts";
import { findObject, findObjects, type Reader, readAttribute, readNumber, readText } from "../token/objects.ts";
import { type Curve, readCurve, readPublicKey } from "../token/public-key.ts";
import {
	type SigningKey,
	signatureInput,
	signatureOutput,
	signatureRoom,
	signingMechanism,
} from "../token/signature.ts";
import { findToken, type Handle, login, openSession, readPin, type TokenInfo, unpadded } from "../token/slot.ts";
import { type Pkcs11Uri, parseUri } from "../uri.ts";
import { describeKeys, type KeyDescription } from "./describe.ts";
import { ecPublicTemplate, type KeyUsage, privateTemplate, rsaPublicTemplate, sealTemplate } from "./templates.ts";

export type OpenTokenOptions = { uri: string } | { modulePath: string; tokenLabel: string; pin: string };

export interface TokenKey {
	label: string;
	/** CKA_ID, hex. */
	id: string;
	class: "private" | "public" | "secret";
	type: "rsa" | "ec" | "aes" | "other";
}

/** A key by its label, or by label and id as in its URI. Exactly one must match. */
export type KeyName = string | Pick<Pkcs11Uri, "object" | "id">;

/** One caller at a time: it has one session. Every generate refuses (`conflict`) a label that a key bears already. */
export interface Token {
	/** As CK_TOKEN_INFO tells them, without padding. */
	readonly label: string;
	readonly serial: string;
	list(): Promise<TokenKey[]>;
	/** Private and secret keys with their attributes read back. */
	describe(): Promise<KeyDescription[]>;
	/** Answers the SubjectPublicKeyInfo, DER. `id` is random unless given. */
	generateRsa(key: { label: string; id?: Uint8Array; bits: 2048 | 3072 | 4096; usage: KeyUsage }): Promise<Uint8Array>;
	generateEc(key: {
		label: string;
		id?: Uint8Array;
		curve: Curve;
		usage: Exclude<KeyUsage, "ra" | "seal">;
	}): Promise<Uint8Array>;
	/** AES-256, encrypt and decrypt only. */
	generateSealKey(key: { label: string; id?: Uint8Array }): Promise<void>;
	/** SubjectPublicKeyInfo, DER. `config` when there is no such key. */
	publicKey(key: KeyName): Promise<Uint8Array>;
	/** As `Keys.sign`, by label. */
	sign(key: KeyName, hash: HashName, message: Uint8Array): Promise<Uint8Array>;
	close(): Promise<void>;
}

/** Opens a token by URI (its object and id are not looked at), or by module, label and PIN; logs in once. */
export async function openToken(options: OpenTokenOptions): Promise<Token> {
	const uri = "uri" in options ? parseUri(options.uri) : labelUri(options);
	if (uri.modulePath === undefined) throw new OtaError("config", "the token's URI has no module-path");
	const pin = await readPin(uri);
	const module = loadModule(uri.modulePath, uri.libraryParameters);
	try {
		const slot = findToken(module.pkcs11, uri);
		const session = openSession(module.pkcs11, slot, true);
		login(module.pkcs11, slot, session, pin);
		return new CeremonyToken(module, session, slot.info);
	} catch (error) {
		module.release();
		throw asHsmError("opening the token", error);
	}
}

const labelUri = (options: { modulePath: string; tokenLabel: string; pin: string }): Pkcs11Uri => ({
	modulePath: options.modulePath,
	token: options.tokenLabel,
	pinValue: options.pin,
});

const classes = [
	["private", pkcs11js.CKO_PRIVATE_KEY],
	["public", pkcs11js.CKO_PUBLIC_KEY],
	["secret", pkcs11js.CKO_SECRET_KEY],
] as const;

const named = (key: KeyName): Pick<Pkcs11Uri, "object" | "id"> => (typeof key === "string" ? { object: key } : key);

class CeremonyToken implements Token {
	readonly label: string;
	readonly serial: string;
	readonly #module: Module;
	readonly #session: Handle;
	readonly #reader: Reader;
	/** Buffers of calls that run in the library's threads. */
	readonly #held = new Set<readonly Buffer[]>();

	constructor(module: Module, session: Handle, info: TokenInfo) {
		this.label = unpadded(info.label);
		this.serial = unpadded(info.serialNumber);
		this.#module = module;
		this.#session = session;
		this.#reader = { pkcs11: module.pkcs11, session };
	}

	async list(): Promise<TokenKey[]> {
		return classes.flatMap(([name, objectClass]) =>
			findObjects(this.#reader, objectClass, {}).map((key) => ({
				label: readText(this.#reader, key, pkcs11js.CKA_LABEL),
				id: readAttribute(this.#reader, key, pkcs11js.CKA_ID)?.toString("hex") ?? "",
				class: name,
				type: keyType(readNumber(this.#reader, key, pkcs11js.CKA_KEY_TYPE)),
			})),
		);
	}

	async describe(): Promise<KeyDescription[]> {
		return describeKeys(this.#reader);
	}

	async generateRsa(key: Parameters<Token["generateRsa"]>[0]): Promise<Uint8Array> {
		const id = this.#newId(key.label, key.id);
		const publicTemplate = rsaPublicTemplate(key.label, id, key.usage, key.bits);
		return await this.#generatePair(pkcs11js.CKM_RSA_PKCS_KEY_PAIR_GEN, publicTemplate, key.label, id, key.usage);
	}

	async generateEc(key: Parameters<Token["generateEc"]>[0]): Promise<Uint8Array> {
		const id = this.#newId(key.label, key.id);
		const publicTemplate = ecPublicTemplate(key.label, id, key.usage, key.curve);
		return await this.#generatePair(pkcs11js.CKM_EC_KEY_PAIR_GEN, publicTemplate, key.label, id, key.usage);
	}

	async generateSealKey({ label, id }: Parameters<Token["generateSealKey"]>[0]): Promise<void> {
		const template = sealTemplate(label, this.#newId(label, id));
		try {
			const mechanism = { mechanism: pkcs11js.CKM_AES_KEY_GEN };
			await this.#module.pkcs11.C_GenerateKeyAsync(this.#session, mechanism, template);
		} catch (error) {
			throw asHsmError("C_GenerateKey", error);
		}
	}

	async publicKey(key: KeyName): Promise<Uint8Array> {
		return this.#spki(findObject(this.#reader, pkcs11js.CKO_PRIVATE_KEY, named(key)));
	}

	async sign(name: KeyName, hash: HashName, message: Uint8Array): Promise<Uint8Array> {
		const handle = findObject(this.#reader, pkcs11js.CKO_PRIVATE_KEY, named(name));
		const key = this.#signingKey(handle);
		const buffers = [signatureInput(key, hash, message), Buffer.alloc(signatureRoom(key))] as const;
		this.#held.add(buffers);
		try {
			this.#module.pkcs11.C_SignInit(this.#session, { mechanism: signingMechanism(key, hash) }, handle);
			return signatureOutput(key, await this.#module.pkcs11.C_SignAsync(this.#session, ...buffers));
		} catch (error) {
			throw asHsmError("C_Sign", error);
		} finally {
			this.#held.delete(buffers);
		}
	}

	async close(): Promise<void> {
		// Closing the last session logs out.
		this.#module.pkcs11.C_CloseSession(this.#session);
		this.#module.release();
	}

	/** A key's id: drawn by the token, since MODIFIABLE = 0 leaves no way to set the hash of bits made later. */
	#newId(label: string, given: Uint8Array | undefined): Uint8Array {
		for (const [name, objectClass] of classes) {
			if (findObjects(this.#reader, objectClass, { object: label }).length > 0) {
				throw new OtaError("conflict", `the token has a ${name} key ${label} already`);
			}
		}
		return given ?? this.#module.pkcs11.C_GenerateRandom(this.#session, Buffer.alloc(20));
	}

	async #generatePair(
		mechanism: number,
		publicTemplate: pkcs11js.Template,
		label: string,
		id: Uint8Array,
		usage: KeyUsage,
	): Promise<Uint8Array> {
		try {
			const secret = privateTemplate(label, id, usage);
			await this.#module.pkcs11.C_GenerateKeyPairAsync(this.#session, { mechanism }, publicTemplate, secret);
		} catch (error) {
			throw new OtaError("hsm_refused", `${label}: ${failureWords("C_GenerateKeyPair", error)}`, { cause: error });
		}
		return await this.publicKey(label);
	}

	#signingKey(handle: Handle): SigningKey {
		const type = readNumber(this.#reader, handle, pkcs11js.CKA_KEY_TYPE);
		if (type === pkcs11js.CKK_EC) return { type: "ec", curve: readCurve(this.#reader, handle) };
		const bits = readPublicKey(this.#reader, handle).asymmetricKeyDetails?.modulusLength;
		if (type !== pkcs11js.CKK_RSA || !bits) throw new OtaError("config", "it is neither an RSA nor an EC key");
		return { type: "rsa", size: Math.ceil(bits / 8) };
	}

	#spki(handle: Handle): Uint8Array {
		return readPublicKey(this.#reader, handle).export({ format: "der", type: "spki" });
	}
}

function keyType(type: number | undefined): TokenKey["type"] {
	if (type === pkcs11js.CKK_RSA) return "rsa";
	if (type === pkcs11js.CKK_EC) return "ec";
	return type === pkcs11js.CKK_AES ? "aes" : "other";
}

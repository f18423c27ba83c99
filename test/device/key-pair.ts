/**
 * New key pairs in software. Node (20 at least) holds a key's lock while it exports it as JWK; a garbage
 * collection in between that frees what made this very key waits for the same lock, for ever. So the pair leaves its maker
 * encoded, and is read again.
 */
import { createPrivateKey, createPublicKey, generateKeyPair, generateKeyPairSync, type KeyObject } from "node:crypto";
import { promisify } from "node:util";

/** As node:crypto names it. */
export type KeyKind = "rsa" | "rsa-pss" | "ec" | "ed25519";

/** Of them, what the kind takes. */
export interface KeyPairOptions {
	/** Bits. */
	modulusLength?: number;
	publicExponent?: number;
	/** As OpenSSL or NIST names it. */
	namedCurve?: string;
	paramEncoding?: "explicit" | "named";
}

export interface KeyPair {
	privateKey: KeyObject;
	publicKey: KeyObject;
}

const encodings = {
	publicKeyEncoding: { type: "spki", format: "der" },
	privateKeyEncoding: { type: "pkcs8", format: "der" },
} as const;

/** Node's types have an overload for each kind, and none for a kind that is told at run time. */
type Make<Answer> = (kind: string, options: object) => Answer;
interface Encoded {
	privateKey: Buffer;
}

/** A new pair. */
export function newKeyPair(kind: KeyKind, options: KeyPairOptions = {}): KeyPair {
	const make = generateKeyPairSync as unknown as Make<Encoded>;
	return read(make(kind, { ...options, ...encodings }));
}

/** The same, made by the thread pool. */
export async function makeKeyPair(kind: KeyKind, options: KeyPairOptions = {}): Promise<KeyPair> {
	const make = promisify(generateKeyPair) as unknown as Make<Promise<Encoded>>;
	return read(await make(kind, { ...options, ...encodings }));
}

function read({ privateKey: der }: Encoded): KeyPair {
	const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
	return { privateKey, publicKey: createPublicKey(privateKey) };
}

/**
 * Proof at start that a role's key works and belongs to its certificate: a real signature over random bytes, a key
 * wrapped to the RA certificate, a sealed text opened. Also the agent's health check.
 */
import { constants, type KeyObject, publicEncrypt, verify, X509Certificate } from "node:crypto";
import { OtaError } from "../../lib/errors.ts";
import type { Log, Random } from "../../lib/ports.ts";
import type { IsLate, RoleKey } from "./keys.ts";
import type { LastingKey } from "./lasting-key.ts";
import { isRa, type KeyedRole } from "./policy.ts";

/** Resolves when the key does what its role needs; `config` in words that an operator can act upon. */
export async function proveKey(
	role: KeyedRole,
	key: RoleKey,
	certificate: Uint8Array | undefined,
	{ random, log }: { random: Random; log: Log },
): Promise<void> {
	if (role === "seal") {
		await proveSeal(key, random);
		return;
	}
	const publicKey = certificate ? certifiedKey(certificate) : key.publicKey;
	const message = random(32);
	const signature = await key.sign("sha256", message);
	if (!publicKey) {
		log.warn("hsm.unproven", { role, reason: "neither a certificate nor a public key to verify its signature with" });
		return;
	}
	if (!verify("sha256", message, publicKey, signature)) throw mismatch(certificate, "its signature does not verify");
	if (isRa(role)) await proveUnwrap(key, publicKey, random, certificate);
}

const mismatch = (certificate: Uint8Array | undefined, what: string): OtaError =>
	new OtaError(
		"config",
		`${what} with ${certificate ? "its certificate: it is another key's" : "its public key on the token"}`,
	);

function certifiedKey(certificate: Uint8Array): KeyObject {
	try {
		return new X509Certificate(certificate).publicKey;
	} catch (error) {
		throw new OtaError("config", "its certificate is not a DER certificate", { cause: error });
	}
}

async function proveUnwrap(
	key: RoleKey,
	publicKey: KeyObject,
	random: Random,
	certificate?: Uint8Array,
): Promise<void> {
	const secret = Buffer.from(random(16));
	const wrapped = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, secret);
	if (!secret.equals(await key.unwrap(wrapped, 16)))
		throw mismatch(certificate, "it does not unwrap what was encrypted");
}

async function proveSeal(key: Pick<RoleKey, "seal" | "open">, random: Random, isLate?: IsLate): Promise<void> {
	const secret = Buffer.from(random(32));
	const aad = Buffer.from("self-test");
	if (!secret.equals(await key.open(await key.seal(secret, aad, isLate), aad, isLate))) {
		throw new OtaError("config", "it does not open what it sealed");
	}
}

/**
 * A real signature that verifies, or a text sealed and opened: what a health check must ask for (session state stays good
 * without a token).
 */
export async function checkKey(role: KeyedRole, key: LastingKey, random: Random, isLate: IsLate): Promise<void> {
	key.assertReady();
	if (role === "seal") return proveSeal(key, random, isLate);
	const message = random(32);
	const signature = await key.sign("sha256", message, isLate);
	if (key.publicKey && !verify("sha256", message, key.publicKey, signature)) {
		throw new OtaError("hsm_refused", `role ${role}: the signature does not verify`);
	}
}

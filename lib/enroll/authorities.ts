/**
 * Proof, before the first request is answered, that the four certificates belong together and to the keys: a mix-up would
 * otherwise show on people's devices alone.
 */
import { verify } from "node:crypto";
import { buildKeyProof } from "../ca/key-proof.ts";
import { keyUsageBit, type X509 } from "../cms/certificate.ts";
import { type ChainRules, chainFaults } from "../cms/chain.ts";
import { ConfigError } from "../errors.ts";
import type { Keys, Random, SigningRole } from "../ports.ts";

type Certificates = Record<"root" | SigningRole, X509>;

/** ConfigError with every fault; whatever the keys raise when the token is away. */
export async function checkAuthorities(
	certificates: Certificates,
	keys: Pick<Keys, "sign">,
	now: Date,
	random: Random,
): Promise<void> {
	const faults = [
		...chains(certificates),
		...Object.entries(certificates).flatMap(([role, certificate]) => dates(role, certificate, now)),
		...usage(certificates.ra),
	];
	if (faults.length === 0) faults.push(...(await bindings(certificates, keys, now, random)));
	if (faults.length > 0) throw new ConfigError(faults);
}

/** Of every certificate under our own CA. Dates are told apart: here with another remedy, of identities by the database. */
export const ownRules: ChainRules = {
	at: null,
	digests: ["sha256", "sha384", "sha512"],
	rsaBits: 2048,
	usage: [keyUsageBit.digitalSignature],
	purpose: null,
};

/** RA and profile signer under the issuing CA under the root: what is wrong with each, from the top. */
function chains({ root, ca, ra, profile }: Certificates): string[] {
	const faults = Object.entries({ RA: ra, PROFILE: profile }).flatMap(([leaf, certificate]) =>
		chainFaults([certificate, ca], root, ownRules).map(({ index, why }) => {
			const name = [leaf, "CA", "ROOT"][index];
			return { index, text: `OTA_${name}_CERT: ${why}; configure certificates of one ceremony` };
		}),
	);
	return [...new Set(faults.sort((a, b) => b.index - a.index).map(({ text }) => text))];
}

function dates(role: string, { notBefore, notAfter }: X509, now: Date): string[] {
	if (notBefore <= now && now <= notAfter) return [];
	const when = `${notBefore.toISOString()} to ${notAfter.toISOString()}`;
	return [`the ${role} certificate is valid from ${when}: renew it, or set the clock`];
}

/** Apple's client takes for the RA whoever has both bits, and its key must unwrap PKCS#1 v1.5. */
function usage(ra: X509): string[] {
	const { keyUsage, publicKey } = ra;
	const both = keyUsage?.has(keyUsageBit.digitalSignature) && keyUsage.has(keyUsageBit.keyEncipherment);
	if (both && publicKey.asymmetricKeyType === "rsa") return [];
	return ["OTA_RA_CERT: it must be RSA, for digitalSignature and keyEncipherment"];
}

/** A real signature with each key, verified with its certificate. */
async function bindings(
	certificates: Certificates,
	keys: Pick<Keys, "sign">,
	now: Date,
	random: Random,
): Promise<string[]> {
	const roles: readonly SigningRole[] = ["ca", "ra", "profile"];
	const faults = roles.map(async (role) => {
		const message = role === "ca" ? buildKeyProof(certificates.ca, now, random) : random(32);
		const signature = await keys.sign(role, "sha256", message);
		const holds = verify("sha256", message, certificates[role].publicKey, signature);
		return holds ? [] : [`OTA_${role.toUpperCase()}_CERT: its key is not the one behind OTA_${role.toUpperCase()}_KEY`];
	});
	return (await Promise.all(faults)).flat();
}

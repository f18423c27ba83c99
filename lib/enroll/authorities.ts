/**
 * Proof, before the first request is answered, that the certificates belong together and to the keys: a mix-up would
 * otherwise show on people's devices alone.
 */
import { verify } from "node:crypto";
import { buildTbsCertList } from "../ca/crl.ts";
import { generationFaults } from "../ca/generation-faults.ts";
import { buildKeyProof } from "../ca/key-proof.ts";
import { keyHashOf } from "../ca/ocsp-cert-id.ts";
import { buildResponseData } from "../ca/ocsp-response.ts";
import { keyUsageBit, type X509 } from "../cms/certificate.ts";
import { type ChainRules, chainFaults } from "../cms/chain.ts";
import { oids } from "../der/oids.ts";
import { algorithmIdentifier, integer, octetString, sequenceOf } from "../der/writer.ts";
import { ConfigError } from "../errors.ts";
import type { Keys, Random, SigningRole } from "../ports.ts";

export interface OwnCertificates {
	root: X509;
	ca: X509;
	ra: X509;
	profile: X509;
	/** Of the responder's one key, by the issuing CAs; none: no OCSP. */
	ocsp: readonly X509[];
	caOld: X509 | null;
	raOld: X509 | null;
	/** GetNextCACert's answer, DER; null: there is none. */
	nextCa: Uint8Array | null;
}

/** ConfigError with every fault; whatever the keys raise when the token is away. */
export async function checkAuthorities(
	certificates: OwnCertificates,
	keys: Pick<Keys, "sign">,
	now: Date,
	random: Random,
): Promise<void> {
	const faults = [
		...chains(certificates),
		...generationFaults(certificates),
		...listed(certificates).flatMap(([role, certificate]) => dates(role, certificate, now)),
		...usage("RA", certificates.ra),
		...(certificates.raOld ? usage("RA_OLD", certificates.raOld) : []),
	];
	if (faults.length === 0) faults.push(...(await bindings(certificates, keys, now, random)));
	if (faults.length > 0) throw new ConfigError(faults);
}

/** Every certificate with its role. */
export const listed = ({
	ocsp,
	caOld,
	raOld,
	nextCa: _,
	...usual
}: OwnCertificates): [role: string, certificate: X509][] => [
	...Object.entries(usual),
	...ocsp.map((certificate): [string, X509] => ["ocsp", certificate]),
	...(caOld ? [["caOld", caOld] satisfies [string, X509]] : []),
	...(raOld ? [["raOld", raOld] satisfies [string, X509]] : []),
];

/** Of every certificate under our own CA. Dates are told apart: here with another remedy, of identities by the database. */
export const ownRules: ChainRules = {
	at: null,
	digests: ["sha256", "sha384", "sha512"],
	rsaBits: 2048,
	usage: [keyUsageBit.digitalSignature],
	purpose: null,
};

/** RA and profile signer under the issuing CA under the root: what is wrong with each, from the top. */
function chains({ root, ca, ra, profile }: OwnCertificates): string[] {
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
	const remedy = role.endsWith("Old") ? "leave it out when it is over" : "renew it";
	return [`the ${role} certificate is valid from ${when}: ${remedy}, or set the clock`];
}

/** Apple's client takes for the RA whoever has both bits, and its key must unwrap PKCS#1 v1.5. */
function usage(name: string, ra: X509): string[] {
	const { keyUsage, publicKey } = ra;
	const both = keyUsage?.has(keyUsageBit.digitalSignature) && keyUsage.has(keyUsageBit.keyEncipherment);
	if (both && publicKey.asymmetricKeyType === "rsa") return [];
	return [`OTA_${name}_CERT: it must be RSA, for digitalSignature and keyEncipherment`];
}

/** A real signature with each key, verified with its certificate; over what the agent lets that role sign. */
async function bindings(own: OwnCertificates, keys: Pick<Keys, "sign">, now: Date, random: Random): Promise<string[]> {
	const [ocsp] = own.ocsp;
	const proofs: [SigningRole, string, X509 | null | undefined, (certificate: X509) => Uint8Array][] = [
		["ca", "CA", own.ca, (ca) => buildKeyProof(ca, now, random)],
		["ra", "RA", own.ra, () => random(32)],
		["profile", "PROFILE", own.profile, () => random(32)],
		["ocsp", "OCSP", ocsp, (responder) => aboutNothing(responder, now)],
		["caOld", "CA_OLD", own.caOld, (ca) => emptyList(ca, now)],
		["raOld", "RA_OLD", own.raOld, () => random(32)],
	];
	const faults = proofs.map(async ([role, name, certificate, proofOf]) => {
		if (!certificate) return [];
		const message = proofOf(certificate);
		const signature = await keys.sign(role, "sha256", message);
		const holds = verify("sha256", message, certificate.publicKey, signature);
		return holds ? [] : [`OTA_${name}_CERT: its key is not the one behind OTA_${name}_KEY`];
	});
	return (await Promise.all(faults)).flat();
}

/** A TBSCertList of a moment that is over when it is signed; its signature is thrown away. */
function emptyList(ca: X509, now: Date): Uint8Array {
	const nextUpdate = new Date(Math.floor(now.getTime() / 1000) * 1000);
	const thisUpdate = new Date(nextUpdate.getTime() - 1000);
	return buildTbsCertList({ ca, entries: [], number: 0, thisUpdate, nextUpdate });
}

/** ResponseData about a certificate of nobody's, for a minute. */
const aboutNothing = (responder: X509, now: Date): Uint8Array =>
	buildResponseData({
		responderKeyHash: Buffer.from(keyHashOf("sha1", responder), "hex"),
		producedAt: now,
		responses: [{ certID: nobodys, certStatus: { status: "unknown" }, thisUpdate: now, nextUpdate: inAMinute(now) }],
		nonce: null,
	});
const inAMinute = (now: Date): Date => new Date(now.getTime() + 60_000);
const noHash = octetString(new Uint8Array(20));
const nobodys: Uint8Array = sequenceOf(algorithmIdentifier(oids.sha1), noHash, noHash, integer(0));

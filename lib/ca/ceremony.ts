/**
 * The key ceremony: four certificates over keys that already live in the token, each signed there, and a transcript of
 * what was made (RFC 5280 section 4). Nothing is stored here: whoever calls keeps the files.
 */
import type { X509Certificate } from "node:crypto";
import { OtaError } from "../errors.ts";
import type { Authorities } from "../options.ts";
import type { Clock, Random } from "../ports.ts";
import { type CeremonySigner, importPublicKey, type KeyUsage, signCertificate } from "./ceremony-certificate.ts";
import { checkOrganization, distinguishedName, type Title } from "./ceremony-name.ts";
import { type KeyRecord, transcript } from "./ceremony-transcript.ts";

export type { CeremonySigner } from "./ceremony-certificate.ts";
export type { KeyRecord } from "./ceremony-transcript.ts";

/** A signing key of the ceremony: how it signs, and what the token says of it. */
export interface CeremonyKey extends CeremonySigner, KeyRecord {}

export interface CeremonyInput {
	/** 1 to 48 characters: O of every name, and the beginning of every CN. */
	organization: string;
	/** Who holds the ceremony, and on which token: for the transcript. */
	operator: string;
	token: string;
	keys: { root: CeremonyKey; ca: CeremonyKey; ra: CeremonyKey; profile: CeremonyKey; seal: KeyRecord };
	clock: Clock;
	random: Random;
}

/** The four certificates as PEM, and the text that tells of them. */
export interface CeremonyResult extends Authorities {
	transcript: string;
}

type Role = keyof Authorities;

interface Template {
	title: Title;
	issuedBy: Role;
	years: number;
	pathLength: number | null;
	keyUsage: readonly KeyUsage[];
}

/** The root ends where a chain may be two CAs long; the profile signer has no extended key usage, as Apple's own signers. */
const templates: Record<Role, Template> = {
	root: { title: "Root CA", issuedBy: "root", years: 10, pathLength: 1, keyUsage: ["keyCertSign", "cRLSign"] },
	ca: { title: "Issuing CA", issuedBy: "root", years: 5, pathLength: 0, keyUsage: ["keyCertSign", "cRLSign"] },
	// Apple's client takes the first certificate with exactly this pair of bits for the RA.
	ra: {
		title: "SCEP RA",
		issuedBy: "ca",
		years: 2,
		pathLength: null,
		keyUsage: ["digitalSignature", "keyEncipherment"],
	},
	profile: { title: "Profile Signing", issuedBy: "ca", years: 2, pathLength: null, keyUsage: ["digitalSignature"] },
};

/** Device clocks that run a little late must still find the certificates valid. */
const backdate = 5 * 60_000;

/**
 * Signs root, issuing CA, RA and profile signer, in that order, and answers their PEMs with the transcript.
 * Errors: `config` for the organization, `key_policy` for keys of the wrong kind or one key in two roles,
 * `hsm_refused` when a certificate does not verify, and whatever the signers raise.
 */
export async function runCeremony(input: CeremonyInput): Promise<CeremonyResult> {
	checkOrganization(input.organization);
	checkKeys(input.keys);
	const at = input.clock();
	const root = await certify("root", null, input, at);
	const ca = await certify("ca", root, input, at);
	const ra = await certify("ra", ca, input, at);
	const profile = await certify("profile", ca, input, at);
	const entries = Object.entries({ root, ca, ra, profile }).map(([role, certificate]) => ({
		title: templates[role as Role].title,
		key: input.keys[role as Role],
		certificate,
	}));
	return {
		root: root.toString(),
		ca: ca.toString(),
		ra: ra.toString(),
		profile: profile.toString(),
		transcript: transcript({ ...input, at }, [
			...entries,
			{ title: "Seal (AES)", key: input.keys.seal, certificate: null },
		]),
	};
}

async function certify(
	role: Role,
	issuer: X509Certificate | null,
	input: CeremonyInput,
	at: Date,
): Promise<X509Certificate> {
	const template = templates[role];
	const plan = {
		subject: distinguishedName(input.organization, template.title),
		issuer: distinguishedName(input.organization, templates[template.issuedBy].title),
		publicKey: input.keys[role].publicKey,
		keyUsage: template.keyUsage,
		pathLength: template.pathLength,
		...validity(at, template.years, issuer),
	};
	return signCertificate(plan, input.keys[template.issuedBy], issuer, input.random);
}

/** Whole seconds, since that is all a certificate can say; never beyond the issuer's own dates. */
function validity(at: Date, years: number, issuer: X509Certificate | null): { notBefore: Date; notAfter: Date } {
	const second = Math.floor(at.getTime() / 1000) * 1000;
	const end = new Date(second);
	end.setUTCFullYear(end.getUTCFullYear() + years);
	const issuerEnd = issuer ? Date.parse(issuer.validTo) : Number.POSITIVE_INFINITY;
	return { notBefore: new Date(second - backdate), notAfter: new Date(Math.min(end.getTime(), issuerEnd)) };
}

/** RSA of at least 2048 bits or P-256; RSA where Apple's client demands it; one key, one role. */
function checkKeys(keys: CeremonyInput["keys"]): void {
	const seen = new Set<string>();
	for (const role of ["root", "ca", "ra", "profile"] as const) {
		const details = importPublicKey(keys[role].publicKey);
		const bits = details.asymmetricKeyType === "rsa" ? (details.asymmetricKeyDetails?.modulusLength ?? 0) : 0;
		const isP256 = details.asymmetricKeyDetails?.namedCurve === "prime256v1";
		const mayBeP256 = role === "root" || role === "ca";
		if (bits < 2048 && !(isP256 && mayBeP256)) {
			throw new OtaError("key_policy", `The ${role} key must be RSA-2048 or more${mayBeP256 ? ", or P-256" : ""}.`);
		}
		seen.add(Buffer.from(keys[role].publicKey).toString("base64"));
	}
	if (seen.size !== 4) throw new OtaError("key_policy", "Two roles of the ceremony share one key.");
}

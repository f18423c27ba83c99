/**
 * The key ceremony: four certificates over keys that already live in the token, each signed there, and a transcript of
 * what was made (RFC 5280 section 4). Nothing is stored here: whoever calls keeps the files.
 */
import type { X509Certificate } from "node:crypto";
import { RelativeDistinguishedNames } from "pkijs";
import { readCertificate } from "../cms/certificate.ts";
import { writeName } from "../der/name.ts";
import { OtaError } from "../errors.ts";
import type { Authorities } from "../options.ts";
import type { Clock, Random, SubjectName } from "../ports.ts";
import { type CeremonySigner, importPublicKey, type KeyUsage, signCertificate } from "./ceremony-certificate.ts";
import { checkOrganization, distinguishedName, type Title } from "./ceremony-name.ts";
import { type KeyRecord, signTranscript, type TranscriptEntry, transcript } from "./ceremony-transcript.ts";

export type { CeremonySigner } from "./ceremony-certificate.ts";
export type { KeyRecord } from "./ceremony-transcript.ts";

/** A signing key of the ceremony: how it signs, and what the token says of it. */
export interface CeremonyKey extends CeremonySigner, KeyRecord {
	publicKey: Uint8Array;
}

export interface CeremonyInput {
	/** 1 to 48 characters: O of every name, and the beginning of every CN. */
	organization: string;
	/** Who holds the ceremony, and on which token: for the transcript. */
	operator: string;
	token: string;
	/** `root` null: it is kept elsewhere, and `issued` has what it made. */
	keys: { root: CeremonyKey | null; ca: CeremonyKey; ra: CeremonyKey; profile: CeremonyKey; seal: KeyRecord };
	/** Certificates that were made elsewhere: the root, and the issuing CA under it. */
	issued?: { root: X509Certificate; ca: X509Certificate };
	/** Other subjects and lifetimes than ours, by role. */
	subjects?: Partial<Record<Role, SubjectName>>;
	years?: Partial<Record<Role, number>>;
	/** SHA-256 of the plan, hex, and who watched: for the transcript. */
	plan?: string;
	witnesses?: readonly string[];
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
	const root = input.issued?.root ?? (await certify("root", null, input, at));
	const ca = input.issued?.ca ?? (await certify("ca", root, input, at));
	const ra = await certify("ra", ca, input, at);
	const profile = await certify("profile", ca, input, at);
	const made = { root, ca, ra, profile };
	const entries: TranscriptEntry[] = (Object.keys(made) as Role[]).map((role) => ({
		title: templates[role].title,
		key: input.keys[role],
		certificate: made[role],
		file: `${role}.pem`,
	}));
	const { seal } = input.keys;
	entries.push({ title: seal.attributes.type === "rsa" ? "Seal (RSA)" : "Seal (AES)", key: seal, certificate: null });
	const text = transcript("ceremony", { ...input, at }, entries);
	return {
		root: root.toString(),
		ca: ca.toString(),
		ra: ra.toString(),
		profile: profile.toString(),
		transcript: await signTranscript(text, input.keys.ca),
	};
}

async function certify(
	role: Role,
	issuer: X509Certificate | null,
	input: CeremonyInput,
	at: Date,
): Promise<X509Certificate> {
	const template = templates[role];
	const key = input.keys[role];
	const signer = input.keys[template.issuedBy];
	if (!key || !signer)
		throw new OtaError("config", `The ceremony has no key to make the ${template.title} certificate.`);
	const planned = input.subjects?.[role];
	const subject = planned
		? RelativeDistinguishedNames.fromBER(Uint8Array.from(writeName(planned)))
		: distinguishedName(input.organization, template.title);
	const plan = {
		subject,
		issuer: issuer ? subjectOf(issuer) : subject,
		publicKey: key.publicKey,
		keyUsage: template.keyUsage,
		pathLength: template.pathLength,
		...validity(at, input.years?.[role] ?? template.years, issuer),
	};
	return signCertificate(plan, signer, issuer, input.random);
}

/** The name as its bytes are in the certificate: chains are compared so. */
const subjectOf = (certificate: X509Certificate): RelativeDistinguishedNames =>
	RelativeDistinguishedNames.fromBER(Uint8Array.from(readCertificate(Uint8Array.from(certificate.raw)).subject));

/** What a successor of the RA's or the profile signer's key is made from. */
export interface SuccessorInput {
	role: "ra" | "profile";
	/** The certificate that it follows, and the issuing CA's. */
	current: X509Certificate;
	ca: X509Certificate;
	caKey: CeremonyKey;
	key: CeremonyKey;
	operator: string;
	token: string;
	organization: string;
	/** The certificate's file, for the transcript. */
	file: string;
	clock: Clock;
	random: Random;
}

/** The certificate of a new RA or profile-signing key, with its predecessor's subject, and the transcript. PEM and text. */
export async function certifySuccessor(input: SuccessorInput): Promise<{ certificate: string; transcript: string }> {
	const { role, ca, key } = input;
	const template = templates[role];
	const at = input.clock();
	const plan = {
		subject: subjectOf(input.current),
		issuer: subjectOf(ca),
		publicKey: key.publicKey,
		keyUsage: template.keyUsage,
		pathLength: null,
		...validity(at, template.years, ca),
	};
	const certificate = await signCertificate(plan, input.caKey, ca, input.random);
	const entry = { title: template.title, key, certificate, file: input.file };
	const text = transcript("rotation", { ...input, at }, [entry]);
	return { certificate: certificate.toString(), transcript: await signTranscript(text, input.caKey) };
}

/** Whole seconds, since that is all a certificate can say; never beyond the issuer's own dates. */
function validity(at: Date, years: number, issuer: X509Certificate | null): { notBefore: Date; notAfter: Date } {
	const second = Math.floor(at.getTime() / 1000) * 1000;
	const end = new Date(second);
	end.setUTCFullYear(end.getUTCFullYear() + years);
	const issuerStart = issuer ? Date.parse(issuer.validFrom) : Number.NEGATIVE_INFINITY;
	const issuerEnd = issuer ? Date.parse(issuer.validTo) : Number.POSITIVE_INFINITY;
	return {
		notBefore: new Date(Math.max(second - backdate, issuerStart)),
		notAfter: new Date(Math.min(end.getTime(), issuerEnd)),
	};
}

/** RSA of at least 2048 bits or P-256; RSA where Apple's client demands it; one key, one role. */
function checkKeys(keys: CeremonyInput["keys"]): void {
	const certified = Object.entries({ root: keys.root, ca: keys.ca, ra: keys.ra, profile: keys.profile });
	for (const [role, key] of certified) {
		if (key === null) continue;
		const details = importPublicKey(key.publicKey);
		const bits = details.asymmetricKeyType === "rsa" ? (details.asymmetricKeyDetails?.modulusLength ?? 0) : 0;
		const isP256 = details.asymmetricKeyDetails?.namedCurve === "prime256v1";
		const mayBeP256 = role === "root" || role === "ca";
		if (bits < 2048 && !(isP256 && mayBeP256)) {
			throw new OtaError("key_policy", `The ${role} key must be RSA-2048 or more${mayBeP256 ? ", or P-256" : ""}.`);
		}
	}
	const halves = [...certified.map(([, key]) => key), keys.seal].flatMap((key) => key?.publicKey ?? []);
	if (new Set(halves.map((half) => Buffer.from(half).toString("base64"))).size !== halves.length)
		throw new OtaError("key_policy", "Two roles of the ceremony share one key.");
}

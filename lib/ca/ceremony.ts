/**
 * The key ceremony: five certificates over keys that already live in the token, each signed there, and a transcript of
 * what was made (RFC 5280 section 4). Nothing is stored here: whoever calls keeps the files.
 */
import type { X509Certificate } from "node:crypto";
import { OtaError } from "../errors.ts";
import type { Authorities } from "../options.ts";
import type { Clock, Random, SubjectName } from "../ports.ts";
import { type CeremonySigner, importPublicKey } from "./ceremony-certificate.ts";
import { checkOrganization, distinguishedName } from "./ceremony-name.ts";
import { type CertifiedRole, certify, nameOf, templates } from "./ceremony-template.ts";
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
	/** `root` null: it is kept elsewhere, and `issued` has what it made. Without `ocsp` there is no responder. */
	keys: {
		root: CeremonyKey | null;
		ca: CeremonyKey;
		ra: CeremonyKey;
		profile: CeremonyKey;
		ocsp?: CeremonyKey | null;
		seal: KeyRecord;
	};
	/** Certificates that were made elsewhere: the root, and the issuing CA under it. */
	issued?: { root: X509Certificate; ca: X509Certificate };
	/** Other subjects and lifetimes than ours, by role. */
	subjects?: Partial<Record<CertifiedRole, SubjectName>>;
	years?: Partial<Record<CertifiedRole, number>>;
	/** SHA-256 of the plan, hex, and who watched: for the transcript. */
	plan?: string;
	witnesses?: readonly string[];
	clock: Clock;
	random: Random;
}

/** The certificates as PEM, and the text that tells of them. */
export interface CeremonyResult extends Pick<Authorities, CertifiedRole> {
	transcript: string;
}

/**
 * Signs root, issuing CA, RA, profile signer and OCSP responder, in that order, and answers their PEMs with the transcript.
 * Errors: `config` for the organization, `key_policy` for keys of the wrong kind or one key in two roles,
 * `hsm_refused` when a certificate does not verify, and whatever the signers raise.
 */
export async function runCeremony(input: CeremonyInput): Promise<CeremonyResult> {
	checkOrganization(input.organization);
	checkKeys(input.keys);
	const at = input.clock();
	const root = input.issued?.root ?? (await certifyRole("root", null, input, at));
	const ca = input.issued?.ca ?? (await certifyRole("ca", root, input, at));
	const ra = await certifyRole("ra", ca, input, at);
	const profile = await certifyRole("profile", ca, input, at);
	const ocsp = input.keys.ocsp ? await certifyRole("ocsp", ca, input, at) : null;
	const made = { root, ca, ra, profile, ...(ocsp && { ocsp }) };
	const entries: TranscriptEntry[] = Object.entries(made).map(([role, certificate]) => ({
		title: templates[role as CertifiedRole].title,
		key: input.keys[role as CertifiedRole] ?? null,
		certificate,
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
		...(ocsp && { ocsp: ocsp.toString() }),
		transcript: await signTranscript(text, input.keys.ca),
	};
}

async function certifyRole(
	role: CertifiedRole,
	issuer: X509Certificate | null,
	input: CeremonyInput,
	at: Date,
): Promise<X509Certificate> {
	const { title, issuedBy } = templates[role];
	const key = input.keys[role];
	const signer = input.keys[issuedBy];
	if (!key || !signer) throw new OtaError("config", `The ceremony has no key to make the ${title} certificate.`);
	const planned = input.subjects?.[role];
	const subject = planned ? nameOf(planned) : distinguishedName(input.organization, title);
	const { publicKey } = key;
	return certify({ role, subject, publicKey, issuer, signer, years: input.years?.[role], at, random: input.random });
}

/** RSA of at least 2048 bits or P-256; RSA where Apple's client demands it; one key, one role. */
function checkKeys(keys: CeremonyInput["keys"]): void {
	const { seal, ...certified } = keys;
	for (const [role, key] of Object.entries(certified)) {
		if (!key) continue;
		const details = importPublicKey(key.publicKey);
		const bits = details.asymmetricKeyType === "rsa" ? (details.asymmetricKeyDetails?.modulusLength ?? 0) : 0;
		const isP256 = details.asymmetricKeyDetails?.namedCurve === "prime256v1";
		const mayBeP256 = role === "root" || role === "ca" || role === "ocsp";
		if (bits < 2048 && !(isP256 && mayBeP256)) {
			throw new OtaError("key_policy", `The ${role} key must be RSA-2048 or more${mayBeP256 ? ", or P-256" : ""}.`);
		}
	}
	const halves = [...Object.values(certified), seal].flatMap((key) => key?.publicKey ?? []);
	if (new Set(halves.map((half) => Buffer.from(half).toString("base64"))).size !== halves.length)
		throw new OtaError("key_policy", "Two roles of the ceremony share one key.");
}

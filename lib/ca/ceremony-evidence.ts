/** What a transcript is held against: the keys on the tokens, the certificates beside it, and what the configuration names. */
import { createHash, type X509Certificate } from "node:crypto";
import { readCertificate, type X509 } from "../cms/certificate.ts";
import { asOtaError } from "../errors.ts";
import type { RecordedSection } from "./ceremony-reading.ts";
import type { CertifiedRole } from "./ceremony-template.ts";
import type { KeyRecord } from "./ceremony-transcript.ts";

/** A key, described as the ceremony describes it. */
export interface FoundKey extends KeyRecord {
	/** Where it lies. */
	token: string;
	/** Whose configured URI names it. */
	roles: readonly string[];
}

export interface Evidence {
	keys: readonly FoundKey[];
	/** The certificate of a file beside the transcript, or null. */
	certificateOf(file: string): X509Certificate | null;
	/** The message of a file beside the transcript, DER, or null. */
	messageOf(file: string): Uint8Array | null;
	/** What the configuration names. */
	configured: {
		certificates: Partial<Record<CertifiedRole | "caOld", X509Certificate>>;
		/** Roles whose key it names: one of `keys` must have each. */
		keys: readonly string[];
	};
}

/** With the token that the transcript says its key is on. */
export type Section = RecordedSection & { role: CertifiedRole | "seal" | undefined; token: string | undefined };

export const certificateOf = ({ fields }: RecordedSection, evidence: Evidence): X509Certificate | null =>
	evidence.certificateOf(fields.get("File") ?? "");

/** The key that fits best of those with its label: by public half, id and token, in this order. */
export function findKey(section: Section, keys: readonly FoundKey[]): FoundKey | undefined {
	const id = section.attributes.get("CKA_ID");
	const digest = section.fields.get("Key SHA-256");
	const likeness = (key: FoundKey): number =>
		Number(digestOf(key) === digest) * 4 +
		Number(String(key.attributes.CKA_ID) === id) * 2 +
		Number(key.token === section.token);
	const labelled = keys.filter((key) => key.label === section.fields.get("Key label"));
	return labelled.sort((one, other) => likeness(other) - likeness(one))[0];
}

export const digestOf = ({ publicKey }: FoundKey): string | undefined =>
	publicKey && createHash("sha256").update(publicKey).digest("hex");

/** Read strictly, or why it cannot be. */
export function strict(certificate: X509Certificate): X509 | string {
	try {
		return readCertificate(Uint8Array.from(certificate.raw));
	} catch (error) {
		return `its certificate cannot be read: ${asOtaError(error).message}`;
	}
}

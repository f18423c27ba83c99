/**
 * The ceremony's transcript: what was made, when and by whom, in plain text that a witness can compare with the token and
 * with the certificates (`openssl x509 -fingerprint`, `pkcs11-tool --list-objects`).
 */
import { createHash, type X509Certificate } from "node:crypto";

/** A key as the token tells of it. */
export interface KeyRecord {
	label: string;
	/** PKCS#11 attributes read back from the token: `CKA_SENSITIVE` and its like. */
	attributes: Readonly<Record<string, string | number | boolean>>;
}

/** What the transcript tells of one key and, unless it is the seal key, of its certificate. */
export interface TranscriptEntry {
	/** "Root CA", ...; "Seal (AES)" has no certificate. */
	title: string;
	key: KeyRecord;
	certificate: X509Certificate | null;
}

export interface TranscriptHead {
	organization: string;
	/** Who held the ceremony, and on which token: shown as they are. */
	operator: string;
	token: string;
	at: Date;
}

/** Plain text, lines ended by LF. */
export function transcript(head: TranscriptHead, entries: readonly TranscriptEntry[]): string {
	const lines = [
		"Key ceremony",
		...fields([
			["Organization", head.organization],
			["Held at", head.at.toISOString()],
			["Held by", head.operator],
			["Token", head.token],
		]),
		"",
		"All keys were generated inside the token; the certificates were signed there and verified outside.",
		...entries.flatMap(section),
	];
	return `${lines.join("\n")}\n`;
}

function section(entry: TranscriptEntry): string[] {
	const attributes = Object.entries(entry.key.attributes).map(([name, value]) => `${name}=${value}`);
	return [
		"",
		entry.title,
		...fields([["Key label", entry.key.label]]),
		...(entry.certificate ? fields(certificateFields(entry.certificate)) : []),
		...(attributes.length > 0 ? fields([["Attributes", attributes.join(" ")]]) : []),
	];
}

function certificateFields(certificate: X509Certificate): [string, string][] {
	const spki = certificate.publicKey.export({ type: "spki", format: "der" });
	const key = certificate.publicKey;
	const size = key.asymmetricKeyDetails?.modulusLength;
	return [
		["Key type", size ? `RSA-${size}` : `EC ${key.asymmetricKeyDetails?.namedCurve}`],
		["Key SHA-256", createHash("sha256").update(spki).digest("hex")],
		["Subject", oneLine(certificate.subject)],
		["Issuer", oneLine(certificate.issuer)],
		["Serial number", certificate.serialNumber.toLowerCase()],
		["Not before", new Date(certificate.validFrom).toISOString()],
		["Not after", new Date(certificate.validTo).toISOString()],
		["SHA-256", certificate.fingerprint256],
		["SHA-1", certificate.fingerprint],
	];
}

function fields(pairs: readonly (readonly [string, string])[]): string[] {
	return pairs.map(([name, value]) => `  ${`${name}:`.padEnd(15)}${value}`);
}

/** Node tells a name one attribute a line. */
function oneLine(name: string): string {
	return name.split("\n").join(", ");
}

/**
 * The ceremony's transcript: what was made, when and by whom, in plain text that a witness can compare with the token and
 * with the certificates (`openssl x509 -fingerprint`, `pkcs11-tool --list-objects`), and that `ota ceremony verify` reads
 * again. Format 2: attributes read back, each certificate's file, and a signature over all of it.
 */
import { createHash, type X509Certificate } from "node:crypto";
import type { CeremonySigner } from "./ceremony-certificate.ts";

/** A key as the token tells of it. */
export interface KeyRecord {
	label: string;
	/** The token that holds it, when it is not the ceremony's. */
	token?: string;
	/** It was there before. */
	existing?: boolean;
	/** SubjectPublicKeyInfo, DER, of a key pair. */
	publicKey?: Uint8Array;
	/** PKCS#11 attributes read back from the token: `CKA_SENSITIVE` and its like. */
	attributes: Readonly<Record<string, string | number | boolean>>;
}

/** What the transcript tells of one key and, unless it is the seal key, of its certificate. */
export interface TranscriptEntry {
	/** "Root CA", ...; the seal key has no certificate. */
	title: string;
	/** Null: the key is kept elsewhere. */
	key: KeyRecord | null;
	certificate: X509Certificate | null;
	/** Where the certificate lies, beside the transcript. */
	file?: string;
}

export interface TranscriptHead {
	organization: string;
	/** Who held the ceremony, and on which token: shown as they are. */
	operator: string;
	token: string;
	at: Date;
	witnesses?: readonly string[];
	/** SHA-256 of the plan, hex. */
	plan?: string;
	/** False: the root and the issuing CA's certificate come from elsewhere. */
	isMadeHere: boolean;
}

const madeHere = "All keys were generated inside the token; the certificates were signed there and verified outside.";
const madeElsewhere =
	"The root's and the issuing CA's certificate were made elsewhere and checked; the others were signed in the token.";

/** Plain text, lines ended by LF. */
export function transcript(head: TranscriptHead, entries: readonly TranscriptEntry[]): string {
	const hasOldKeys = entries.some(({ key }) => key?.existing);
	const lines = [
		"Key ceremony",
		...fields([
			["Format", "2"],
			["Organization", head.organization],
			["Held at", head.at.toISOString()],
			["Held by", head.operator],
			["Token", head.token],
			...(head.witnesses?.length ? [["Witnesses", head.witnesses.join(", ")] as const] : []),
			...(head.plan ? [["Plan SHA-256", head.plan] as const] : []),
		]),
		"",
		head.isMadeHere && !hasOldKeys ? madeHere : madeElsewhereWords(head.isMadeHere),
		...entries.flatMap(section),
	];
	return `${lines.join("\n")}\n`;
}

const madeElsewhereWords = (isMadeHere: boolean): string =>
	isMadeHere
		? "Keys were there before or generated inside the token; the certificates were signed there."
		: madeElsewhere;

/** Begins the part of the text that is not signed. */
export const signatureTitle = "Signed with ";

/** The text with a signature of that key over it: who changes it later is found out. */
export async function signTranscript(text: string, key: KeyRecord & CeremonySigner): Promise<string> {
	const signature = Buffer.from(await key.sign("sha256", Buffer.from(text))).toString("base64");
	return `${text}\n${signatureTitle}${key.label}\n${field("Signature", signature.match(/.{1,92}/g) ?? []).join("\n")}\n`;
}

function section(entry: TranscriptEntry): string[] {
	const { key } = entry;
	const attributes = Object.entries(key?.attributes ?? {}).map(([name, value]) => `${name}=${value}`);
	return [
		"",
		entry.title,
		...fields([
			...(key ? [["Key label", key.label] as const] : []),
			...(key?.token ? [["Key token", key.token] as const] : []),
			...(key?.existing ? [["Key origin", "on the token before"] as const] : []),
			...(entry.file ? [["File", entry.file] as const] : []),
			...(entry.certificate ? certificateFields(entry.certificate) : keyFields(key)),
		]),
		...(attributes.length > 0 ? field("Attributes", wrapped(attributes)) : []),
	];
}

/** Of a key pair without a certificate. */
function keyFields(key: KeyRecord | null): [string, string][] {
	return key?.publicKey ? [["Key SHA-256", createHash("sha256").update(key.publicKey).digest("hex")]] : [];
}

/** What the transcript says of a certificate, in its order. */
export function certificateFields(certificate: X509Certificate): [name: string, value: string][] {
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
	return pairs.flatMap(([name, value]) => field(name, [value]));
}

/** `  Name:          value`, further lines under the value. */
function field(name: string, lines: readonly string[]): string[] {
	return lines.map((line, index) => `  ${(index === 0 ? `${name}:` : "").padEnd(15)}${line}`);
}

/** As many words a line as fit in a terminal. */
function wrapped(words: readonly string[]): string[] {
	const lines: string[] = [];
	for (const word of words) {
		const last = lines.at(-1);
		if (last !== undefined && last.length + word.length < 92) lines[lines.length - 1] = `${last} ${word}`;
		else lines.push(word);
	}
	return lines;
}

/** Node tells a name one attribute a line. */
function oneLine(name: string): string {
	return name.split("\n").join(", ");
}

/**
 * The transcript of a ceremony or a rotation: what was made, when and by whom, in plain text that a witness can compare with
 * the token and with the certificates (`openssl x509 -fingerprint`, `pkcs11-tool --list-objects`), and that `ota ceremony
 * verify` reads again. It ends with a signature by the issuing CA's key over all of it: the text begins with "Key ceremony",
 * which no DER SEQUENCE does, so that it can be taken for no certificate, and the agent signs nothing else with that key.
 */
import { createHash, verify, type X509Certificate } from "node:crypto";
import { OtaError } from "../errors.ts";
import { type CeremonySigner, importPublicKey } from "./ceremony-certificate.ts";

/** A key as the token tells of it. */
export interface KeyRecord {
	label: string;
	/** The token that holds it, when it is not the ceremony's. */
	token?: string;
	/** It was there before, or was brought into the token from outside, on purpose. */
	origin?: "existing" | "imported";
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
	/** GetNextCACert's answer, DER, and its file beside the transcript. */
	message?: { file: string; octets: Uint8Array };
}

/** The first line of every transcript, and the form that this version writes and reads. */
export const transcriptTitle = "Key ceremony";
export const transcriptFormat = "3";
/** All keys, the successor of one, or the issuing CA's next generation. */
export type TranscriptKind = "ceremony" | "rotation" | "rollover";
export const transcriptKinds: readonly TranscriptKind[] = ["ceremony", "rotation", "rollover"];

/** Where a key came from, in the transcript's words. */
export const origins = {
	existing: "on the token before",
	imported: "on the token before, imported from outside as the plan says",
} as const;

/** What a transcript says in one sentence, by its kind and what its sections tell. */
export function statement(kind: TranscriptKind, { hasOldKeys, isFirstOld, isRootHere }: Statement): string {
	if (kind === "rollover") {
		const key = isFirstOld ? "was on the token before" : "was generated inside the token";
		return `The new issuing CA's key ${key}; its certificate is the root's, and with it the keys that stay were certified anew.`;
	}
	if (kind === "rotation") {
		const key = hasOldKeys ? "The key was on the token before" : "The key was generated inside the token";
		return `${key}; its certificate was signed by the issuing CA's key in its token and verified outside.`;
	}
	if (!isRootHere) {
		return "The root's and the issuing CA's certificate were made elsewhere and checked; the others were signed in the token.";
	}
	const keys = hasOldKeys
		? "Keys were there before or generated inside the token"
		: "All keys were generated inside the token";
	return `${keys}; the certificates were signed there and verified outside.`;
}

interface Statement {
	hasOldKeys: boolean;
	/** The first section's key was there before. */
	isFirstOld: boolean;
	/** False: the root and the issuing CA's certificate come from elsewhere. */
	isRootHere: boolean;
}

/** Plain text, lines ended by LF. `config` for a value that would write lines of its own. */
export function transcript(kind: TranscriptKind, head: TranscriptHead, entries: readonly TranscriptEntry[]): string {
	const told = {
		hasOldKeys: entries.some(({ key }) => key?.origin),
		isFirstOld: entries[0]?.key?.origin !== undefined,
		isRootHere: entries.every(({ key }) => key !== null),
	};
	const lines = [
		...block(transcriptTitle, [
			["Format", transcriptFormat],
			["Kind", kind],
			["Organization", head.organization],
			["Held at", head.at.toISOString()],
			["Held by", head.operator],
			["Token", head.token],
			...(head.witnesses?.length ? [["Witnesses", head.witnesses.join(", ")] as const] : []),
			...(head.plan ? [["Plan SHA-256", head.plan] as const] : []),
			...(head.message ? messageFields(head.message) : []),
		]),
		"",
		statement(kind, told),
		...entries.flatMap((entry) => ["", ...section(entry)]),
	];
	return `${lines.join("\n")}\n`;
}

const messageFields = ({ file, octets }: NonNullable<TranscriptHead["message"]>) => [
	["Next CA", file] as const,
	["Next SHA-256", createHash("sha256").update(octets).digest("hex")] as const,
];

/** Begins the part of the text that is not signed. */
export const signatureTitle = "Signed with ";

/** The text with the signature of the issuing CA's key over it. `hsm_refused` when what came back does not hold. */
export async function signTranscript(text: string, key: KeyRecord & CeremonySigner): Promise<string> {
	const signature = await key.sign("sha256", Buffer.from(text));
	if (!verify("sha256", Buffer.from(text), importPublicKey(key.publicKey), signature)) {
		throw new OtaError("hsm_refused", "The signature on the transcript does not hold.");
	}
	const base64 = Buffer.from(signature).toString("base64");
	return `${text}\n${block(`${signatureTitle}${key.label}`, [["Signature", base64]]).join("\n")}\n`;
}

function section(entry: TranscriptEntry): string[] {
	const { key } = entry;
	const attributes = Object.entries(key?.attributes ?? {}).map(([name, value]) => `${name}=${value}`);
	return block(entry.title, [
		...(key ? [["Key label", key.label] as const] : []),
		...(key?.token ? [["Key token", key.token] as const] : []),
		...(key?.origin ? [["Key origin", origins[key.origin]] as const] : []),
		...(entry.file ? [["File", entry.file] as const] : []),
		...(entry.certificate ? certificateFields(entry.certificate) : keyFields(key)),
		...(attributes.length > 0 ? [["Attributes", attributes.join(" ")] as const] : []),
	]);
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

/** A title, and its fields: `  Name:          value`. The reader writes every block again and compares. */
export function block(title: string, pairs: readonly (readonly [name: string, value: string])[]): string[] {
	for (const value of [title, ...pairs.map(([, one]) => one)]) {
		if (value === value.trim() && !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(value)) continue;
		throw new OtaError("config", `The transcript cannot hold ${JSON.stringify(value)}: it is not one line of text.`);
	}
	return [title, ...pairs.flatMap(([name, value]) => field(name, linesOf(name, value)))];
}

/** Attributes stand as many a line as fit in a terminal, a signature in lines of base64. */
function linesOf(name: string, value: string): readonly string[] {
	if (name === "Attributes") return wrapped(value.split(" "));
	return name === "Signature" ? (value.match(/.{1,92}/g) ?? []) : [value];
}

/** Further lines stand under the value. */
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

/** A transcript held against what is there now: the keys on the tokens and the certificates. Every difference is named. */
import { createHash, verify, type X509Certificate } from "node:crypto";
import type { RecordedCeremony, RecordedSection } from "./ceremony-reading.ts";
import { certificateFields, type KeyRecord } from "./ceremony-transcript.ts";

/** A key on a token, described as the ceremony describes it. */
export type FoundKey = KeyRecord;

export interface Comparison {
	/** What is not as the transcript says, with its section. */
	differences: string[];
	/** What the transcript does not say and later ones do. */
	lacks: string[];
}

/** The certificates' files of the first format, which did not name them. */
const filesOf: Readonly<Record<string, string>> = {
	"Root CA": "root.pem",
	"Issuing CA": "ca.pem",
	"SCEP RA": "ra.pem",
	"Profile Signing": "profile.pem",
};
/** Of old, only these were read back. */
const important = ["CKA_SENSITIVE", "CKA_EXTRACTABLE", "CKA_ALWAYS_SENSITIVE", "CKA_NEVER_EXTRACTABLE"];

/** `certificateOf` answers the certificate of a file beside the transcript, or null. */
export function compareCeremony(
	recorded: RecordedCeremony,
	keys: readonly FoundKey[],
	certificateOf: (file: string) => X509Certificate | null,
): Comparison {
	const differences: string[] = [];
	const lacks: string[] = [];
	const certificates = new Map<string, X509Certificate>();
	for (const section of recorded.sections) {
		const tell = (words: string) => differences.push(`${section.title}: ${words}`);
		const file = section.fields.get("File") ?? filesOf[section.title];
		const certificate = file === undefined ? null : certificateOf(file);
		if (certificate) {
			certificates.set(section.fields.get("Key label") ?? "", certificate);
			compareCertificate(section, certificate).map(tell);
		} else if (file !== undefined) tell(`its certificate ${file} is not there`);
		compareKey(section, keys).map(tell);
		lacks.push(...attributesLacking(section));
	}
	differences.push(...signatureFaults(recorded, certificates));
	if (recorded.signature === null) lacks.push("a signature: nobody can tell whether who and when were changed later");
	return { differences, lacks };
}

function compareCertificate(section: RecordedSection, certificate: X509Certificate): string[] {
	return certificateFields(certificate).flatMap(([name, now]) => {
		const then = section.fields.get(name);
		if (then === now) return [];
		return [
			then === undefined
				? `the transcript has no ${name}`
				: `its certificate's ${name} is ${now}, the transcript says ${then}`,
		];
	});
}

function compareKey(section: RecordedSection, keys: readonly FoundKey[]): string[] {
	const label = section.fields.get("Key label");
	// A root that is kept elsewhere has a certificate alone.
	if (label === undefined) return [];
	const id = section.attributes.get("CKA_ID");
	const labelled = keys.filter((key) => key.label === label);
	const key = labelled.find(({ attributes }) => String(attributes.CKA_ID) === id) ?? labelled[0];
	if (!key) return [`no token has its key ${label}`];
	const differences = [...section.attributes].flatMap(([name, then]) => {
		const now = key.attributes[name];
		if (String(now) === then) return [];
		return [`${name} of its key ${label} is ${now === undefined ? "not told" : now}, the transcript says ${then}`];
	});
	return [...differences, ...comparePublicKey(section, key)];
}

function comparePublicKey(section: RecordedSection, key: FoundKey): string[] {
	const then = section.fields.get("Key SHA-256");
	const now = key.publicKey ? createHash("sha256").update(key.publicKey).digest("hex") : null;
	if (then === undefined || now === then) return [];
	return [`the public key of ${key.label} on the token is ${now ?? "not told"}, the transcript says ${then}`];
}

function attributesLacking(section: RecordedSection): string[] {
	if (!section.fields.has("Key label")) return [];
	const absent = important.filter((name) => !section.attributes.has(name));
	return absent.length > 0 ? [`${section.title}: ${absent.join(", ")}`] : [];
}

function signatureFaults(recorded: RecordedCeremony, certificates: ReadonlyMap<string, X509Certificate>): string[] {
	const { signature } = recorded;
	if (signature === null) return recorded.format >= 2 ? ["the transcript's signature is gone"] : [];
	const certificate = certificates.get(signature.label);
	if (!certificate) return [`the transcript is signed with ${signature.label}, which has no certificate here`];
	if (verify("sha256", Buffer.from(signature.signed), certificate.publicKey, signature.octets)) return [];
	return [`the transcript was changed: its signature, made with ${signature.label}, does not hold`];
}

/**
 * A transcript held against what is there now: the keys on the tokens, the certificates, and what the configuration names.
 * The last two can be written by whoever writes the transcript; the issuing CA's key in its token cannot, and signs it.
 */
import { createHash, createPublicKey, verify, type X509Certificate } from "node:crypto";
import { readCertificate, type X509 } from "../cms/certificate.ts";
import { equalBytes } from "../der/values.ts";
import { asOtaError } from "../errors.ts";
import { type Chain, ceremonyChainFaults, successorFaults } from "./ceremony-chain.ts";
import type { RecordedCeremony, RecordedSection } from "./ceremony-reading.ts";
import { type CertifiedRole, rolesOf, shapeFaults } from "./ceremony-shape.ts";
import { certificateFields, type KeyRecord } from "./ceremony-transcript.ts";

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
	/** What the configuration names. */
	configured: {
		certificates: Partial<Record<CertifiedRole, X509Certificate>>;
		/** Roles whose key it names: one of `keys` must have each. */
		keys: readonly string[];
	};
}

/** With the token that the transcript says its key is on. */
type Section = RecordedSection & { role: CertifiedRole | "seal" | undefined; token: string | undefined };

/** Everything that is not as the transcript says, with its section; none when all is. */
export function compareCeremony(recorded: RecordedCeremony, evidence: Evidence): string[] {
	const sections = recorded.sections.map((section) => ({
		...section,
		role: rolesOf[section.title],
		token: section.fields.get("Key token") ?? recorded.head.get("Token"),
	}));
	const isRotation = recorded.kind === "rotation";
	return [
		...shapeFaults(recorded),
		...sections.flatMap((section) =>
			[
				...compareCertificate(section, evidence),
				...compareKey(section, evidence.keys),
				// Nothing uses a successor until the operator says so.
				...(isRotation ? [] : compareConfigured(section, evidence)),
			].map((words) => `${section.title}: ${words}`),
		),
		...(isRotation ? rotationChain(sections, evidence) : ceremonyChain(sections, evidence)),
		...signatureFaults(recorded, isRotation ? rotationSigner(evidence) : ceremonySigner(sections, evidence)),
	];
}

const certificateOf = ({ fields }: RecordedSection, evidence: Evidence): X509Certificate | null =>
	evidence.certificateOf(fields.get("File") ?? "");

function compareCertificate(section: Section, evidence: Evidence): string[] {
	const file = section.fields.get("File");
	if (file === undefined) return [];
	const certificate = evidence.certificateOf(file);
	if (!certificate) return [`its certificate ${file} is not there`];
	return certificateFields(certificate).flatMap(([name, now]) => {
		const then = section.fields.get(name);
		// A field that is missing is told with the transcript's form.
		if (then === undefined || then === now) return [];
		return [`its certificate's ${name} is ${now}, the transcript says ${then}`];
	});
}

function compareConfigured(section: Section, evidence: Evidence): string[] {
	const { role } = section;
	if (role === undefined) return [];
	const faults: string[] = [];
	const later = role === "ra" || role === "profile" ? "; after a rotation, verify the transcript of that" : "";
	const configured = role === "seal" ? undefined : evidence.configured.certificates[role];
	const certificate = certificateOf(section, evidence);
	if (configured && certificate && !configured.raw.equals(certificate.raw)) {
		faults.push(`OTA_${role.toUpperCase()}_CERT is another certificate${later}`);
	}
	const key = findKey(section, evidence.keys);
	if (key && evidence.configured.keys.includes(role) && !key.roles.includes(role)) {
		faults.push(`OTA_${role.toUpperCase()}_KEY is another key${later}`);
	}
	return faults;
}

/** The key that fits best of those with its label: by public half, id and token, in this order. */
function findKey(section: Section, keys: readonly FoundKey[]): FoundKey | undefined {
	const id = section.attributes.get("CKA_ID");
	const digest = section.fields.get("Key SHA-256");
	const likeness = (key: FoundKey): number =>
		Number(digestOf(key) === digest) * 4 +
		Number(String(key.attributes.CKA_ID) === id) * 2 +
		Number(key.token === section.token);
	const labelled = keys.filter((key) => key.label === section.fields.get("Key label"));
	return labelled.sort((one, other) => likeness(other) - likeness(one))[0];
}

function compareKey(section: Section, keys: readonly FoundKey[]): string[] {
	const label = section.fields.get("Key label");
	// A root that is kept elsewhere has a certificate alone.
	if (label === undefined) return [];
	const key = findKey(section, keys);
	if (!key) return [`no token has its key ${label}`];
	const names = new Set([...section.attributes.keys(), ...Object.keys(key.attributes)]);
	const differences = [...names].flatMap((name) => {
		const [then, now] = [section.attributes.get(name), key.attributes[name]];
		if (String(now) === then) return [];
		return [`${name} of its key ${label} is ${now ?? "not told"}, the transcript says ${then ?? "nothing of it"}`];
	});
	if (key.token !== section.token) {
		differences.push(
			`its key ${label} is on the token ${key.token}, the transcript says ${section.token ?? "nothing of it"}`,
		);
	}
	const [then, now] = [section.fields.get("Key SHA-256"), digestOf(key)];
	if (then === undefined || now === then) return differences;
	return [
		...differences,
		`the public key of ${label} on the token is ${now ?? "not told"}, the transcript says ${then}`,
	];
}

const digestOf = ({ publicKey }: FoundKey): string | undefined =>
	publicKey && createHash("sha256").update(publicKey).digest("hex");

function ceremonyChain(sections: readonly Section[], evidence: Evidence): string[] {
	const chain: Partial<Chain> = {};
	for (const section of sections) {
		const certificate = certificateOf(section, evidence);
		const read = certificate && strict(certificate);
		if (typeof read === "string") return [`${section.title}: ${read}`];
		if (read && section.role !== undefined && section.role !== "seal") chain[section.role] = read;
	}
	const { root, ca, ra, profile } = chain;
	// A certificate that is not there is told already.
	if (!root || !ca || !ra || !profile) return [];
	const titleOf = (role: CertifiedRole) => sections.find((section) => section.role === role)?.title ?? role;
	return ceremonyChainFaults({ root, ca, ra, profile }).map(
		([role, why]) => `${titleOf(role)}: the chain does not hold: ${why}`,
	);
}

function rotationChain(sections: readonly Section[], evidence: Evidence): string[] {
	const [section] = sections;
	const ca = evidence.configured.certificates.ca;
	if (!section) return [];
	if (!ca) return ["OTA_CA_CERT names no certificate: nobody knows which CA the successor must be under"];
	const certificate = certificateOf(section, evidence);
	if (!certificate) return [];
	const [leaf, issuer] = [strict(certificate), strict(ca)];
	if (typeof leaf === "string") return [`${section.title}: ${leaf}`];
	if (typeof issuer === "string") return [`OTA_CA_CERT: ${issuer}`];
	return successorFaults(leaf, issuer).map((why) => `${section.title}: the chain does not hold: ${why}`);
}

function strict(certificate: X509Certificate): X509 | string {
	try {
		return readCertificate(Uint8Array.from(certificate.raw));
	} catch (error) {
		return `its certificate cannot be read: ${asOtaError(error).message}`;
	}
}

/** Who must have signed, as the token has it and as its certificate has it; or why nobody can tell. */
type Signer = { key: FoundKey; certificate: X509Certificate } | string;

function ceremonySigner(sections: readonly Section[], evidence: Evidence): Signer {
	const section = sections.find(({ role }) => role === "ca");
	const key = section && findKey(section, evidence.keys);
	const certificate = section && certificateOf(section, evidence);
	if (!key || !certificate) return "the issuing CA's key or its certificate is not there";
	return { key, certificate };
}

/** By its public half: a rotation's transcript does not tell of the CA's key. */
function rotationSigner({ keys, configured }: Evidence): Signer {
	const certificate = configured.certificates.ca;
	const held = certificate?.publicKey.export({ format: "der", type: "spki" });
	const same = keys.filter(({ publicKey }) => publicKey && held && equalBytes(publicKey, held));
	const key = configured.keys.includes("ca") ? same.find(({ roles }) => roles.includes("ca")) : same[0];
	if (!key || !certificate) return "the issuing CA's key is not on the token, or not in OTA_CA_CERT";
	return { key, certificate };
}

/** With the public half that the token tells, which must be the certificate's: a key that the transcript alone names is none. */
function signatureFaults({ signature }: RecordedCeremony, signer: Signer): string[] {
	if (signature === null) return ["the transcript's signature is gone"];
	if (typeof signer === "string") return [`the transcript's signature cannot be checked: ${signer}`];
	const { key, certificate } = signer;
	const held = certificate.publicKey.export({ format: "der", type: "spki" });
	if (!key.publicKey || !held.equals(key.publicKey)) {
		return [
			`the transcript's signature cannot be checked: ${key.label} on the token is another key than its certificate's`,
		];
	}
	if (signature.label !== key.label) {
		return [`the transcript is signed with ${signature.label}, where it must be the issuing CA's key ${key.label}`];
	}
	const spki = createPublicKey({ key: Buffer.from(key.publicKey), format: "der", type: "spki" });
	if (verify("sha256", Buffer.from(signature.signed), spki, signature.octets)) return [];
	return [`the transcript was changed: its signature, made with ${signature.label}, does not hold`];
}

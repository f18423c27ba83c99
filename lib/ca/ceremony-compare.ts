/**
 * A transcript held against what is there now: the keys on the tokens, the certificates, and what the configuration names.
 * The last two can be written by whoever writes the transcript; the issuing CA's key in its token cannot, and signs it.
 */
import { createHash } from "node:crypto";
import type { X509 } from "../cms/certificate.ts";
import { type Chain, ceremonyChainFaults, successorFaults } from "./ceremony-chain.ts";
import {
	certificateOf,
	digestOf,
	type Evidence,
	type FoundKey,
	findKey,
	type Section,
	strict,
} from "./ceremony-evidence.ts";
import type { RecordedCeremony } from "./ceremony-reading.ts";
import { rolesOf, shapeFaults } from "./ceremony-shape.ts";
import { caVariables, followedCa, rotationIssuer, signatureFaults, signers } from "./ceremony-signer.ts";
import type { CertifiedRole } from "./ceremony-template.ts";
import { certificateFields } from "./ceremony-transcript.ts";
import { nextCaFault } from "./next-ca.ts";

/** Everything that is not as the transcript says, with its section; none when all is. */
export function compareCeremony(recorded: RecordedCeremony, evidence: Evidence): string[] {
	const sections = recorded.sections.map((section) => ({
		...section,
		role: rolesOf[section.title],
		token: section.fields.get("Key token") ?? recorded.head.get("Token"),
	}));
	return [
		...shapeFaults(recorded),
		...sections.flatMap((section) =>
			[
				...compareCertificate(section, evidence),
				...compareKey(section, evidence.keys),
				// Nothing uses a successor until the operator says so.
				...(recorded.kind === "ceremony" ? compareConfigured(section, evidence) : []),
			].map((words) => `${section.title}: ${words}`),
		),
		...chains[recorded.kind](sections, evidence),
		...(recorded.kind === "rollover" ? messageFaults(recorded, sections, evidence) : []),
		...signatureFaults(recorded, signers[recorded.kind](sections, evidence)),
	];
}

/** Faults of the chain that its certificates make, by the transcript's kind. */
const chains: Record<RecordedCeremony["kind"], (sections: readonly Section[], evidence: Evidence) => string[]> = {
	ceremony: (sections, evidence) => ceremonyChain(sections, evidence),
	rotation: rotationChain,
	rollover: rolloverChain,
};

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
	const later = role === "root" || role === "seal" ? "" : "; after a rotation, verify the transcript of that";
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

function ceremonyChain(sections: readonly Section[], evidence: Evidence, above: Partial<Chain> = {}): string[] {
	const chain: Partial<Chain> = { ...above };
	for (const section of sections) {
		const certificate = certificateOf(section, evidence);
		const read = certificate && strict(certificate);
		if (typeof read === "string") return [`${section.title}: ${read}`];
		if (read && section.role !== undefined && section.role !== "seal") chain[section.role] = read;
	}
	const { root, ca, ra, profile, ocsp } = chain;
	// A certificate that is not there is told already.
	if (!root || !ca || !ra || !profile) return [];
	const titleOf = (role: CertifiedRole) => sections.find((section) => section.role === role)?.title ?? role;
	return ceremonyChainFaults({ root, ca, ra, profile, ...(ocsp && { ocsp }) }).map(
		([role, why]) => `${titleOf(role)}: the chain does not hold: ${why}`,
	);
}

/** As a ceremony's, under the root that is there already. */
function rolloverChain(sections: readonly Section[], evidence: Evidence): string[] {
	const certificate = evidence.configured.certificates.root;
	if (!certificate)
		return ["OTA_ROOT_CERT names no certificate: nobody knows which root the new issuing CA must be under"];
	const root = strict(certificate);
	return typeof root === "string" ? [`OTA_ROOT_CERT: ${root}`] : ceremonyChain(sections, evidence, { root });
}

function rotationChain(sections: readonly Section[], evidence: Evidence): string[] {
	const [section] = sections;
	const { role, certificate: ca } = rotationIssuer(sections, evidence);
	if (!section?.role || section.role === "seal") return [];
	if (!ca) return ["OTA_CA_CERT names no certificate: nobody knows which CA the successor must be under"];
	const certificate = certificateOf(section, evidence);
	if (!certificate) return [];
	const [leaf, issuer] = [strict(certificate), strict(ca)];
	if (typeof leaf === "string") return [`${section.title}: ${leaf}`];
	if (typeof issuer === "string") return [`${caVariables[role]}_CERT: ${issuer}`];
	return successorFaults(section.role, leaf, issuer).map((why) => `${section.title}: the chain does not hold: ${why}`);
}

/** The announcement is the followed CA's, of these very certificates. */
function messageFaults({ head }: RecordedCeremony, sections: readonly Section[], evidence: Evidence): string[] {
	const file = head.get("Next CA");
	// Told with the transcript's form.
	if (file === undefined) return [];
	const message = evidence.messageOf(file);
	if (!message) return [`the message ${file} is not there`];
	const digest = createHash("sha256").update(message).digest("hex");
	if (digest !== head.get("Next SHA-256")) {
		return [
			`the message ${file} has the SHA-256 ${digest}, the transcript says ${head.get("Next SHA-256") ?? "nothing"}`,
		];
	}
	const read = (role: CertifiedRole) => {
		const section = sections.find((one) => one.role === role);
		return (section && certificateOf(section, evidence)) ?? undefined;
	};
	const all = [
		followedCa(sections, evidence).certificate,
		read("ra"),
		read("ca"),
		evidence.configured.certificates.root,
	];
	const [current, ra, ca, root] = all.map((certificate) => certificate && strict(certificate));
	// What is missing, or cannot be read, is told with the chain.
	const isWhole = (one: X509 | string | undefined): one is X509 => one !== undefined && typeof one !== "string";
	if (!isWhole(current) || !isWhole(ra) || !isWhole(ca) || !isWhole(root)) return [];
	const fault = nextCaFault(message, current, { ra, ca, root });
	return fault === null ? [] : [`the message ${file} is not the issuing CA's word on the next one: ${fault}`];
}

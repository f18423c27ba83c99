/** Which CA of the configuration a transcript belongs to, and whether that CA's key signed it. */
import { createPublicKey, verify, type X509Certificate } from "node:crypto";
import { equalBytes } from "../der/values.ts";
import { certificateOf, type Evidence, type FoundKey, findKey, type Section } from "./ceremony-evidence.ts";
import type { RecordedCeremony } from "./ceremony-reading.ts";

/** A CA of the configuration, and by which variable. */
interface ConfiguredCa {
	role: "ca" | "caOld";
	certificate: X509Certificate | undefined;
}
export const caVariables = { ca: "OTA_CA", caOld: "OTA_CA_OLD" } as const;

/** The CA that a successor must be under: the one before where it names that one, the current one otherwise. */
export function rotationIssuer(
	[section]: readonly Section[],
	{ configured, certificateOf: read }: Evidence,
): ConfiguredCa {
	const { ca, caOld } = configured.certificates;
	const successor = read(section?.fields.get("File") ?? "");
	if (caOld && successor?.checkIssued(caOld)) return { role: "caOld", certificate: caOld };
	return { role: "ca", certificate: ca };
}

/** The CA that a rollover followed: once the new one is configured it is the one before. */
export function followedCa(sections: readonly Section[], evidence: Evidence): ConfiguredCa {
	const { ca, caOld } = evidence.configured.certificates;
	const section = sections.find(({ role }) => role === "ca");
	const next = section && certificateOf(section, evidence);
	return next && ca?.raw.equals(next.raw) ? { role: "caOld", certificate: caOld } : { role: "ca", certificate: ca };
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

/** By the transcript's kind. */
export const signers: Record<RecordedCeremony["kind"], (sections: readonly Section[], evidence: Evidence) => Signer> = {
	ceremony: ceremonySigner,
	rotation: (sections, evidence) => keyOfCa(rotationIssuer(sections, evidence), evidence),
	rollover: (sections, evidence) => keyOfCa(followedCa(sections, evidence), evidence),
};

/** By its public half: the transcript does not tell of this CA's key. */
function keyOfCa({ role, certificate }: ConfiguredCa, { keys, configured }: Evidence): Signer {
	const held = certificate?.publicKey.export({ format: "der", type: "spki" });
	const same = keys.filter(({ publicKey }) => publicKey && held && equalBytes(publicKey, held));
	const key = configured.keys.includes(role) ? same.find(({ roles }) => roles.includes(role)) : same[0];
	if (!key || !certificate) return `the issuing CA's key is not on the token, or not in ${caVariables[role]}_CERT`;
	return { key, certificate };
}

/** With the public half that the token tells, which must be the certificate's: a key that the transcript alone names is none. */
export function signatureFaults({ signature }: RecordedCeremony, signer: Signer): string[] {
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

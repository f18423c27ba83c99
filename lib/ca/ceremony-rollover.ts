/**
 * The issuing CA's next generation: a key and a name of its own under the same root, certificates for the same RA, profile and
 * OCSP keys under it, the message that announces it, and a transcript (RFC 5280 section 4, RFC 8894 section 4.7.1).
 */
import type { X509Certificate } from "node:crypto";
import { readCertificate, type X509 } from "../cms/certificate.ts";
import { OtaError } from "../errors.ts";
import type { Clock, Random } from "../ports.ts";
import type { CeremonyKey } from "./ceremony.ts";
import type { CeremonySigner } from "./ceremony-certificate.ts";
import { nextGeneration } from "./ceremony-name.ts";
import { certify, nameOf, subjectOf, templates } from "./ceremony-template.ts";
import { signTranscript, type TranscriptEntry, transcript } from "./ceremony-transcript.ts";
import { nextCaPem, signNextCa } from "./next-ca.ts";

/** Of the roles whose keys stay. */
type Kept = "ra" | "profile" | "ocsp";

export interface RolloverInput {
	root: X509Certificate;
	/** The root's key signs the new CA's certificate, or signed it elsewhere. */
	by: { rootKey: CeremonySigner } | { issued: X509Certificate };
	/** The generation that is followed. */
	current: { ca: X509Certificate; caKey: CeremonyKey };
	/** The new CA's key, and those that stay, each with its certificate of now. */
	key: CeremonyKey;
	kept: Record<"ra" | "profile", KeptKey> & { ocsp: KeptKey | null };
	operator: string;
	token: string;
	organization: string;
	/** What the files' names end with: `ca<suffix>.pem`. */
	suffix: string;
	clock: Clock;
	random: Random;
}

export interface KeptKey {
	key: CeremonyKey;
	certificate: X509Certificate;
}

/** PEM and text; without an OCSP key there is no `ocsp`. */
export interface RolloverResult extends Record<"ca" | "ra" | "profile" | "nextCa" | "transcript", string> {
	ocsp: string | null;
}

/** Errors: as runCeremony's. */
export async function rollOver(input: RolloverInput): Promise<RolloverResult> {
	const { root, current, kept } = input;
	const at = input.clock();
	const ca = "issued" in input.by ? input.by.issued : await certifyCa(input, input.by.rootKey, at);
	const keep = ({ key, certificate }: KeptKey, role: Kept) => {
		const subject = subjectOf(certificate);
		const { publicKey } = key;
		return certify({ role, subject, publicKey, issuer: ca, signer: input.key, at, random: input.random });
	};
	const ra = await keep(kept.ra, "ra");
	const profile = await keep(kept.profile, "profile");
	const ocsp = kept.ocsp && (await keep(kept.ocsp, "ocsp"));
	const signer = { certificate: strict(current.ca), sign: current.caKey.sign };
	const message = await signNextCa({ ra: strict(ra), ca: strict(ca), root: strict(root) }, signer, at);
	const entry = (role: Kept | "ca", key: CeremonyKey, certificate: X509Certificate): TranscriptEntry => ({
		title: templates[role].title,
		key: role === "ca" ? key : { ...key, origin: "existing" },
		certificate,
		file: `${role}${input.suffix}.pem`,
	});
	const text = transcript(
		"rollover",
		{ ...input, at, message: { file: `next-ca${input.suffix}.p7`, octets: message } },
		[
			entry("ca", input.key, ca),
			entry("ra", kept.ra.key, ra),
			entry("profile", kept.profile.key, profile),
			...(kept.ocsp && ocsp ? [entry("ocsp", kept.ocsp.key, ocsp)] : []),
		],
	);
	return {
		ca: ca.toString(),
		ra: ra.toString(),
		profile: profile.toString(),
		ocsp: ocsp?.toString() ?? null,
		nextCa: nextCaPem(message),
		transcript: await signTranscript(text, current.caKey),
	};
}

function certifyCa(input: RolloverInput, rootKey: CeremonySigner, at: Date): Promise<X509Certificate> {
	const { root, current, key, random } = input;
	const subject = nameOf(nextGeneration(strict(current.ca).subject));
	if (!root.publicKey.export({ format: "der", type: "spki" }).equals(rootKey.publicKey)) {
		throw new OtaError("config", "The root's certificate holds another key than the one that is to sign.");
	}
	return certify({ role: "ca", subject, publicKey: key.publicKey, issuer: root, signer: rootKey, at, random });
}

const strict = (certificate: X509Certificate): X509 => readCertificate(Uint8Array.from(certificate.raw));

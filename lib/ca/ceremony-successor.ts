/** A successor for the RA's, the profile signer's or the OCSP responder's key: its certificate by the issuing CA, and a transcript. */
import type { X509Certificate } from "node:crypto";
import type { Clock, Random } from "../ports.ts";
import type { CeremonyKey } from "./ceremony.ts";
import { distinguishedName } from "./ceremony-name.ts";
import { certify, subjectOf, templates } from "./ceremony-template.ts";
import { signTranscript, transcript } from "./ceremony-transcript.ts";

export interface SuccessorInput {
	role: "ra" | "profile" | "ocsp";
	/** The certificate that it follows; null: it is the first. */
	current: X509Certificate | null;
	/** Who certifies it, and signs the transcript. */
	ca: X509Certificate;
	caKey: CeremonyKey;
	key: CeremonyKey;
	operator: string;
	token: string;
	organization: string;
	/** The certificate's file, for the transcript. */
	file: string;
	clock: Clock;
	random: Random;
}

/** The certificate, with its predecessor's subject, and the transcript. PEM and text. */
export async function certifySuccessor(input: SuccessorInput): Promise<{ certificate: string; transcript: string }> {
	const { role, current, ca, key, random } = input;
	const { title } = templates[role];
	const at = input.clock();
	const subject = current ? subjectOf(current) : distinguishedName(input.organization, title);
	const { publicKey } = key;
	const certificate = await certify({ role, subject, publicKey, issuer: ca, signer: input.caKey, at, random });
	const text = transcript("rotation", { ...input, at }, [{ title, key, certificate, file: input.file }]);
	return { certificate: certificate.toString(), transcript: await signTranscript(text, input.caKey) };
}

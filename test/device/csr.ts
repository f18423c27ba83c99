/** Builds the certification request of the SCEP client (RFC 2986), with everything that a hostile one may ask for. */
import { type KeyObject, sign } from "node:crypto";
import {
	attribute,
	bitString,
	context,
	integer,
	keyUsage,
	type Name,
	name,
	type StringType,
	type SubjectAltNames,
	sequence,
	string,
	subjectAltName,
} from "./ber.ts";
import { publicKeyInfo, signatureAlgorithm } from "./certificate.ts";
import { type Digest, oids } from "./oids.ts";

/** One value of the challengePassword attribute. */
export interface ChallengeValue {
	text: string;
	type: StringType;
}

/** The CertificationRequest. */
export interface CsrOptions {
	/** The private key that signs. */
	key: KeyObject;
	/** Somebody else's public key, to be put in instead of the signer's. */
	publicKey?: KeyObject;
	/** CN=device unless told. */
	subject?: Name;
	/** A string is sent as PrintableString (Apple); several values share one attribute; absent: no attribute. */
	challenge?: string | readonly ChallengeValue[];
	/** KeyUsage bit numbers; [0, 2] unless told, null for none. */
	keyUsage?: readonly number[] | null;
	subjectAltName?: SubjectAltNames;
	/** Further extensions for extensionRequest, DER of each Extension. */
	extensions?: readonly Uint8Array[];
	digest?: Digest;
	/** 0 unless told. */
	version?: number;
	corruptSignature?: boolean;
}

/** A signed CertificationRequest, DER. */
export function buildCsr(options: CsrOptions): Uint8Array {
	const digest = options.digest ?? "sha256";
	const values: readonly ChallengeValue[] =
		typeof options.challenge === "string"
			? [{ text: options.challenge, type: "printable" }]
			: (options.challenge ?? []);
	const usage = options.keyUsage === undefined ? [0, 2] : options.keyUsage;
	const extensions = [
		...(usage ? [keyUsage(usage)] : []),
		...(options.subjectAltName ? [subjectAltName(options.subjectAltName)] : []),
		...(options.extensions ?? []),
	];
	const attributes = [
		...(values.length > 0
			? [attribute(oids.challengePassword, ...values.map(({ text, type }) => string(text, type)))]
			: []),
		...(extensions.length > 0 ? [attribute(oids.extensionRequest, sequence(...extensions))] : []),
	];
	const info = sequence(
		integer(options.version ?? 0),
		name(options.subject ?? [["CN", "device"]]),
		publicKeyInfo(options.publicKey ?? options.key),
		context(0, ...attributes.sort(Buffer.compare)),
	);
	const signature = new Uint8Array(sign(digest, info, options.key));
	if (options.corruptSignature) signature[20] = (signature[20] ?? 0) ^ 1;
	return sequence(info, signatureAlgorithm(options.key, digest), bitString(signature));
}

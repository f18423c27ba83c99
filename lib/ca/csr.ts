/** A PKCS#10 request (RFC 2986): the public key, proof of its possession, the challenge, and what else it asks for. */
import { readAlgorithm, signatureOf } from "../cms/algorithms.ts";
import { type Extension, readExtensions } from "../cms/certificate.ts";
import { readProvenKey, signatureHolds } from "../cms/signature.ts";
import { readAttributes } from "../cms/signed-data.ts";
import { oids } from "../der/oids.ts";
import { context, malformed, readDer, sequence, tag } from "../der/reader.ts";
import { bitStringOctets, smallInteger, text } from "../der/values.ts";
import { OtaError } from "../errors.ts";

const maxChallenge = 255;

export interface CertificationRequest {
	der: Uint8Array;
	/** DER of SubjectPublicKeyInfo. */
	publicKeyInfo: Uint8Array;
	/** DER of the name it asks for. NOTHING OF IT COUNTS unless the challenge says so. */
	requestedSubject: Uint8Array;
	/** Does the request's own signature hold? `algorithm` when it is made with none of ours. */
	verifyPossession(): void;
	/** challengePassword (RFC 2985 section 5.4.1): `challenge` unless it is there once, as text. */
	challengePassword(): string;
	/** The extensions of its extensionRequest (RFC 2985 section 5.4.2), none without one. `malformed` when it cannot be read. */
	requestedExtensions(): ReadonlyMap<string, Extension>;
}

/** Any version: Apple's client has sent 2 where RFC 2986 says 0. */
export function readCertificationRequest(der: Uint8Array): CertificationRequest {
	const root = readDer(der);
	const outer = sequence(root, "CertificationRequest");
	const info = outer.take(tag.sequence);
	const algorithm = readAlgorithm(outer.take(), "CertificationRequest");
	const signature = bitStringOctets(outer.take());
	outer.end();
	const fields = sequence(info, "CertificationRequestInfo");
	smallInteger(fields.take(tag.integer));
	const requestedSubject = fields.take(tag.sequence).raw;
	const publicKeyInfo = fields.take(tag.sequence).raw;
	const attributes = fields.optional(context(0))?.children ?? [];
	fields.end();
	return {
		der: root.raw,
		publicKeyInfo,
		requestedSubject,
		verifyPossession() {
			const publicKey = readProvenKey(publicKeyInfo);
			if (publicKey.asymmetricKeyType !== signatureOf(algorithm.oid).key) {
				throw new OtaError("algorithm", "CertificationRequest: signature algorithm and key do not fit");
			}
			if (!signatureHolds(algorithm, publicKey, info.raw, signature)) {
				throw new OtaError("signature", "CertificationRequest: its signature does not hold");
			}
		},
		challengePassword() {
			try {
				const values = readAttributes(attributes).get(oids.challengePassword) ?? [];
				const [value] = values;
				if (!value || values.length !== 1) throw malformed("challengePassword is not there once");
				const password = text(value);
				if (password.length === 0 || password.length > maxChallenge)
					throw malformed("challengePassword has no fit size");
				return password;
			} catch (cause) {
				throw new OtaError("challenge", "CertificationRequest: no usable challengePassword", { cause });
			}
		},
		requestedExtensions() {
			const [list, ...more] = readAttributes(attributes).get(oids.extensionRequest) ?? [];
			if (more.length > 0) throw malformed("extensionRequest has several values");
			return list ? readExtensions(list) : new Map();
		},
	};
}

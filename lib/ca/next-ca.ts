/**
 * The answer of GetNextCACert (RFC 8894 section 4.7.1): SignedData by the current CA's key, whose content is a
 * certificates-only SignedData of the CA and RA that follow. Made when these are, with the token's PIN: while the server runs
 * the CA's key signs certificates and lists alone.
 */
import { readCertificate, type X509 } from "../cms/certificate.ts";
import { certificatesOnly, type Signer, signData } from "../cms/sign.ts";
import { readContentInfo, readSignedData } from "../cms/signed-data.ts";
import { oids } from "../der/oids.ts";
import { context, malformed, readDer, sequence, tag } from "../der/reader.ts";
import { equalBytes } from "../der/values.ts";
import { asOtaError, OtaError } from "../errors.ts";

/** Clients that believed the current CA believe the next by this: RA first, then the CA, then the root. */
export interface NextCa {
	ra: X509;
	ca: X509;
	root: X509;
}

const contentOf = ({ ra, ca, root }: NextCa): Uint8Array => certificatesOnly([ra, ca, root]);

/** DER. `hsm_refused` when the signature that came back does not hold. */
export async function signNextCa(next: NextCa, current: Signer, at: Date): Promise<Uint8Array> {
	const certificates = [current.certificate];
	const message = await signData({
		content: contentOf(next),
		signer: current,
		digest: "sha256",
		certificates,
		signingTime: at,
	});
	const fault = nextCaFault(message, current.certificate, next);
	if (fault !== null) throw new OtaError("hsm_refused", `The message for GetNextCACert came back wrong: ${fault}.`);
	return message;
}

/** Why a message is not the current CA's word on the next one, or null; unless told, the next may be any. */
export function nextCaFault(message: Uint8Array, current: X509, next?: NextCa): string | null {
	try {
		const { content, signer } = readSignedData(message).verify(["sha256"]);
		if (!equalBytes(signer.der, current.der)) return "another certificate than the issuing CA's signed it";
		return next && !equalBytes(content, contentOf(next)) ? "it tells of other certificates" : null;
	} catch (error) {
		return asOtaError(error).message;
	}
}

/** The certificates that a message announces; `malformed` when it cannot be read. Whose word it is, `nextCaFault` tells. */
export function announced(message: Uint8Array): X509[] {
	const { content } = readSignedData(message).verify(["sha256"]);
	const data = sequence(readContentInfo(readDer(content), oids.signedData), "SignedData");
	data.take(tag.integer);
	data.take(tag.set);
	data.take(tag.sequence);
	return data.take(context(0)).children.map(({ raw }) => readCertificate(raw));
}

/** `malformed` for anything but one block of PEM. */
export function readNextCaPem(pem: string): Uint8Array {
	const [, base64] = /^-----BEGIN PKCS7-----\n([A-Za-z0-9+/=\n]+)-----END PKCS7-----\n?$/.exec(pem) ?? [];
	if (base64 === undefined) throw malformed("the message for GetNextCACert is not PEM of type PKCS7");
	return new Uint8Array(Buffer.from(base64, "base64"));
}

/** As a file: PEM of type PKCS7. */
export function nextCaPem(message: Uint8Array): string {
	const lines =
		Buffer.from(message)
			.toString("base64")
			.match(/.{1,64}/g) ?? [];
	return ["-----BEGIN PKCS7-----", ...lines, "-----END PKCS7-----", ""].join("\n");
}

/** CertRep (RFC 8894 section 3.3.2): the signed answer to a pkiMessage, as the clients of facts read it. */
import { type Cipher, digestOf } from "../cms/algorithms.ts";
import type { X509 } from "../cms/certificate.ts";
import { envelop } from "../cms/enveloped-data.ts";
import { attribute, certificatesOnly, type Signer, signData } from "../cms/sign.ts";
import { oids } from "../der/oids.ts";
import { octetString, printableString, utf8String } from "../der/writer.ts";
import type { FailInfo } from "../errors.ts";
import type { HashName, Random } from "../ports.ts";
import { messageType, type PkiMessage } from "./message.ts";

/** RFC 8894 section 3.2.1.3. */
const pkiStatus = { SUCCESS: "0", FAILURE: "2" } as const;

export interface ReplyContext {
	request: Pick<PkiMessage, "transactionID" | "senderNonce" | "digestOid">;
	/** The RA: its certificate must be the one that GetCACert named. */
	signer: Signer;
	/** Enclosed: the RA, then the CA. */
	certificates: readonly X509[];
	random: Random;
}

/** The issued certificate alone, encrypted to the signer of the request with the request's cipher. */
export function success(
	context: ReplyContext,
	issued: X509,
	recipient: X509,
	cipher: Cipher["name"],
): Promise<Uint8Array> {
	const content = envelop(certificatesOnly([issued]), recipient, cipher, context.random);
	return reply(context, pkiStatus.SUCCESS, content, []);
}

/** FAILURE: a zero-length content, which is what every real client reads. */
export function failure(context: ReplyContext, failInfo: FailInfo, words: string): Promise<Uint8Array> {
	return reply(context, pkiStatus.FAILURE, new Uint8Array(), [
		attribute(oids.scepFailInfo, printableString(String(failInfo))),
		attribute(oids.scepFailInfoText, utf8String(words)),
	]);
}

function reply(
	{ request, signer, certificates, random }: ReplyContext,
	status: string,
	content: Uint8Array,
	more: readonly Uint8Array[],
): Promise<Uint8Array> {
	return signData({
		content,
		signer,
		digest: mirrored(request.digestOid),
		certificates,
		attributes: [
			attribute(oids.scepTransactionID, printableString(request.transactionID)),
			attribute(oids.scepMessageType, printableString(messageType.CertRep)),
			attribute(oids.scepPkiStatus, printableString(status)),
			attribute(oids.scepSenderNonce, octetString(random(16))),
			attribute(oids.scepRecipientNonce, octetString(request.senderNonce)),
			...more,
		],
	});
}

/** The request's digest where we sign with it, else SHA-256. */
function mirrored(digestOid: string): HashName {
	try {
		const digest = digestOf(digestOid);
		return digest === "sha1" ? "sha256" : digest;
	} catch {
		return "sha256";
	}
}

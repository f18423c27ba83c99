/** CertRep (RFC 8894 section 3.3.2): the signed answer to a pkiMessage, as the clients of facts read it. */
import { type Cipher, digestOf } from "../cms/algorithms.ts";
import type { X509 } from "../cms/certificate.ts";
import { envelop } from "../cms/enveloped-data.ts";
import { attribute, type Signer, signData } from "../cms/sign.ts";
import { oids } from "../der/oids.ts";
import { octetString, printableString, utf8String } from "../der/writer.ts";
import type { FailInfo } from "../errors.ts";
import type { HashName, Random } from "../ports.ts";
import { messageType, type PkiMessage } from "./message.ts";

/** RFC 8894 section 3.2.1.3. */
const pkiStatus = { SUCCESS: "0", FAILURE: "2", PENDING: "3" } as const;

export interface ReplyContext {
	request: Pick<PkiMessage, "transactionID" | "senderNonce" | "digestOid">;
	/** The RA: its certificate must be the one that GetCACert named. */
	signer: Signer;
	/** Enclosed: the RA, then its CA. */
	certificates: readonly X509[];
	random: Random;
}

/** What was asked for (SignedData of certificates or a list alone), encrypted to the signer of the request with its cipher. */
export function success(
	context: ReplyContext,
	contents: Uint8Array,
	recipient: X509,
	cipher: Cipher["name"],
): Promise<Uint8Array> {
	return reply(context, pkiStatus.SUCCESS, envelop(contents, recipient, cipher, context.random), []);
}

/** PENDING: nobody has decided yet. Without an envelope, as FAILURE. */
export function pending(context: ReplyContext): Promise<Uint8Array> {
	return reply(context, pkiStatus.PENDING, new Uint8Array(), []);
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

/** The request's digest where we sign with it, else SHA-256: no key of ours signs SHA-1. */
function mirrored(digestOid: string): HashName {
	try {
		const digest = digestOf(digestOid);
		return digest === "sha1" ? "sha256" : digest;
	} catch {
		return "sha256";
	}
}

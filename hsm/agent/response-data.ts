/**
 * What the OCSP role signs (RFC 6960 section 4.2.1): ResponseData of its own, of this hour. Its certificate vouches for
 * answers about certificates alone, so nothing else may bear its signature.
 */
import { createHash, X509Certificate } from "node:crypto";
import { context, type Element, Fields, readDer, sequence, tag } from "../../lib/der/reader.ts";
import { bitStringOctets, equalBytes, octets, oid, time } from "../../lib/der/values.ts";
import { asOtaError, OtaError } from "../../lib/errors.ts";

const hour = 3_600_000;

/** SHA-1 of the responder's key, as byKey names it. `config` when the certificate cannot be read. */
export function readResponder(certificate: Uint8Array): Uint8Array {
	try {
		const info = new X509Certificate(certificate).publicKey.export({ format: "der", type: "spki" });
		const fields = sequence(readDer(info), "SubjectPublicKeyInfo");
		fields.take();
		return createHash("sha1").update(bitStringOctets(fields.take())).digest();
	} catch (cause) {
		throw new OtaError("config", "ocsp: its certificate is not a DER certificate", { cause });
	}
}

/** `hsm_refused` for anything but ResponseData by this responder, about now. */
export function checkResponseData(message: Uint8Array, responder: Uint8Array | null, now: Date): void {
	if (!responder) throw refused("this agent does not know the responder's certificate");
	const { key, times, areResponsesPlain, isNonceAlone } = read(message);
	if (!equalBytes(key, responder)) throw refused("another responder");
	if (times.some((time) => Math.abs(time.getTime() - now.getTime()) > hour)) throw refused("it is not of this hour");
	if (!areResponsesPlain) throw refused("an answer that is none, or holds for more than a day");
	if (!isNonceAlone) throw refused("extensions beside a nonce");
}

function read(message: Uint8Array) {
	try {
		const fields = sequence(readDer(message, { maxBytes: 16 * 1024, maxElements: 1000 }), "ResponseData");
		const byKey = new Fields(fields.take(context(2)), context(2), "ResponderID");
		const key = octets(byKey.take(tag.octetString));
		byKey.end();
		const producedAt = time(fields.take(tag.generalizedTime));
		const responses = fields.take(tag.sequence).children.map(readSingleResponse);
		const extensions = fields.optional(context(1));
		fields.end();
		return {
			key,
			times: [producedAt, ...responses.map(({ thisUpdate }) => thisUpdate)],
			areResponsesPlain: responses.length > 0 && responses.every(({ isPlain }) => isPlain),
			isNonceAlone: extensions === null || isNonce(extensions),
		};
	} catch (error) {
		throw refused(asOtaError(error).message, error);
	}
}

const day = 24 * hour;
const goodOrUnknown: readonly number[] = [context(0, false), context(2, false)];

/** CertID, status, thisUpdate, nextUpdate, and no extensions of its own. */
function readSingleResponse(element: Element): { thisUpdate: Date; isPlain: boolean } {
	const fields = sequence(element, "SingleResponse");
	const certID = fields.take(tag.sequence).children.map((child) => child.tag);
	const status = fields.take();
	const thisUpdate = time(fields.take(tag.generalizedTime));
	const next = new Fields(fields.take(context(0)), context(0), "nextUpdate");
	const nextUpdate = time(next.take(tag.generalizedTime));
	next.end();
	fields.end();
	const isCertID = certID.join() === [tag.sequence, tag.octetString, tag.octetString, tag.integer].join();
	const isStatus = (goodOrUnknown.includes(status.tag) && status.content.length === 0) || isRevoked(status);
	const length = nextUpdate.getTime() - thisUpdate.getTime();
	return { thisUpdate, isPlain: isCertID && isStatus && length > 0 && length <= day };
}

/** RevokedInfo, implicitly tagged: when, and why if that is told. */
function isRevoked(status: Element): boolean {
	if (status.tag !== context(1)) return false;
	const fields = new Fields(status, context(1), "RevokedInfo");
	time(fields.take(tag.generalizedTime));
	fields.optional(context(0));
	fields.end();
	return true;
}

/** id-pkix-ocsp-nonce (RFC 9654 section 2). */
function isNonce(wrapper: Element): boolean {
	const [list, ...more] = wrapper.children;
	const [extension, ...others] = list?.children ?? [];
	const [id] = extension?.children ?? [];
	return more.length === 0 && others.length === 0 && id?.tag === tag.oid && oid(id) === "1.3.6.1.5.5.7.48.1.2";
}

const refused = (what: string, cause?: unknown): OtaError =>
	new OtaError("hsm_refused", `the OCSP responder does not sign this: ${what}`, { cause });

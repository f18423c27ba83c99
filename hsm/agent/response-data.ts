/**
 * What the OCSP role signs (RFC 6960 section 4.2.1): ResponseData of its own, of this hour. Its certificate vouches for
 * answers about certificates alone, so nothing else may bear its signature.
 */
import { createHash, X509Certificate } from "node:crypto";
import { context, Fields, readDer, sequence, tag } from "../../lib/der/reader.ts";
import { bitStringOctets, equalBytes, octets, time } from "../../lib/der/values.ts";
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

/** `hsm_refused` for anything but ResponseData by this responder. */
export function checkResponseData(message: Uint8Array, responder: Uint8Array | null, now: Date): void {
	if (!responder) throw refused("this agent does not know the responder's certificate");
	const { isOurs, producedAt } = read(message);
	if (!isOurs(responder)) throw refused("another responder");
	if (Math.abs(producedAt.getTime() - now.getTime()) > hour) throw refused("it is not of this hour");
}

function read(message: Uint8Array) {
	try {
		const fields = sequence(readDer(message), "ResponseData");
		const byKey = new Fields(fields.take(context(2)), context(2), "ResponderID");
		const key = octets(byKey.take(tag.octetString));
		byKey.end();
		const producedAt = time(fields.take(tag.generalizedTime));
		fields.take(tag.sequence);
		fields.optional(context(1));
		fields.end();
		return { isOurs: (responder: Uint8Array) => equalBytes(key, responder), producedAt };
	} catch (error) {
		throw refused(asOtaError(error).message, error);
	}
}

const refused = (what: string, cause?: unknown): OtaError =>
	new OtaError("hsm_refused", `the OCSP responder does not sign this: ${what}`, { cause });

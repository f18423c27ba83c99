/**
 * GetCert and GetCRL (RFC 8894 sections 3.3.4 and 3.3.5). From the moment that the RA's key opens the envelope, whatever is
 * wrong is one answer: told apart, a padding that fails and a name that is unknown would decrypt captured envelopes bit by bit.
 */
import { readCertificate, type X509 } from "../cms/certificate.ts";
import { certificatesOnly, listOnly } from "../cms/sign.ts";
import { equalBytes } from "../der/values.ts";
import { asOtaError, type Code, OtaError } from "../errors.ts";
import { type IssuerAndSerial, readIssuerAndSerial } from "../scep/issuer-and-serial.ts";
import type { EnrollContext } from "./context.ts";
import { readEnvelope, type ScepAnswer, type ScepRequest } from "./scep-request.ts";
import { ownSigner } from "./scep-signer.ts";

const unknown = (why: string, cause?: unknown): OtaError => new OtaError("unknown_certificate", why, { cause });

/** The certificate, to whoever has its key, or another certificate of ours from the same enrollment. */
export async function getCert(context: EnrollContext, request: ScepRequest): Promise<ScepAnswer> {
	const { named, ca, cipher } = await openName(context, request);
	const found = await context.store.findCertificate(named.serialNumber);
	if (!found?.certificate.der || found.certificate.state !== "issued" || found.isBlocked) {
		throw unknown("GetCert: no certificate that counts");
	}
	const { certificate } = found;
	const isOwn = certificate.publicKeyHash === request.signer.publicKeyHash;
	// Machines whose challenges were minted together have nothing else in common.
	const isShared = certificate.purpose !== "machine";
	const isAllowed = isOwn || (isShared && (await isOfEnrollment(context, request.signer, certificate.enrollmentId)));
	if (certificate.issuerKeyHash !== ca.publicKeyHash || !isAllowed) throw unknown("GetCert: it is another's");
	return { contents: certificatesOnly([readCertificate(found.certificate.der)]), cipher };
}

async function isOfEnrollment(context: EnrollContext, signer: X509, enrollmentId: string): Promise<boolean> {
	const now = context.clock();
	const found = await ownSigner(context, signer);
	if (found === null) return false;
	const { certificate } = found;
	return certificate.enrollmentId === enrollmentId && certificate.state === "issued" && now <= certificate.notAfter;
}

/** The current list of the issuing CA that is named. It is public: anybody may ask. */
export async function getCrl(context: EnrollContext, request: ScepRequest): Promise<ScepAnswer> {
	const { ca, cipher } = await openName(context, request);
	const list = await context.revocation.list(ca.publicKeyHash);
	if (list === null) throw unknown("GetCRL: there is no list");
	return { contents: listOnly(list.der), cipher, isPublic: true };
}

const afterTheKey: readonly Code[] = ["malformed", "decryption"];

async function openName(context: EnrollContext, request: ScepRequest) {
	const { cipher, open } = readEnvelope(context, request);
	const named = await readName(open);
	const ca = context.cas.find(({ certificate }) => equalBytes(certificate.subject, named.issuer))?.certificate;
	if (!ca) throw unknown("an issuer that is none of ours");
	return { named, ca, cipher };
}

async function readName(open: () => Promise<Uint8Array>): Promise<IssuerAndSerial> {
	try {
		return readIssuerAndSerial(await open());
	} catch (thrown) {
		const error = asOtaError(thrown);
		throw afterTheKey.includes(error.code) ? unknown(error.message, error) : error;
	}
}

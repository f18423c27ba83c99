/**
 * What the signing roles with a policy sign (RFC 5280 sections 4.1 and 5.1): the CA a device's certificate as our template
 * makes it, a revocation list, and the proof of its key, all of its own name and of this hour. What is not written here is
 * refused. Whoever takes over a web process can have certificates made that can be revoked, and never a CA, a server's or a
 * responder's certificate, or a signature over bytes of their choice.
 */

import { oids } from "../../lib/der/oids.ts";
import { context, type Element, readDer, sequence, tag } from "../../lib/der/reader.ts";
import { equalBytes, oid } from "../../lib/der/values.ts";
import { algorithmIdentifier, nullValue } from "../../lib/der/writer.ts";
import { asOtaError, OtaError } from "../../lib/errors.ts";
import type { HashName } from "../../lib/ports.ts";
import { comparableName } from "./comparable-name.ts";
import type { Faults, Issuer } from "./issuer.ts";
import { listFaults, readTbsCertList } from "./tbs-cert-list.ts";
import { certificateFaults, issuerFields, readTbsCertificate } from "./tbs-certificate.ts";

/** 2 MiB of list, some 40,000 entries: one with its reason has eight elements in some fifty octets. */
const listLimits = { maxBytes: 2 * 1024 * 1024, maxElements: 340 * 1024 };
/** What a device's certificate says fits in two kilobytes. */
const certificateLimits = { maxBytes: 16 * 1024, maxElements: 500 };
/** More faults than an operator reads. */
const mostTold = 8;

/** Of the DER of the CA's certificate; `config` when it cannot be read. */
export function readIssuer(certificate: Uint8Array): Issuer {
	try {
		const fields = sequence(readDer(certificate), "Certificate");
		const { subject, publicKeyInfo, notAfter, subjectKeyIdentifier } = issuerFields(fields.take(tag.sequence));
		const algorithm = sequence(sequence(readDer(publicKeyInfo), "SubjectPublicKeyInfo").take(), "AlgorithmIdentifier");
		const isRsa = oid(algorithm.take()) === oids.rsaEncryption;
		const name = subject.raw;
		return { name, comparableName: comparableName(subject), publicKeyInfo, isRsa, notAfter, subjectKeyIdentifier };
	} catch (cause) {
		throw new OtaError("config", "ca: its certificate is not a DER certificate", { cause });
	}
}

/** What may be signed: everything of the CA's, or lists alone (a CA that has a successor). */
export type Signable = "certificates and lists" | "lists";

/** `hsm_refused`, naming what is wrong, for anything but what the CA may sign. */
export function checkToBeSigned(
	message: Uint8Array,
	hash: HashName,
	issuer: Issuer | null,
	now: Date,
	signable: Signable = "certificates and lists",
): void {
	if (!issuer) throw refused("this agent does not know the CA's certificate");
	const faults = judged(message, hash, issuer, now, signable);
	const failed = Object.keys(faults).filter((name) => faults[name]);
	if (failed.length > 0) throw refused(failed.slice(0, mostTold).join("; "));
}

const refused = (what: string, cause?: unknown): OtaError =>
	new OtaError("hsm_refused", `the CA does not sign this: ${what}`, { cause });

function judged(message: Uint8Array, hash: HashName, issuer: Issuer, now: Date, signable: Signable): Faults {
	try {
		// A certificate of version 3 begins with [0], a list with an INTEGER.
		if (firstTag(message) !== context(0)) return judgeList(readDer(message, listLimits), hash, issuer, now);
		return {
			...judgeCertificate(readDer(message, certificateLimits), hash, issuer, now),
			"a CA with a successor issues no certificates": signable === "lists",
		};
	} catch (error) {
		throw refused(asOtaError(error).message, error);
	}
}

/** Identifier octet of the first element inside the first, before anything is read. */
function firstTag(message: Uint8Array): number | undefined {
	const length = message[1] ?? 0;
	return message[2 + (length > 0x80 ? length & 0x7f : 0)];
}

function judgeCertificate(root: Element, hash: HashName, issuer: Issuer, now: Date): Faults {
	const read = readTbsCertificate(root);
	return { ...commonFaults(read, hash, issuer), ...certificateFaults(read, issuer, now) };
}

function judgeList(root: Element, hash: HashName, issuer: Issuer, now: Date): Faults {
	const read = readTbsCertList(root);
	return { ...commonFaults(read, hash, issuer), ...listFaults(read, issuer, now) };
}

const commonFaults = (read: { algorithm: Uint8Array; issuer: Uint8Array }, hash: HashName, issuer: Issuer): Faults => ({
	"its signature algorithm is not the CA's, or not of the hash": !equalBytes(read.algorithm, algorithmOf(issuer, hash)),
	"its issuer is not the CA": !equalBytes(read.issuer, issuer.name),
});

/** RFC 4055 section 5 and RFC 5758 section 3.2. */
function algorithmOf({ isRsa }: Issuer, hash: HashName): Uint8Array {
	const rsa = { sha256: oids.sha256WithRsa, sha384: oids.sha384WithRsa, sha512: oids.sha512WithRsa };
	const ec = { sha256: oids.ecdsaWithSha256, sha384: oids.ecdsaWithSha384, sha512: oids.ecdsaWithSha512 };
	return isRsa ? algorithmIdentifier(rsa[hash], nullValue()) : algorithmIdentifier(ec[hash]);
}

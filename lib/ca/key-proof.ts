/**
 * Something harmless for the CA's key to sign, in proof that it is there: the HSM agent lets it sign nothing but certificates
 * and revocation lists. A certificate of a moment that is over, for no key, with the critical poison extension of RFC 6962
 * section 3.1, which nobody may accept.
 */
import type { X509 } from "../cms/certificate.ts";
import { writeName } from "../der/name.ts";
import { oids } from "../der/oids.ts";
import {
	algorithmIdentifier,
	bitString,
	boolean,
	contextOf,
	integer,
	nullValue,
	objectIdentifier,
	octetString,
	sequenceOf,
	time,
} from "../der/writer.ts";
import type { Random } from "../ports.ts";
import { caSignatureAlgorithm, drawSerialNumber } from "./template.ts";

const poison = "1.3.6.1.4.1.11129.2.4.3";

/** DER of a TBSCertificate, to be signed with SHA-256 and thrown away. */
export function buildKeyProof(ca: X509, now: Date, random: Random): Uint8Array {
	const notAfter = new Date(Math.floor(now.getTime() / 1000) * 1000);
	const notBefore = new Date(notAfter.getTime() - 1000);
	return sequenceOf(
		contextOf(0, integer(2)),
		integer(drawSerialNumber(random)),
		caSignatureAlgorithm(ca),
		ca.subject,
		sequenceOf(time(notBefore), time(notAfter)),
		writeName([["CN", "proof of a key"]]),
		sequenceOf(algorithmIdentifier(oids.rsaEncryption, nullValue()), bitString(random(32))),
		contextOf(3, sequenceOf(sequenceOf(objectIdentifier(poison), boolean(true), octetString(nullValue())))),
	);
}

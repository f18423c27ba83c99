/** IssuerAndSerialNumber (RFC 8894 sections 3.3.4 and 3.3.5): the certificate that GetCert asks for, or GetCRL is about. */
import { readDer, sequence, tag } from "../der/reader.ts";
import { unsignedHex } from "../der/values.ts";

export interface IssuerAndSerial {
	/** DER of the name. */
	issuer: Uint8Array;
	/** Hex without leading zero octets. */
	serialNumber: string;
}

/** `malformed` for anything else. */
export function readIssuerAndSerial(bytes: Uint8Array): IssuerAndSerial {
	const fields = sequence(readDer(bytes), "IssuerAndSerialNumber");
	const issuer = fields.take(tag.sequence).raw;
	const serialNumber = unsignedHex(fields.take(tag.integer));
	fields.end();
	return { issuer, serialNumber };
}

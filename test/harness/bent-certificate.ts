/** A device's certificate before it is signed, of which any one part can be bent; built by the emulated device's encoder. */
import type { X509 } from "../../lib/cms/certificate.ts";
import { ber, oids, publicKeyInfo } from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";

const day = 86_400_000;
export const now = new Date("2026-11-22T12:00:00Z");
export const device: Uint8Array = publicKeyInfo(newKeyPair("rsa", { modulusLength: 2048 }).publicKey);
export const emailProtection = "1.3.6.1.5.5.7.3.4";

interface Parts {
	version: Uint8Array;
	serial: Uint8Array;
	algorithm: Uint8Array;
	issuer: Uint8Array;
	notBefore: Uint8Array;
	notAfter: Uint8Array;
	subject: Uint8Array;
	key: Uint8Array;
	/** Between the key and the extensions. */
	more: Uint8Array[];
	extensions: Record<string, Uint8Array | null>;
}

export const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));
export const utcTime = (text: string): Uint8Array => ber.tlv(23, ascii(text));
export const generalizedTime = (text: string): Uint8Array => ber.tlv(24, ascii(text));
export const later = (days: number): Uint8Array => ber.time(new Date(now.getTime() + days * day));
export const basicConstraints = (...content: Uint8Array[]) =>
	ber.extension(oids.basicConstraints, ber.sequence(...content), true);
export const keyUsage = (unused: number, ...octets: number[]) =>
	ber.extension(oids.keyUsage, ber.bitString(Uint8Array.from(octets), unused), true);
export const purposes = (...usages: string[]) => ber.extension(oids.extKeyUsage, ber.sequence(...usages.map(ber.oid)));
export const authority = (identifier: Uint8Array, more: Uint8Array[] = [], critical = false) =>
	ber.extension(oids.authorityKeyIdentifier, ber.sequence(ber.tlv(0x80, identifier), ...more), critical);
export const keyOf = (ca: X509): Uint8Array => Buffer.from(ca.subjectKeyIdentifier as string, "hex");
export const ski = (critical = false) =>
	ber.extension(oids.subjectKeyIdentifier, ber.octetString(new Uint8Array(20)), critical);
export const mail = (text: string) => ber.tlv(0x81, ascii(text));
export const host = (text: string) => ber.tlv(0x82, ascii(text));
export const uri = (text: string) => ber.tlv(0x86, ascii(text));
export const alternatives = (...names: Uint8Array[]) => ber.extension(oids.subjectAltName, ber.sequence(...names));
export const point = (...names: Uint8Array[]) => ber.sequence(ber.context(0, ber.context(0, ...names)));
export const lists = (...points: Uint8Array[]) => ber.extension("2.5.29.31", ber.sequence(...points));
export const ocsp = "1.3.6.1.5.5.7.48.1";
export const access = (method: string, location: Uint8Array) => ber.sequence(ber.oid(method), location);
export const accesses = (...all: Uint8Array[]) => ber.extension("1.3.6.1.5.5.7.1.1", ber.sequence(...all));
export const crl = "https://ota.example.com/crl/0123456789abcdef.crl";
export const responder = access(ocsp, uri("https://ota.example.com/ocsp"));
export const rsaEncryption = "1.2.840.113549.1.1.1";
export const rdn = (type: string, value: Uint8Array) => ber.set(ber.sequence(ber.oid(type), value));
export const rsaInfo = (modulus: Uint8Array, exponent: Uint8Array, algorithm = ber.algorithm(rsaEncryption)) =>
	ber.sequence(algorithm, ber.bitString(ber.sequence(ber.tlv(2, modulus), ber.tlv(2, exponent))));
/** A modulus of so many bits, and nothing else. */
export const modulusOf = (bits: number): Uint8Array => {
	const octets = new Uint8Array(Math.ceil(bits / 8)).fill(0xff);
	octets[0] = 0xff >> (octets.length * 8 - bits);
	return bits % 8 === 0 ? ber.concat([Uint8Array.of(0), octets]) : octets;
};
export const f4 = Uint8Array.of(1, 0, 1);

function goodParts(ca: X509): Parts {
	return {
		version: ber.context(0, ber.integer(2)),
		serial: ber.integer(Uint8Array.of(0x41, 2, 3, 4, 5, 6, 7, 8)),
		algorithm: ber.algorithm(oids.sha256WithRSAEncryption),
		issuer: ca.subject,
		notBefore: later(0),
		notAfter: later(398),
		subject: ber.name([["CN", "alice@example.com"]]),
		key: device,
		more: [],
		extensions: {
			basicConstraints: basicConstraints(),
			keyUsage: keyUsage(5, 0xa0),
			purposes: purposes(emailProtection),
			subjectKeyIdentifier: ski(),
			authorityKeyIdentifier: authority(keyOf(ca)),
			alternatives: alternatives(mail("alice@example.com")),
			lists: lists(point(uri(crl))),
			accesses: accesses(responder),
		},
	};
}
function tbsOf(parts: Parts): Uint8Array {
	const extensions = Object.values(parts.extensions).filter((one) => one !== null);
	return ber.sequence(
		parts.version,
		parts.serial,
		parts.algorithm,
		parts.issuer,
		ber.sequence(parts.notBefore, parts.notAfter),
		parts.subject,
		parts.key,
		...parts.more,
		...(extensions.length > 0 ? [ber.context(3, ber.sequence(...extensions))] : []),
	);
}
export type Bend = (ca: X509) => Omit<Partial<Parts>, "extensions"> & { extensions?: Partial<Parts["extensions"]> };
/** The good parts, but for those that `bend` names. */
export function bent(ca: X509, bend: Bend): Uint8Array {
	const [good, other] = [goodParts(ca), bend(ca)];
	return tbsOf({ ...good, ...other, extensions: { ...good.extensions, ...(other.extensions as Parts["extensions"]) } });
}
export const extension = (name: string, value: Uint8Array | null) => () => ({ extensions: { [name]: value } });
export const named = (...names: Uint8Array[]) => extension("alternatives", alternatives(...names));
export const subject = (type: string, value: Uint8Array) => () => ({ subject: ber.sequence(rdn(type, value)) });
export const long = (length: number) => ber.string("x".repeat(length));

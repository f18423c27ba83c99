/** OCSP requests: openssl's are read as they were meant, and everything else is malformed. */
import { createHash } from "node:crypto";
import { afterAll, describe, expect, it } from "@jest/globals";
import { issuerFinder } from "../../lib/ca/ocsp-cert-id.ts";
import { type OcspRequest, readOcspRequest } from "../../lib/ca/ocsp-request.ts";
import { readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import * as der from "../../lib/der/writer.ts";
import { asOtaError } from "../../lib/errors.ts";
import { buildCertificate, ber as deviceBer, pemOf } from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { OpenSsl } from "../harness/openssl.ts";
import { extension as critical, plain } from "../harness/to-be-signed.ts";

const openssl = new OpenSsl();
afterAll(() => openssl.remove());
const now = new Date();
const dates = { notBefore: new Date(now.getTime() - 1e7), notAfter: new Date(now.getTime() + 1e9) };
const caOf = (commonName: string): X509 => {
	const key = newKeyPair("ec", { namedCurve: "P-256" }).privateKey;
	return readCertificate(buildCertificate({ subject: [["CN", commonName]], key, ca: {}, keyUsage: [5, 6], ...dates }));
};
const [ca, other] = [caOf("CA"), caOf("other")];
const issuer = openssl.file("ca.pem", pemOf(ca.der));
const key = openssl.file(
	"key.pem",
	newKeyPair("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" }) as string,
);

function requestOf(...args: string[]): OcspRequest {
	const path = openssl.output("request.der");
	openssl.run("ocsp", "-issuer", issuer, ...args, "-reqout", path);
	return readOcspRequest(openssl.read(path));
}

describe("a request of openssl", () => {
	const find = issuerFinder([other, ca]);

	it.each(["sha1", "sha256", "sha384", "sha512"] as const)("with %s names the issuer", (digest) => {
		const { certIDs, nonce } = requestOf(`-${digest}`, "-serial", "0x00ff", "-no_nonce");
		expect(certIDs.map(({ digest, serialNumber }) => [digest, serialNumber])).toEqual([[digest, "ff"]]);
		expect(certIDs.map(find)).toEqual([ca]);
		expect(nonce).toBeNull();
	});

	it("with a digest that is none of ours names nobody", () => {
		const { certIDs } = requestOf("-sha224", "-serial", "5");
		expect(certIDs.map(({ digest }) => digest)).toEqual([null]);
		expect(certIDs.map(find)).toEqual([null]);
	});

	it("about several, with a nonce, is read in its order", () => {
		const { certIDs, nonce } = requestOf("-serial", "9", "-serial", "0x7fffffffffffffffffffffffffffffffffffffff");
		expect(certIDs.map(({ serialNumber }) => serialNumber)).toEqual(["09", `7f${"ff".repeat(19)}`]);
		expect(nonce?.length).toBe(16);
	});

	it("that is signed is read as if it were not", () => {
		const certificate = openssl.output("signer.pem");
		openssl.run("req", "-x509", "-new", "-key", key, "-subj", "/CN=client", "-out", certificate);
		const { certIDs } = requestOf("-serial", "5", "-signer", certificate, "-signkey", key);
		expect(certIDs.map(({ serialNumber }) => serialNumber)).toEqual(["05"]);
	});
});

const sha1 = der.algorithmIdentifier("1.3.14.3.2.26", der.nullValue());
const hash = der.octetString(createHash("sha1").update("x").digest());
interface CertIDFields {
	algorithm: Uint8Array;
	name: Uint8Array;
	key: Uint8Array;
	serial: Uint8Array;
	rest: Uint8Array[];
}
function certID(more: Partial<CertIDFields> = {}): Uint8Array {
	const { algorithm, name, key, serial, rest }: CertIDFields = {
		algorithm: sha1,
		name: hash,
		key: hash,
		serial: der.integer(5),
		rest: [],
		...more,
	};
	return der.sequenceOf(algorithm, name, key, serial, ...rest);
}
const request = (id = certID(), ...rest: Uint8Array[]): Uint8Array => der.sequenceOf(id, ...rest);
const nonce = (...octets: number[]): Uint8Array =>
	plain("1.3.6.1.5.5.7.48.1.2", der.octetString(Uint8Array.from(octets)));
const unknown = { plain: plain("1.2.3.4", der.nullValue()), critical: critical("1.2.3.4", der.nullValue()) };
const extensions = (number: number, ...all: Uint8Array[]): Uint8Array => der.contextOf(number, der.sequenceOf(...all));

interface Fields {
	version: Uint8Array[];
	requestor: Uint8Array[];
	list: Uint8Array[];
	extensions: Uint8Array[];
	after: Uint8Array[];
}
function whole(more: Partial<Fields> = {}): Uint8Array {
	const fields: Fields = { version: [], requestor: [], list: [request()], extensions: [], after: [], ...more };
	const tbs = [...fields.version, ...fields.requestor, der.sequenceOf(...fields.list), ...fields.extensions];
	return der.sequenceOf(der.sequenceOf(...tbs), ...fields.after);
}
function outcome(bytes: Uint8Array): string {
	try {
		readOcspRequest(bytes);
		return "accepted";
	} catch (error) {
		return asOtaError(error).code;
	}
}
const signature = (...certificates: Uint8Array[]) =>
	der.contextOf(0, der.sequenceOf(sha1, der.bitString(Uint8Array.of(1)), ...certificates));
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

describe("a request", () => {
	it.each<[string, Partial<Fields>]>([
		["with its version written", { version: [der.contextOf(0, der.integer(0))] }],
		["of somebody", { requestor: [der.contextOf(1, der.contextOf(4, ca.subject))] }],
		["about sixteen", { list: times(16, request()) }],
		["with a nonce of one octet", { extensions: [extensions(2, nonce(1))] }],
		["with a nonce of 32 octets", { extensions: [extensions(2, nonce(...times(32, 1)))] }],
		["with an unknown extension", { extensions: [extensions(2, unknown.plain)] }],
		["with an unknown extension of one", { list: [request(certID(), extensions(0, unknown.plain))] }],
		["signed by nobody", { after: [signature()] }],
		[
			"with a digest without parameters",
			{ list: [request(certID({ algorithm: der.algorithmIdentifier("1.3.14.3.2.26") }))] },
		],
	])("%s is read", (_what, more) => expect(outcome(whole(more))).toBe("accepted"));

	it.each<[string, Partial<Fields>]>([
		["about nothing", { list: [] }],
		["about seventeen", { list: times(17, request()) }],
		["about a hundred", { list: times(100, request()) }],
		["of version 2", { version: [der.contextOf(0, der.integer(1))] }],
		["of two versions", { version: [der.contextOf(0, der.integer(0), der.integer(0))] }],
		["of somebody who is no GeneralName", { requestor: [der.contextOf(1, ca.subject)] }],
		["with a field after its extensions", { extensions: [extensions(2, nonce(1)), der.nullValue()] }],
		["with a field after its signature", { after: [signature(), der.nullValue()] }],
		["with a signature that is none", { after: [der.contextOf(0, der.nullValue())] }],
		["with certificates that are none", { after: [signature(der.contextOf(0, der.nullValue()))] }],
		["with an empty nonce", { extensions: [extensions(2, nonce())] }],
		["with a nonce of 33 octets", { extensions: [extensions(2, nonce(...times(33, 1)))] }],
		["with a nonce of 1,000 octets", { extensions: [extensions(2, nonce(...times(1000, 1)))] }],
		["with a bare nonce", { extensions: [extensions(2, plain("1.3.6.1.5.5.7.48.1.2", der.integer(5)))] }],
		["with two nonces", { extensions: [extensions(2, nonce(1), nonce(2))] }],
		["with no extension in the list", { extensions: [extensions(2)] }],
		["with an unknown critical extension", { extensions: [extensions(2, unknown.critical)] }],
		["with an unknown critical extension of one", { list: [request(certID(), extensions(0, unknown.critical))] }],
		["with a field too many in one", { list: [request(certID(), der.nullValue())] }],
		["with a field too many in a CertID", { list: [request(certID({ rest: [der.nullValue()] }))] }],
		[
			"with parameters of a digest",
			{ list: [request(certID({ algorithm: der.algorithmIdentifier("1.3.14.3.2.26", der.integer(1)) }))] },
		],
		["with a digest of 65 octets", { list: [request(certID({ name: der.octetString(Buffer.alloc(65)) }))] }],
		["with a key's digest of 65 octets", { list: [request(certID({ key: der.octetString(Buffer.alloc(65)) }))] }],
		["about a serial number of 21 octets", { list: [request(certID({ serial: der.integer(Buffer.alloc(21, 1)) }))] }],
		["about a negative serial number", { list: [request(certID({ serial: der.tlv(2, Uint8Array.of(0x80)) }))] }],
	])("%s is refused", (_what, more) => expect(outcome(whole(more))).toBe("malformed"));

	it.each([
		["nothing", new Uint8Array(0)],
		["a certificate", ca.der],
		["an octet behind", Buffer.concat([whole(), Uint8Array.of(0)])],
		["indefinite lengths", deviceBer.indefinite(0x30, [whole().subarray(2)])],
		["16 KiB and an octet", new Uint8Array(16 * 1024 + 1)],
		["more elements than it may have", der.sequenceOf(...times(1000, der.nullValue()))],
	])("%s is refused", (_what, bytes) => expect(outcome(bytes)).toBe("malformed"));
});

describe("issuers", () => {
	const idOf = (bytes: Uint8Array) => readOcspRequest(bytes).certIDs[0] as OcspRequest["certIDs"][number];
	const good = requestOf("-serial", "5").certIDs[0] as OcspRequest["certIDs"][number];

	it("are found by name and key together", () => {
		const find = issuerFinder([ca, other]);
		const foreign = openssl.file("other.pem", pemOf(other.der));
		const path = openssl.output("other.der");
		openssl.run("ocsp", "-issuer", foreign, "-serial", "5", "-reqout", path);
		const theirs = idOf(openssl.read(path));
		expect([find(good), find(theirs)]).toEqual([ca, other]);
		expect(find({ ...good, issuerKeyHash: theirs.issuerKeyHash })).toBeNull();
		expect(find({ ...good, issuerNameHash: theirs.issuerNameHash })).toBeNull();
		expect(find({ ...good, digest: "sha256" })).toBeNull();
		expect(issuerFinder([])(good)).toBeNull();
	});
});

/** OCSP answers of others: who may answer, when, about what; and a responder's certificate as the server starts with it. */
import { createHash, type KeyObject, sign } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { keyHashOf } from "../../lib/ca/ocsp-cert-id.ts";
import { readOcspResponse } from "../../lib/ca/ocsp-reading.ts";
import { responderFaults } from "../../lib/ca/ocsp-responder.ts";
import { type OcspQuestion, verifyOcspResponse } from "../../lib/ca/ocsp-verify.ts";
import { readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { toHex } from "../../lib/der/values.ts";
import * as der from "../../lib/der/writer.ts";
import { asOtaError } from "../../lib/errors.ts";
import { buildCertificate, type CertificateOptions } from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { extension as critical, plain } from "../harness/to-be-signed.ts";

const day = 86_400_000;
const now = new Date("2026-11-22T12:00:00Z");
const later = (days: number): Date => new Date(now.getTime() + days * day);
const dates = { notBefore: later(-1), notAfter: later(365) };
const rsa = (): KeyObject => newKeyPair("rsa", { modulusLength: 2048 }).privateKey;
const keys = { ca: rsa(), responder: rsa(), other: rsa() };
const ocspSigning = "1.3.6.1.5.5.7.3.9";

const issuer = {
	certificate: buildCertificate({ subject: [["CN", "CA"]], key: keys.ca, ca: {}, keyUsage: [5, 6], ...dates }),
	privateKey: keys.ca,
};
const ca = readCertificate(issuer.certificate);
const responderOf = (more: Partial<CertificateOptions> = {}): X509 =>
	readCertificate(
		buildCertificate({
			...dates,
			subject: [["CN", "OCSP"]],
			key: keys.responder,
			issuer,
			keyUsage: [0],
			extKeyUsage: [ocspSigning],
			...more,
		}),
	);
const responder = responderOf();

const sha256 = der.algorithmIdentifier("2.16.840.1.101.3.4.2.1", der.nullValue());
const hashOf = (hex: string): Uint8Array => der.octetString(Buffer.from(hex, "hex"));
const certIDOf = (serial: number, of: X509 = ca): Uint8Array =>
	der.sequenceOf(sha256, nameHash(of), hashOf(keyHashOf("sha256", of)), der.integer(serial));
const nameHash = (of: X509): Uint8Array => der.octetString(digest(of.subject));
const digest = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

const good = der.contextPrimitive(0, new Uint8Array(0));
const unknown = der.contextPrimitive(2, new Uint8Array(0));
const revoked = der.contextOf(1, der.generalizedTime(later(-1)), der.contextOf(0, der.enumerated(4)));
interface Single {
	certID: Uint8Array;
	status: Uint8Array;
	thisUpdate: Uint8Array;
	rest: Uint8Array[];
}
const single = (more: Partial<Single> = {}): Uint8Array => {
	const { certID, status, thisUpdate, rest }: Single = {
		certID: certIDOf(5),
		status: good,
		thisUpdate: der.generalizedTime(now),
		rest: [der.contextOf(0, der.generalizedTime(later(1)))],
		...more,
	};
	return der.sequenceOf(certID, status, thisUpdate, ...rest);
};

/** An answer field by field, so that each can be bent. */
interface Fields {
	status: Uint8Array;
	type: string;
	version: Uint8Array[];
	responderID: Uint8Array;
	producedAt: Uint8Array;
	responses: Uint8Array[];
	extensions: Uint8Array[];
	hash: "sha1" | "sha256";
	key: KeyObject;
	certificates: X509[] | null;
	bytes: "there" | "absent";
}
const byKey = (of: X509): Uint8Array => der.contextOf(2, hashOf(keyHashOf("sha1", of)));
const byName = (of: X509): Uint8Array => der.contextOf(1, of.subject);
const algorithms = { sha1: "1.2.840.113549.1.1.5", sha256: "1.2.840.113549.1.1.11" } as const;
function answer(more: Partial<Fields> = {}): Uint8Array {
	const fields: Fields = {
		status: der.enumerated(0),
		type: "1.3.6.1.5.5.7.48.1.1",
		version: [],
		responderID: byKey(responder),
		producedAt: der.generalizedTime(now),
		responses: [single()],
		extensions: [],
		hash: "sha256",
		key: keys.responder,
		certificates: [responder],
		bytes: "there",
		...more,
	};
	const { version, responderID, producedAt, responses, extensions, hash, key, certificates } = fields;
	const tbs = der.sequenceOf(...version, responderID, producedAt, der.sequenceOf(...responses), ...extensions);
	const basic = der.sequenceOf(
		tbs,
		der.algorithmIdentifier(algorithms[hash], der.nullValue()),
		der.bitString(sign(hash, tbs, key)),
		...(certificates ? [der.contextOf(0, der.sequenceOf(...certificates.map((each) => each.der)))] : []),
	);
	const bytes = der.sequenceOf(der.objectIdentifier(fields.type), der.octetString(basic));
	return der.sequenceOf(fields.status, ...(fields.bytes === "there" ? [der.contextOf(0, bytes)] : []));
}

function outcome(run: () => string): string {
	try {
		return run();
	} catch (error) {
		return asOtaError(error).code;
	}
}
const read = (more: Partial<Fields>): string => outcome(() => readOcspResponse(answer(more)).status);
const judged = (more: Partial<Fields> = {}, question: Partial<OcspQuestion> = {}, rules = {}): string =>
	outcome(() => {
		const { basic } = readOcspResponse(answer(more));
		if (basic === null) return "nothing";
		return verifyOcspResponse(basic, { serialNumber: "05", issuer: ca, now, ...question }, rules).status;
	});
const extensions = (...all: Uint8Array[]): Uint8Array => der.contextOf(1, der.sequenceOf(...all));
const nonce = (...octets: number[]): Uint8Array =>
	plain("1.3.6.1.5.5.7.48.1.2", der.octetString(Uint8Array.from(octets)));

describe("an answer", () => {
	it.each<[string, Partial<Fields>]>([
		["with its version written", { version: [der.contextOf(0, der.integer(0))] }],
		["about nothing", { responses: [] }],
		["with an unknown extension", { extensions: [extensions(plain("1.2.3.4", der.nullValue()))] }],
		["without certificates", { certificates: null }],
	])("%s is read", (_what, more) => expect(read(more)).toBe("successful"));

	it("is read with all that it says", () => {
		const { basic } = readOcspResponse(
			answer({ responses: [single({ status: revoked })], extensions: [extensions(nonce(7))] }),
		);
		expect(basic).toMatchObject({ producedAt: now, responder: { keyHash: keyHashOf("sha1", responder) } });
		expect(toHex(basic?.nonce as Uint8Array)).toBe("07");
		expect(basic?.certificates.map(({ fingerprint }) => fingerprint)).toEqual([responder.fingerprint]);
		expect(basic?.responses).toMatchObject([
			{
				certID: { digest: "sha256", serialNumber: "05" },
				certStatus: { status: "revoked", revokedAt: later(-1), reason: 4 },
				thisUpdate: now,
				nextUpdate: later(1),
			},
		]);
	});

	it.each<[string, Partial<Fields>]>([
		["with status 4", { status: der.enumerated(4) }],
		["with status 7", { status: der.enumerated(7) }],
		["with a status that is a number", { status: der.integer(0) }],
		["that is successful and empty", { bytes: "absent" }],
		["that failed and is not empty", { status: der.enumerated(2) }],
		["of another type", { type: "1.2.3.4" }],
		["of version 2", { version: [der.contextOf(0, der.integer(1))] }],
		["of nobody", { responderID: der.contextOf(3, ca.subject) }],
		["of a key that is none", { responderID: der.contextOf(2, der.integer(1)) }],
		["made at a UTCTime", { producedAt: der.time(now) }],
		["known at a UTCTime", { responses: [single({ thisUpdate: der.time(now) })] }],
		["with an unknown status of one", { responses: [single({ status: der.contextPrimitive(3, new Uint8Array(0)) })] }],
		["that is good and something", { responses: [single({ status: der.contextPrimitive(0, Uint8Array.of(1)) })] }],
		["with a field too many in one", { responses: [single({ rest: [der.nullValue()] })] }],
		["with an unknown critical extension", { extensions: [extensions(critical("1.2.3.4", der.nullValue()))] }],
		[
			"with an unknown critical extension of one",
			{ responses: [single({ rest: [extensions(critical("1.2.3.4", der.nullValue()))] })] },
		],
		["with an empty nonce", { extensions: [extensions(nonce())] }],
	])("%s is refused", (_what, more) => expect(read(more)).toBe("malformed"));
});

describe("whose answer counts", () => {
	const impostor = responderOf({ key: keys.other, issuer: undefined });
	const byCa = { key: keys.ca, certificates: null };

	it.each<[string, Partial<Fields>, string]>([
		["the responder's, by its key", {}, "good"],
		["the responder's, by its name", { responderID: byName(responder) }, "good"],
		["the CA's own, by its key", { ...byCa, responderID: byKey(ca) }, "good"],
		["the CA's own, by its name", { ...byCa, responderID: byName(ca) }, "good"],
		["one of two of a name", { responderID: byName(responder), certificates: [impostor, responder] }, "good"],
		["not of a responder that is not enclosed", { certificates: null }, "signer_untrusted"],
		["not of another name", { responderID: byName(ca), certificates: [responder] }, "signature"],
		["not of another's signature", { key: keys.other }, "signature"],
		[
			"not of a self-signed namesake",
			{ responderID: byName(impostor), key: keys.other, certificates: [impostor] },
			"signer_untrusted",
		],
		["not over SHA-1", { hash: "sha1" }, "algorithm"],
	])("%s", (_what, more, expected) => expect(judged(more)).toBe(expected));

	it("over SHA-1 where that is told", () => {
		expect(judged({ hash: "sha1" }, {}, { digests: ["sha1", "sha256"] })).toBe("good");
	});

	it("not a responder's that has no such purpose", () => {
		for (const more of [
			{ extKeyUsage: undefined },
			{ extKeyUsage: ["1.3.6.1.5.5.7.3.2"] },
			{ extKeyUsage: ["2.5.29.37.0"] },
		]) {
			expect(judged({ certificates: [responderOf(more)] })).toBe("signer_untrusted");
		}
	});
});

describe("what an answer is about", () => {
	const foreign = readCertificate(buildCertificate({ subject: [["CN", "b"]], key: keys.other, ca: {}, ...dates }));

	it.each<[string, Partial<Fields>, string]>([
		["unknown", { responses: [single({ status: unknown })] }, "unknown"],
		["revoked", { responses: [single({ status: revoked })] }, "revoked"],
		[
			"the worst of several",
			{ responses: [single(), single({ status: revoked }), single({ status: unknown })] },
			"revoked",
		],
		["unknown rather than good", { responses: [single(), single({ status: unknown })] }, "unknown"],
		["one among others", { responses: [single({ certID: certIDOf(6), status: revoked }), single()] }, "good"],
		["another certificate", { responses: [single({ certID: certIDOf(6) })] }, "unknown_certificate"],
		["another issuer's", { responses: [single({ certID: certIDOf(5, foreign) })] }, "unknown_certificate"],
		["nothing", { responses: [] }, "unknown_certificate"],
	])("%s", (_what, more, expected) => expect(judged(more)).toBe(expected));

	it("with the nonce that was sent, with none, and with another", () => {
		const sent = { nonce: Uint8Array.of(1, 2) };
		expect(judged({ extensions: [extensions(nonce(1, 2))] }, sent)).toBe("good");
		expect(judged({}, sent)).toBe("good");
		expect(judged({ extensions: [extensions(nonce(1, 3))] }, sent)).toBe("signer_untrusted");
	});
});

describe("when an answer counts", () => {
	const at = (milliseconds: number): Partial<OcspQuestion> => ({ now: new Date(now.getTime() + milliseconds) });
	const forever = { responses: [single({ rest: [] })] };

	it.each<[string, Partial<Fields>, Partial<OcspQuestion>, string]>([
		["from thisUpdate", {}, at(0), "good"],
		["to nextUpdate", {}, at(day), "good"],
		["not before", {}, at(-1000), "time"],
		["not after", {}, at(day + 1000), "time"],
		["not without nextUpdate", forever, at(0), "time"],
		["not made in the future", { producedAt: der.generalizedTime(later(1)) }, at(0), "time"],
		["not made before it was known", { producedAt: der.generalizedTime(later(-1)) }, at(0), "time"],
	])("%s", (_what, more, question, expected) => expect(judged(more, question)).toBe(expected));

	it("by its age, where that is told", () => {
		expect(judged(forever, at(day), { maxAge: day })).toBe("good");
		expect(judged(forever, at(day + 1000), { maxAge: day })).toBe("time");
	});

	it("not when its responder's certificate has ended", () => {
		const ended = responderOf({ notBefore: later(-20), notAfter: later(-10) });
		expect(judged({ certificates: [ended] })).toBe("signer_untrusted");
	});
});

describe("a responder's certificate", () => {
	const stranger = buildCertificate({ subject: [["CN", "CA"]], key: keys.other, ca: {}, keyUsage: [5], ...dates });

	it("without a fault has none", () => {
		expect(responderFaults(responder, ca, now)).toEqual([]);
		expect(responderFaults(responderOf({ keyUsage: undefined }), ca, now)).toEqual([]);
		expect(
			responderFaults(responderOf({ extensions: [plain("1.3.6.1.5.5.7.48.1.5", der.nullValue())] }), ca, now),
		).toEqual([]);
	});

	it.each<[string, X509, string]>([
		["for nothing", responderOf({ extKeyUsage: undefined }), "its extended key usage is not OCSPSigning"],
		["for anything", responderOf({ extKeyUsage: ["2.5.29.37.0"] }), "its extended key usage is not OCSPSigning"],
		["that may not sign", responderOf({ keyUsage: [2] }), "its key usage is another"],
		["of a CA", responderOf({ ca: {} }), "it is a CA"],
		["that has ended", responderOf({ notAfter: later(-0.5) }), "it is outside its dates"],
		[
			"of another key of that name",
			responderOf({ issuer: { certificate: stranger, privateKey: keys.other } }),
			"its issuer did not sign it",
		],
		["of itself", responderOf({ issuer: undefined }), "it names another issuer"],
		["signed over SHA-1", responderOf({ digest: "sha1" }), "its signature's digest is not accepted"],
	])("%s is told in words", (_what, certificate, words) => {
		expect(responderFaults(certificate, ca, now)).toEqual([words]);
	});

	it("has more faults than one", () => {
		const certificate = responderOf({ issuer: undefined, extKeyUsage: undefined });
		expect(responderFaults(certificate, ca, now)).toHaveLength(2);
	});

	it("that has ended has no fault where dates are not looked at", () => {
		expect(responderFaults(responderOf({ notAfter: later(-0.5) }), ca, null)).toEqual([]);
	});
});

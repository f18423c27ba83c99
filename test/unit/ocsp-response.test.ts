/** OCSP answers from request to signature: openssl and pkijs read them as they were meant, the agent signs them. */
import { createHash, type KeyObject, sign } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { BasicOCSPResponse, OCSPResponse } from "pkijs";
import { checkResponseData, readResponder } from "../../hsm/agent/response-data.ts";
import { keyHashOf } from "../../lib/ca/ocsp-cert-id.ts";
import { readOcspResponse } from "../../lib/ca/ocsp-reading.ts";
import { readOcspRequest } from "../../lib/ca/ocsp-request.ts";
import {
	buildResponseData,
	type CertStatus,
	errorResponse,
	type ResponseDataRequest,
	responseStatus,
	signOcspResponse,
} from "../../lib/ca/ocsp-response.ts";
import { verifyOcspResponse } from "../../lib/ca/ocsp-verify.ts";
import type { Sign } from "../../lib/ca/proven-signature.ts";
import { readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { toHex } from "../../lib/der/values.ts";
import { asOtaError } from "../../lib/errors.ts";
import { buildCertificate, pemOf } from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { OpenSsl } from "../harness/openssl.ts";

const openssl = new OpenSsl();
afterAll(() => openssl.remove());
// openssl holds an answer's times against its own clock.
const now = new Date(Math.floor(Date.now() / 1000) * 1000);
const hour = 3_600_000;
const later = (hours: number): Date => new Date(now.getTime() + hours * hour);
const dates = { notBefore: later(-24), notAfter: later(2400) };

interface World {
	ca: X509;
	responder: X509;
	key: KeyObject;
	sign: Sign;
}
const makers = {
	rsa: () => newKeyPair("rsa", { modulusLength: 2048 }).privateKey,
	"P-256": () => newKeyPair("ec", { namedCurve: "P-256" }).privateKey,
	"P-384": () => newKeyPair("ec", { namedCurve: "P-384" }).privateKey,
} as const;
const kinds = Object.keys(makers) as (keyof typeof makers)[];
const worlds = {} as Record<keyof typeof makers, World>;
beforeAll(() => {
	for (const kind of kinds) {
		const [caKey, key] = [makers[kind](), makers[kind]()];
		const certificate = buildCertificate({ subject: [["CN", "CA"]], key: caKey, ca: {}, keyUsage: [5, 6], ...dates });
		const responder = buildCertificate({
			...dates,
			subject: [["CN", "OCSP"]],
			key,
			issuer: { certificate, privateKey: caKey },
			keyUsage: [0],
			extKeyUsage: ["1.3.6.1.5.5.7.3.9"],
		});
		openssl.file(`${kind}.pem`, pemOf(certificate));
		worlds[kind] = {
			ca: readCertificate(certificate),
			responder: readCertificate(responder),
			key,
			sign: async (hash, message) => sign(hash, message, key),
		};
	}
});

const good: CertStatus = { status: "good" };
const revoked: CertStatus = { status: "revoked", revokedAt: later(-2), reason: 1 };

/** Has openssl ask, and answers with one status after the other. */
async function answered(kind: keyof typeof makers, statuses: readonly CertStatus[], ...args: string[]) {
	const { responder, sign } = worlds[kind];
	const [issuer, request] = [openssl.output(`${kind}.pem`), openssl.output("request.der")];
	const serials = statuses.flatMap((_, at) => ["-serial", String(at + 5)]);
	openssl.run("ocsp", "-issuer", issuer, ...args, ...serials, "-reqout", request);
	const { certIDs, nonce } = readOcspRequest(openssl.read(request));
	const tbs = buildResponseData(
		dataOf(responder, {
			responses: certIDs.map((certID, at) => ({
				certID: certID.der,
				certStatus: statuses[at] as CertStatus,
				thisUpdate: now,
				nextUpdate: later(1),
			})),
			nonce,
		}),
	);
	const der = await signOcspResponse(tbs, responder, sign);
	const response = openssl.file("response.der", der);
	const files = ["-reqin", request, "-respin", response, "-CAfile", issuer];
	// The request's own nonce, if it has one, is held against the answer's: no new one is drawn.
	const said = () => openssl.run("ocsp", "-no_nonce", "-issuer", issuer, ...args, ...serials, ...files);
	return { tbs, der, nonce, said, response };
}

const dataOf = (responder: X509, more: Partial<ResponseDataRequest> = {}): ResponseDataRequest => ({
	responderKeyHash: Buffer.from(keyHashOf("sha1", responder), "hex"),
	producedAt: now,
	responses: [{ certID: Uint8Array.of(0x30, 0), certStatus: good, thisUpdate: now, nextUpdate: null }],
	nonce: null,
	...more,
});

describe.each(kinds)("an answer of a responder with %s", (kind) => {
	it("is believed by openssl, with its nonce", async () => {
		const { said, nonce, response } = await answered(kind, [good, revoked, { status: "unknown" }]);
		const text = said();
		expect(text).toMatch(/^5: good$/m);
		expect(text).toMatch(/^6: revoked$/m);
		expect(text).toMatch(/Reason: keyCompromise/);
		expect(text).toMatch(/^7: unknown$/m);
		const all = openssl.run("ocsp", "-respin", response, "-noverify", "-resp_text");
		expect(all).toContain(toHex(nonce as Uint8Array).toUpperCase());
		expect(all).toMatch(/Responder Id: [0-9A-F]{40}/);
		expect(all).toMatch(/Subject: CN ?= ?OCSP/);
	});

	it.each(["sha1", "sha256", "sha384", "sha512"])("to a question with %s is believed by openssl", async (digest) => {
		const { said } = await answered(kind, [good], `-${digest}`, "-no_nonce");
		expect(said()).toMatch(/^5: good$/m);
	});

	it("is DER that pkijs writes back to the same octets", async () => {
		const { der } = await answered(kind, [good, revoked]);
		const response = OCSPResponse.fromBER(Uint8Array.from(der));
		const basic = BasicOCSPResponse.fromBER(
			Uint8Array.from(response.responseBytes?.response.valueBlock.valueHexView ?? []),
		);
		expect(basic.tbsResponseData.responses).toHaveLength(2);
		expect(toHex(new Uint8Array(response.toSchema().toBER()))).toBe(toHex(der));
		expect(toHex(der)).toContain(toHex(new Uint8Array(basic.toSchema().toBER())));
	});

	it("is one that the agent lets the responder sign", async () => {
		const { tbs } = await answered(kind, [good, revoked, { status: "unknown" }]);
		expect(() => checkResponseData(tbs, readResponder(worlds[kind].responder.der), now)).not.toThrow();
	});

	it("is read and verified by us", async () => {
		const { ca } = worlds[kind];
		const { der, nonce } = await answered(kind, [good, revoked, { status: "unknown" }]);
		const { basic } = readOcspResponse(der);
		const statusOf = (serialNumber: string) =>
			basic && verifyOcspResponse(basic, { serialNumber, issuer: ca, now, nonce: nonce as Uint8Array });
		expect(["05", "06", "07"].map(statusOf)).toEqual([good, revoked, { status: "unknown" }]);
	});
});

describe("ResponseData", () => {
	const certID = Uint8Array.of(0x30, 0);
	const time = `180f${Buffer.from("20261122120000Z").toString("hex")}`;
	const at = new Date("2026-11-22T12:00:00.999Z");
	const hexOf = (certStatus: CertStatus, nextUpdate: Date | null = null, nonce: Uint8Array | null = null): string => {
		const responderKeyHash = Buffer.alloc(2, 0xab);
		const responses = [{ certID, certStatus, thisUpdate: at, nextUpdate }];
		return toHex(buildResponseData({ responderKeyHash, producedAt: at, responses, nonce }));
	};

	it.each<[string, string, string]>([
		["good", hexOf(good), `3030a2040402abab${time}3017301530008000${time}`],
		["unknown", hexOf({ status: "unknown" }), `3030a2040402abab${time}3017301530008200${time}`],
		[
			"revoked without a reason",
			hexOf({ status: "revoked", revokedAt: at, reason: null }),
			`3041a2040402abab${time}302830263000a111${time}${time}`,
		],
		[
			"revoked for reason 0, which is not told",
			hexOf({ status: "revoked", revokedAt: at, reason: 0 }),
			`3041a2040402abab${time}302830263000a111${time}${time}`,
		],
		[
			"revoked with a reason",
			hexOf({ status: "revoked", revokedAt: at, reason: 4 }),
			`3046a2040402abab${time}302d302b3000a116${time}a0030a0104${time}`,
		],
		["good until later", hexOf(good, at), `3043a2040402abab${time}302a302830008000${time}a011${time}`],
		[
			"good, with a nonce",
			hexOf(good, null, Uint8Array.of(1, 2)),
			`3047a2040402abab${time}3017301530008000${time}a1153013301106092b0601050507300102040404020102`,
		],
	])("is written as X.690 says: %s", (_what, written, expected) => expect(written).toBe(expected));

	it("about nothing is not written", () => {
		const request = dataOf(worlds.rsa.responder, { responses: [] });
		expect(() => buildResponseData(request)).toThrow(expect.objectContaining({ code: "internal" }));
	});

	it("names the responder by SHA-1 of its key's bits", () => {
		const { responder } = worlds["P-256"];
		expect(keyHashOf("sha1", responder)).toBe(toHex(readResponder(responder.der)));
		expect(keyHashOf("sha256", responder)).toBe(
			createHash("sha256").update(responder.publicKeyInfo.subarray(-65)).digest("hex"),
		);
	});
});

describe("an answer without an answer", () => {
	const { successful: _, ...statuses } = responseStatus;

	it.each(Object.entries(statuses) as [keyof typeof statuses, number][])("%s is five octets", (status, code) => {
		expect([...errorResponse(status)]).toEqual([0x30, 3, 0x0a, 1, code]);
		expect(readOcspResponse(errorResponse(status))).toEqual({ status, basic: null });
	});

	it("is told by openssl", () => {
		const path = openssl.file("error.der", errorResponse("unauthorized"));
		const told = expect.objectContaining({ stdout: "Responder Error: unauthorized (6)\n" });
		expect(() => openssl.run("ocsp", "-respin", path, "-noverify")).toThrow(told);
	});
});

describe("a signature that came back", () => {
	it.each<[string, Sign]>([
		["of another key", async (hash, message) => sign(hash, message, makers.rsa())],
		["that is empty", async () => new Uint8Array(0)],
	])("%s is refused", async (_what, signs) => {
		const { responder } = worlds.rsa;
		const signed = signOcspResponse(buildResponseData(dataOf(responder)), responder, signs);
		await expect(signed.catch((error) => asOtaError(error).code)).resolves.toBe("hsm_unavailable");
	});
});

/** /crl and /ocsp over HTTP, asked in every way. IDs as in the list of hostile input. */
import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { readOcspResponse } from "../../lib/ca/ocsp-reading.ts";
import { readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { readDer, sequence } from "../../lib/der/reader.ts";
import { bitStringOctets } from "../../lib/der/values.ts";
import * as der from "../../lib/der/writer.ts";
import { readPem } from "../device/index.ts";
import { type WatchedOta, watchedOta } from "../harness/watched-ota.ts";

let ota: WatchedOta;
let ca: X509;
let serial: string;
/** How often the server's keys signed. */
let signatures = 0;
beforeAll(async () => {
	ota = await watchedOta({
		wrapKeys: (keys) => ({
			...keys,
			sign(role, hash, message) {
				signatures += 1;
				return keys.sign(role, hash, message);
			},
		}),
	});
	ca = readCertificate(readPem(ota.keys.authorities.ca)[0] as Uint8Array);
	const session = await ota.identified();
	const { certificate } = await session.enrollIdentity();
	serial = readCertificate(certificate).serialNumber;
});

function ocspRequest(serials: readonly string[]): Buffer<ArrayBuffer> {
	const key = sequence(readDer(ca.publicKeyInfo), "SubjectPublicKeyInfo");
	key.take();
	const bits = bitStringOctets(key.take());
	const hash = (bytes: Uint8Array) => der.octetString(createHash("sha1").update(bytes).digest());
	const one = (hex: string) =>
		der.sequenceOf(
			der.sequenceOf(
				der.algorithmIdentifier("1.3.14.3.2.26"),
				hash(ca.subject),
				hash(bits),
				der.integer(Buffer.from(hex, "hex")),
			),
		);
	return Buffer.from(der.sequenceOf(der.sequenceOf(der.sequenceOf(...serials.map(one)))));
}

const statusOf = async (response: Response): Promise<string> => {
	expect(response.status).toBe(200);
	expect(response.headers.get("content-type")).toBe("application/ocsp-response");
	return readOcspResponse(new Uint8Array(await response.arrayBuffer())).status;
};
const post = (body: Buffer<ArrayBuffer> | string, type: string | null = "application/ocsp-request") =>
	ota.request("/ocsp", { method: "POST", body, headers: type ? { "content-type": type } : {} });

describe("C01 /crl", () => {
	it("is DER that caches may keep until its nextUpdate", async () => {
		const { status, headers } = await ota.request("/crl");
		expect(status).toBe(200);
		expect(headers.get("content-type")).toBe("application/pkix-crl");
		const [, age] =
			/^public, max-age=(\d+), no-transform, must-revalidate$/.exec(headers.get("cache-control") ?? "") ?? [];
		const until = new Date(headers.get("expires") ?? "").getTime();
		expect(Math.abs(Date.now() + Number(age) * 1000 - until)).toBeLessThan(5000);
	});

	it("answers 304 to who has it, nothing but its head to HEAD, and the whole to a Range", async () => {
		const whole = await ota.request("/crl");
		const { byteLength } = await whole.arrayBuffer();
		const etag = whole.headers.get("etag") ?? "";
		const known = await ota.request("/crl", { headers: { "if-none-match": etag } });
		expect([known.status, (await known.arrayBuffer()).byteLength]).toEqual([304, 0]);
		const head = await ota.request("/crl", { method: "HEAD" });
		expect([head.status, (await head.arrayBuffer()).byteLength, head.headers.get("etag")]).toEqual([200, 0, etag]);
		const range = await ota.request("/crl", { headers: { range: "bytes=0-9" } });
		expect([range.status, (await range.arrayBuffer()).byteLength]).toEqual([200, byteLength]);
	});

	it("is signed once for a thousand who ask at once", async () => {
		const before = signatures;
		const answers = await Promise.all(Array.from({ length: 1000 }, () => ota.request("/crl")));
		expect(new Set(answers.map(({ headers }) => headers.get("etag"))).size).toBe(1);
		expect(signatures).toBe(before);
	});

	it("of this CA by its address in certificates is the same", async () => {
		const [one, other] = [await ota.request("/crl"), await ota.request(`/crl/${ca.publicKeyHash.slice(0, 16)}.crl`)];
		expect(Buffer.from(await one.arrayBuffer())).toEqual(Buffer.from(await other.arrayBuffer()));
	});
});

describe("C03 /ocsp", () => {
	it("answers POST with the type, and without one", async () => {
		for (const type of ["application/ocsp-request", "application/ocsp-request; x=y", null]) {
			expect(await statusOf(await post(ocspRequest([serial]), type))).toBe("successful");
		}
	});

	it("answers GET however its base64 is escaped, and caches may keep that for a minute", async () => {
		const base64 = ocspRequest([serial]).toString("base64");
		for (const path of [base64, encodeURIComponent(base64), base64.replace(/=+$/, "")]) {
			const response = await ota.request(`/ocsp/${path}`);
			expect(response.headers.get("cache-control")).toMatch(/^public, max-age=45,/);
			expect(await statusOf(response)).toBe("successful");
		}
	});

	it.each(["%%%", "%zz", "bm90aGluZw==", "a".repeat(5000), "../CA", "AAAA/////", "%00"])(
		"answers malformedRequest to GET %s",
		async (path) => {
			const answer = await ota.request(`/ocsp/${path}`).catch(() => null);
			// What is no path to the URL parser is no request to us.
			if (answer === null || answer.status === 404) return;
			const response = answer.status === 200 && answer.headers.get("content-type") === "application/ocsp-response";
			if (!response)
				expect([path, answer.headers.get("content-type")]).toEqual(["../CA", "application/x-x509-ca-cert"]);
			else expect(await statusOf(answer)).toBe("malformedRequest");
		},
	);

	it("refuses more than a body may be, another type, and no body", async () => {
		expect((await post(Buffer.alloc(65_537))).status).toBe(413);
		expect(await statusOf(await post(Buffer.alloc(65_536)))).toBe("malformedRequest");
		expect((await post("x", "text/html")).status).toBe(415);
		expect((await post("")).status).toBe(400);
	});

	it("answers a hundred certificates at once with malformedRequest, and signs nothing for them", async () => {
		const before = signatures;
		const many = Array.from({ length: 100 }, (_, index) => (0x4000 + index).toString(16));
		expect(await statusOf(await post(ocspRequest(many)))).toBe("malformedRequest");
		expect(await statusOf(await post(ocspRequest(["40ffff"])))).toBe("unauthorized");
		expect(signatures).toBe(before);
	});

	it("signs nothing for a thousand who ask about the same", async () => {
		await post(ocspRequest([serial]));
		const before = signatures;
		await Promise.all(Array.from({ length: 1000 }, () => post(ocspRequest([serial]))));
		expect(signatures).toBe(before);
	});
});

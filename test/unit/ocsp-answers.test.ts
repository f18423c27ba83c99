/** The OCSP responder: what it says of certificates in every state, and what it costs. IDs as in the list of hostile input. */
import { createHash } from "node:crypto";
import { afterAll, describe, expect, it } from "@jest/globals";
import { readOcspResponse } from "../../lib/ca/ocsp-reading.ts";
import { verifyOcspResponse } from "../../lib/ca/ocsp-verify.ts";
import * as der from "../../lib/der/writer.ts";
import { pemOf } from "../device/index.ts";
import { OpenSsl } from "../harness/openssl.ts";
import { hsmAway, RevocationWorld } from "../harness/revocation-world.ts";

const openssl = new OpenSsl();
afterAll(() => openssl.remove());

const digests = {
	sha1: "1.3.14.3.2.26",
	sha256: "2.16.840.1.101.3.4.2.1",
	sha384: "2.16.840.1.101.3.4.2.2",
	sha512: "2.16.840.1.101.3.4.2.3",
} as const;

interface Asked {
	serials: string[];
	digest?: keyof typeof digests;
	nonce?: Uint8Array;
	/** Another issuer. */
	of?: RevocationWorld;
}

/** An OCSPRequest, field by field. */
function request(world: RevocationWorld, { serials, digest = "sha1", nonce, of = world }: Asked): Uint8Array {
	const hash = (bytes: Uint8Array): Uint8Array => der.octetString(createHash(digest).update(bytes).digest());
	// The key's bits are the last 65 octets of a P-256 SubjectPublicKeyInfo.
	const issuer = [hash(of.ca.subject), hash(of.ca.publicKeyInfo.subarray(-65))];
	const one = (serial: string): Uint8Array => {
		const certID = der.sequenceOf(
			der.algorithmIdentifier(digests[digest]),
			...issuer,
			der.integer(Buffer.from(serial, "hex")),
		);
		return der.sequenceOf(certID);
	};
	const extension = nonce && [der.objectIdentifier("1.3.6.1.5.5.7.48.1.2"), der.octetString(der.octetString(nonce))];
	const extensions = extension ? [der.contextOf(2, der.sequenceOf(der.sequenceOf(...extension)))] : [];
	return der.sequenceOf(der.sequenceOf(der.sequenceOf(...serials.map(one)), ...extensions));
}

/** What is said of one certificate, once the answer verifies; or the status of an error answer. */
async function said(world: RevocationWorld, asked: Asked, service = world.service()): Promise<string> {
	const { der: bytes } = await service.answer(request(world, asked));
	const read = readOcspResponse(bytes);
	if (read.status !== "successful") return read.status;
	const [serialNumber = ""] = asked.serials;
	const question = { serialNumber, issuer: world.ca, now: world.now, nonce: asked.nonce };
	return verifyOcspResponse(read.basic, question).status;
}

function filled(): RevocationWorld {
	const world = new RevocationWorld();
	for (const serial of ["0a01", "0a02", "0a03", "0a04"]) world.certificate(serial);
	world.revoke("0a02", 4);
	world.certificate("0a03", { state: "reserved", der: null, issuedAt: null });
	world.revoke("0a04", null, "abandoned");
	return world;
}

describe("the OCSP responder", () => {
	it("says good of an issued certificate, revoked of a revoked one", async () => {
		const world = filled();
		expect(await said(world, { serials: ["0a01"] })).toBe("good");
		expect(await said(world, { serials: ["0a02"] })).toBe("revoked");
	});

	it("C03 takes every digest of a certID", async () => {
		const world = filled();
		for (const digest of Object.keys(digests) as (keyof typeof digests)[])
			expect(await said(world, { serials: ["0a02"], digest })).toBe("revoked");
	});

	it("C03 says nothing, and signs nothing, for a serial number that was never issued, or another issuer's", async () => {
		const world = filled();
		expect(await said(world, { serials: ["0bff"] })).toBe("unauthorized");
		expect(await said(world, { serials: ["0a01"], of: new RevocationWorld() })).toBe("unauthorized");
		expect(await said(world, { serials: ["0bff", "0bfe"] })).toBe("unauthorized");
		expect(world.signed.ocsp).toBeUndefined();
	});

	it("C04 never says good before a certificate is issued: reserved is nothing yet, abandoned is revoked", async () => {
		const world = filled();
		expect(await said(world, { serials: ["0a03"] })).toBe("unauthorized");
		expect(await said(world, { serials: ["0a04"] })).toBe("revoked");
		const service = world.service();
		expect(await said(world, { serials: ["0a03"] }, service)).toBe("unauthorized");
		world.certificate("0a03");
		expect(await said(world, { serials: ["0a03"] }, service)).toBe("good");
	});

	it("C04 answers for each generation of the issuer with its own certificate", async () => {
		const [world, before] = [filled(), new RevocationWorld("CA of before")];
		world.certificate("0b01", { issuerKeyHash: before.issuer });
		const service = world.service({
			cas: [
				{ certificate: world.ca, role: "ca" },
				{ certificate: before.ca, role: "caOld" },
			],
			responders: new Map([[world.issuer, world.responder]]),
		});
		// Without a certificate from that CA nothing is said in its name; nor of its certificates in another's.
		expect(await said(world, { serials: ["0b01"], of: before }, service)).toBe("unauthorized");
		expect(await said(world, { serials: ["0b01"] }, service)).toBe("unauthorized");
	});

	it("C03 answers up to sixteen at once, unknown ones as such, and refuses more", async () => {
		const world = filled();
		const service = world.service();
		expect(await said(world, { serials: ["0a01", "0bff", "0a02"] }, service)).toBe("good");
		expect(await said(world, { serials: ["0bff", "0a02"] }, service)).toBe("unknown");
		const hundred = Array.from({ length: 100 }, (_, index) => `0c${index.toString(16).padStart(2, "0")}`);
		expect(await said(world, { serials: hundred }, service)).toBe("malformedRequest");
	});

	it.each([1, 16, 32])("C03 repeats a nonce of %d octets", async (length) => {
		const world = filled();
		const answer = await world.service().answer(request(world, { serials: ["0a01"], nonce: Buffer.alloc(length, 7) }));
		expect(answer.maxAge).toBe(0);
		expect(await said(world, { serials: ["0a01"], nonce: Buffer.alloc(length, 7) })).toBe("good");
	});

	it.each([0, 33, 1000])("C03 refuses a nonce of %d octets", async (length) => {
		const world = filled();
		expect(await said(world, { serials: ["0a01"], nonce: Buffer.alloc(length, 7) })).toBe("malformedRequest");
	});

	it.each([
		["nothing", new Uint8Array()],
		["text", Buffer.from("hello")],
		["64 KiB", Buffer.alloc(65_536, 0x30)],
	])("C03 answers malformedRequest to %s", async (_, bytes) => {
		const { der: answer } = await new RevocationWorld().service().answer(bytes);
		expect(readOcspResponse(answer).status).toBe("malformedRequest");
	});

	it("signs one answer for a thousand askers, and again only when half its life is over", async () => {
		const world = filled();
		const service = world.service();
		await Promise.all(Array.from({ length: 1000 }, () => service.answer(request(world, { serials: ["0a01"] }))));
		expect(world.signed.ocsp).toBe(1);
		world.later(29 * 60_000);
		await said(world, { serials: ["0a01"] }, service);
		expect(world.signed.ocsp).toBe(1);
		world.later(2 * 60_000);
		await said(world, { serials: ["0a01"] }, service);
		expect(world.signed.ocsp).toBe(2);
	});

	it("shows a revocation within a minute, and signs nothing anew for those that it did not touch", async () => {
		const world = filled();
		world.certificate("0a05");
		const service = world.service();
		for (const serial of ["0a01", "0a05"]) expect(await said(world, { serials: [serial] }, service)).toBe("good");
		world.later(1000);
		world.revoke("0a05");
		world.later(59_000);
		expect(await said(world, { serials: ["0a05"] }, service)).toBe("revoked");
		expect(await said(world, { serials: ["0a01"] }, service)).toBe("good");
		expect(world.signed.ocsp).toBe(3);
	});

	it("leaves a nonce unanswered rather than ask the token without bounds", async () => {
		const world = filled();
		const service = world.service();
		await said(world, { serials: ["0a01"] }, service);
		const nonces = Array.from({ length: 64 }, (_, index) => Buffer.alloc(16, index + 1));
		const answers = await Promise.all(
			nonces.map((nonce) => service.answer(request(world, { serials: ["0a01"], nonce }))),
		);
		for (const { der: bytes } of answers) expect(readOcspResponse(bytes).status).toBe("successful");
		expect(world.signed.ocsp).toBeLessThanOrEqual(1 + 4);
	});

	it("asks the token four at a time however many are asked about, and puts off who is one too many", async () => {
		const world = new RevocationWorld();
		const serials = Array.from({ length: 300 }, (_, index) => `4a${index.toString(16).padStart(4, "0")}`);
		for (const serial of serials) world.certificate(serial);
		const service = world.service();
		const asked = serials.map((serial) => service.answer(request(world, { serials: [serial] })));
		const statuses = (await Promise.all(asked)).map(({ der: bytes }) => readOcspResponse(bytes).status);
		expect(world.mostAtOnce).toBeLessThanOrEqual(4);
		expect(statuses.filter((status) => status === "successful")).toHaveLength(4 + 64);
		expect(new Set(statuses)).toEqual(new Set(["successful", "tryLater"]));
	});

	it("says nothing ahead of its time after the clock was wrong", async () => {
		const world = filled();
		const service = world.service();
		world.later(59 * 60_000);
		await service.answer(request(world, { serials: ["0a01"] }));
		world.later(-59 * 60_000);
		expect(await said(world, { serials: ["0a01"] }, service)).toBe("good");
		expect(world.signed.ocsp).toBe(2);
	});

	it("says tryLater while the token is away, and what is in memory all the same", async () => {
		const world = filled();
		const service = world.service();
		await said(world, { serials: ["0a01"] }, service);
		world.away = hsmAway();
		expect(await said(world, { serials: ["0a02"] }, service)).toBe("tryLater");
		expect(await said(world, { serials: ["0a01"] }, service)).toBe("good");
	});

	it("is understood by openssl", async () => {
		const world = filled();
		const [issuer, asked, answered] = [
			openssl.file("ca.pem", pemOf(world.caPem)),
			openssl.output("request.der"),
			openssl.output("answer.der"),
		];
		const serials = ["-serial", "0x0a01", "-serial", "0x0a02"];
		openssl.run("ocsp", "-issuer", issuer, ...serials, "-no_nonce", "-reqout", asked);
		const { der: bytes } = await world.service().answer(openssl.read(asked));
		openssl.file("answer.der", bytes);
		const words = openssl.run(
			"ocsp",
			"-issuer",
			issuer,
			...serials,
			"-no_nonce",
			"-respin",
			answered,
			"-CAfile",
			issuer,
		);
		expect(words).toMatch(/0x0a01: good[\s\S]*0x0a02: revoked[\s\S]*Reason: superseded/);
	});
});

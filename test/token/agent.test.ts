import { constants, createPublicKey, publicEncrypt, randomBytes, verify } from "node:crypto";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { connectAgent } from "../../hsm/client.ts";
import { FrameReader, frame } from "../../hsm/frames.ts";
import {
	decodeResponse,
	encodeRequest,
	encodeSign,
	encodeUnwrap,
	type Request,
	type Response,
} from "../../hsm/protocol.ts";
import { selfSigned } from "../harness/certificate.ts";
import { plain, rsaWith, tbsCertificate, tbsCertList } from "../harness/to-be-signed.ts";
import { makeKeys, makeToken, startAgent, type TestAgent, type TestToken } from "../harness/token.ts";

let dir: string;
let token: TestToken;
let agent: TestAgent;
let spkis: Record<"ca" | "ra" | "profile", Uint8Array>;
let ecSpki: Uint8Array;

const publicKey = (spki: Uint8Array) => createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });

beforeAll(async () => {
	dir = await mkdtemp(join(tmpdir(), "ota-agent-"));
	token = await makeToken(dir);
	spkis = await makeKeys(token);
	ecSpki = Buffer.from(String(await token.must({ do: "ec", label: "ec", curve: "P-256", usage: "profile" })), "hex");
	agent = await startAgent({
		dir,
		token,
		roles: {
			ca: { certificate: await selfSigned(token, "ca", spkis.ca) },
			ra: { certificate: await selfSigned(token, "ra", spkis.ra) },
			profile: { object: "ec" },
			seal: {},
		},
	});
});
afterAll(async () => {
	await agent?.stop();
	await rm(dir, { recursive: true, force: true });
});

describe("signing", () => {
	const message = randomBytes(300);

	it.each(["sha256", "sha384", "sha512"] as const)("verifies with node:crypto, RSA and EC: %s", async (hash) => {
		const tbs = tbsCertificate({ algorithm: rsaWith[hash] });
		expect(verify(hash, tbs, publicKey(spkis.ca), await agent.keys.sign("ca", hash, tbs))).toBe(true);
		expect(verify(hash, message, publicKey(spkis.ra), await agent.keys.sign("ra", hash, message))).toBe(true);
		expect(verify(hash, message, publicKey(ecSpki), await agent.keys.sign("profile", hash, message))).toBe(true);
	});

	it("of many at once swaps none", async () => {
		const messages = Array.from({ length: 240 }, () => randomBytes(64));
		const signatures = await Promise.all(
			messages.map((one, index) => agent.keys.sign(index % 3 ? "profile" : "ra", "sha256", one)),
		);
		const bad = messages.filter((one, index) => {
			const key = publicKey(index % 3 ? ecSpki : spkis.ra);
			return !verify("sha256", one, key, signatures[index] as Uint8Array);
		});
		expect(bad).toEqual([]);
	});

	it("takes 256 KiB and refuses more", async () => {
		const large = randomBytes(256 * 1024);
		expect(verify("sha256", large, publicKey(spkis.ra), await agent.keys.sign("ra", "sha256", large))).toBe(true);
		const over = Buffer.concat([large, Uint8Array.of(0)]);
		await expect(agent.keys.sign("ra", "sha256", over)).rejects.toMatchObject({ code: "hsm_refused" });
	});

	it("is what the check does", async () => {
		await expect(agent.keys.check()).resolves.toBeUndefined();
	});
});

/** m^e mod n of a whole block, as a hostile sender makes it. */
const encryptBlock = (block: Uint8Array): Uint8Array =>
	publicEncrypt({ key: publicKey(spkis.ra), padding: constants.RSA_NO_PADDING }, block);

describe("unwrapping", () => {
	const encrypt = (key: Uint8Array) =>
		publicEncrypt({ key: publicKey(spkis.ra), padding: constants.RSA_PKCS1_PADDING }, key);

	it.each([8, 16, 24, 32] as const)("answers a content key of %d octets", async (length) => {
		const key = randomBytes(length);
		expect(Buffer.from(await agent.keys.unwrap(encrypt(key), length))).toEqual(key);
	});

	const block = (): Buffer => {
		const bytes = Buffer.alloc(256, 0x5a);
		bytes.set([0, 2]);
		bytes[239] = 0;
		return bytes;
	};
	const overTheModulus = (): Buffer => Buffer.alloc(256, 0xff);
	const malformed: [string, () => Uint8Array][] = [
		["block type 01", () => encryptBlock(block().fill(1, 1, 2))],
		["an early zero", () => encryptBlock(block().fill(0, 4, 5))],
		["a key of another length", () => encrypt(randomBytes(24))],
		["no separator", () => encryptBlock(block().fill(7, 239, 240))],
		["the number 0", () => Buffer.alloc(256)],
		["the number 1", () => Buffer.concat([Buffer.alloc(255), Uint8Array.of(1)])],
		["a number over the modulus", overTheModulus],
		["a ciphertext one octet short", () => encrypt(randomBytes(16)).subarray(1)],
		["an empty ciphertext", () => new Uint8Array()],
	];
	it.each(malformed)("answers 16 random octets for %s, never twice the same", async (_name, make) => {
		const ciphertext = make();
		const first = await agent.keys.unwrap(ciphertext, 16);
		const second = await agent.keys.unwrap(ciphertext, 16);
		expect([first.length, second.length]).toEqual([16, 16]);
		expect(Buffer.from(first)).not.toEqual(Buffer.from(second));
	});

	it("is unharmed by malformed ones: the next hundred good ones hold", async () => {
		await Promise.all(malformed.map(([, make]) => agent.keys.unwrap(make(), 16)));
		const keys = Array.from({ length: 100 }, () => randomBytes(16));
		const answers = await Promise.all(keys.map((key) => agent.keys.unwrap(encrypt(key), 16)));
		expect(answers.map((answer) => Buffer.from(answer))).toEqual(keys);
	});
});

describe("sealing", () => {
	const secret = Buffer.from("wifi-password");
	const aad = "profiles|7|secret|1";

	it("opens what it sealed, each time under another iv", async () => {
		const [first, second] = await Promise.all([agent.keys.seal(secret, aad), agent.keys.seal(secret, aad)]);
		expect(first).toHaveLength(12 + secret.length + 16);
		expect(Buffer.from(first).subarray(0, 12)).not.toEqual(Buffer.from(second).subarray(0, 12));
		expect(Buffer.from(await agent.keys.open(first, aad))).toEqual(secret);
	});

	it.each([0, 1, 15, 16, 17, 65536])("keeps %d octets", async (length) => {
		const plain = randomBytes(length);
		expect(Buffer.from(await agent.keys.open(await agent.keys.seal(plain, aad), aad))).toEqual(plain);
	});

	it("refuses another aad, changed bytes and what is too short", async () => {
		const sealed = Buffer.from(await agent.keys.seal(secret, aad));
		const changed = Buffer.from(sealed);
		changed[20] = (changed[20] as number) ^ 1;
		for (const [bytes, words] of [
			[sealed, "profiles|8|secret|1"],
			[changed, aad],
			[sealed.subarray(0, 27), aad],
		] as const) {
			await expect(agent.keys.open(bytes, words)).rejects.toMatchObject({ code: "hsm_refused" });
		}
		expect(Buffer.from(await agent.keys.open(sealed, aad))).toEqual(secret);
	});
});

/** Raw bytes to the agent; the responses until it closes or `count` have come. */
function speak(bytes: Uint8Array, count: number): Promise<Response[]> {
	return new Promise((resolve, reject) => {
		const socket = createConnection({ path: agent.address.slice("unix:".length) });
		const reader = new FrameReader();
		const responses: Response[] = [];
		socket.on("data", (chunk) => {
			responses.push(...reader.push(chunk).map(decodeResponse));
			if (responses.length >= count) socket.end();
		});
		socket.on("error", reject);
		socket.on("close", () => resolve(responses));
		socket.write(bytes);
	});
}

const requestFrame = (request: Partial<Request>): Buffer =>
	frame(...encodeRequest({ id: 1, role: "ca", operation: "sign", deadline: 5000, body: new Uint8Array(), ...request }));

describe("policy", () => {
	const forbidden: [Request["role"], Request["operation"], Uint8Array][] = [
		["ca", "unwrap", encodeUnwrap(Buffer.alloc(256, 1), 16)],
		["profile", "unwrap", encodeUnwrap(Buffer.alloc(256, 1), 16)],
		["seal", "unwrap", encodeUnwrap(Buffer.alloc(256, 1), 16)],
		["seal", "sign", encodeSign("sha256", Buffer.from("x"))],
		["agent", "sign", encodeSign("sha256", Buffer.from("x"))],
		["ca", "seal", Uint8Array.of(0, 0, 1)],
		["ra", "open", Uint8Array.of(0, 0, 1)],
		["ca", "check", new Uint8Array()],
		["ra", "unwrap", encodeUnwrap(Buffer.alloc(1025, 1), 16)],
		["seal", "seal", Buffer.alloc(70_000)],
	];
	it.each(forbidden)("refuses %s to %s", async (role, operation, body) => {
		const [response] = await speak(requestFrame({ role, operation, body }), 1);
		expect(response).toMatchObject({ id: 1, status: "refused" });
	});

	it("lets the CA sign certificates and lists of its own alone", async () => {
		for (const message of [tbsCertificate(), tbsCertList()]) {
			const signature = await agent.keys.sign("ca", "sha256", message);
			expect(verify("sha256", message, publicKey(spkis.ca), signature)).toBe(true);
		}
		for (const message of [randomBytes(32), tbsCertificate({ issuer: "x" }), tbsCertList({ issuer: "x" })]) {
			await expect(agent.keys.sign("ca", "sha256", message)).rejects.toMatchObject({ code: "hsm_refused" });
		}
	});

	it("is not ended by a request that is wrong in a hundred thousand ways", async () => {
		const many = Array.from({ length: 40_000 }, (_, index) => plain(`1.2.3.${index}`, Buffer.alloc(8)));
		const message = tbsCertificate({ extensions: many });
		const [response] = await speak(
			requestFrame({ role: "ca", operation: "sign", body: encodeSign("sha256", message) }),
			1,
		);
		expect(response).toMatchObject({ status: "refused" });
		expect((response?.body ?? []).length).toBeLessThanOrEqual(500);
		await agent.keys.check();
	});

	it("seals with additional data of a kilobyte, and no more", async () => {
		await agent.keys.seal(Buffer.from("x"), "a".repeat(1024));
		await expect(agent.keys.seal(Buffer.from("x"), "a".repeat(1025))).rejects.toMatchObject({ code: "malformed" });
		const body = Buffer.concat([Buffer.from([0x04, 0x01]), Buffer.alloc(1026)]);
		const [response] = await speak(requestFrame({ role: "seal", operation: "seal", body }), 1);
		expect(response).toMatchObject({ status: "malformed" });
	});

	it("tells a caller with an unknown role so, and closes", async () => {
		const bytes = requestFrame({});
		bytes[10] = 9;
		const [response, ...more] = await speak(bytes, 2);
		expect(response).toMatchObject({ id: 0, status: "malformed" });
		expect(Buffer.from(response?.body ?? []).toString()).toContain("unknown role 9");
		expect(more).toEqual([]);
	});

	it("tells a caller of another version so, and closes", async () => {
		const bytes = requestFrame({});
		bytes[4] = 9;
		const [response, ...more] = await speak(bytes, 2);
		expect(response?.status).toBe("version");
		expect(Buffer.from(response?.body ?? []).toString()).toContain("version 9");
		expect(more).toEqual([]);
	});

	it("closes on an oversized frame and serves the others", async () => {
		const [response] = await speak(Buffer.from("ffffffff00", "hex"), 2);
		expect(response?.status).toBe("malformed");
		await expect(agent.keys.check()).resolves.toBeUndefined();
	});

	it("keeps the socket for this user alone", async () => {
		const path = agent.address.slice("unix:".length);
		expect((await stat(path)).mode & 0o777).toBe(0o600);
		expect((await stat(join(path, ".."))).mode & 0o777).toBe(0o700);
	});
});

describe("loss of the agent", () => {
	const message = Buffer.from("after the loss");

	it("is hsm_unavailable while it is away, and over once it is back", async () => {
		await agent.kill();
		const cold = connectAgent({ address: agent.address });
		const before = performance.now();
		await expect(cold.sign("ra", "sha256", message)).rejects.toMatchObject({ code: "hsm_unavailable" });
		expect(performance.now() - before).toBeLessThan(1900);
		await agent.restart();
		const signature = await agent.keys.sign("ra", "sha256", message);
		expect(verify("sha256", message, publicKey(spkis.ra), signature)).toBe(true);
		await expect(cold.check()).resolves.toBeUndefined();
		await cold.close();
	});

	it("under load fails no call when it comes back at once", async () => {
		const calls = Array.from({ length: 200 }, () => agent.keys.sign("ra", "sha256", message));
		await agent.kill();
		await agent.restart();
		const signatures = await Promise.all(calls);
		expect(signatures.every((signature) => verify("sha256", message, publicKey(spkis.ra), signature))).toBe(true);
	});

	it("leaves nothing to a closed client", async () => {
		const client = connectAgent({ address: agent.address });
		await client.check();
		await client.close();
		await expect(client.check()).rejects.toMatchObject({ code: "hsm_unavailable" });
	});

	it("a second agent is refused while the first answers", async () => {
		await expect(startAgent({ dir, token, roles: { ca: {} } })).rejects.toMatchObject({
			code: "config",
			message: expect.stringContaining("another HSM agent answers"),
		});
	});
});

describe("a queue that is full", () => {
	it("refuses with hsm_busy at once, and the rest succeed", async () => {
		const small = await startAgent({
			dir: join(dir, "small"),
			token,
			roles: { profile: {} },
			maxQueue: 4,
			sessions: 1,
		});
		try {
			const message = Buffer.from("queue");
			const results = await Promise.allSettled(
				Array.from({ length: 50 }, () => small.keys.sign("profile", "sha256", message)),
			);
			const refused = results.filter((result) => result.status === "rejected");
			const signed = results.filter((result) => result.status === "fulfilled");
			expect(signed.length).toBeGreaterThanOrEqual(5);
			expect(refused.length).toBeGreaterThan(0);
			expect(new Set(refused.map((result) => result.reason.code))).toEqual(new Set(["hsm_busy"]));
			await expect(small.keys.check()).resolves.toBeUndefined();
			await expect(small.keys.sign("ra", "sha256", message)).rejects.toMatchObject({ code: "hsm_refused" });
		} finally {
			await small.stop();
		}
	});
});

describe("an address", () => {
	it.each(["/tmp/x.sock", "tls://host:1"])("%s alone is refused with config", (address) => {
		expect(() => connectAgent({ address })).toThrow(expect.objectContaining({ code: "config" }));
	});

	it("with a server that never answers is hsm_unavailable at the deadline", async () => {
		const { createServer } = await import("node:net");
		const path = join(dir, "mute.sock");
		const server = createServer(() => undefined).listen(path);
		const client = connectAgent({ address: `unix:${path}`, deadline: 150 });
		try {
			await expect(client.check()).rejects.toMatchObject({
				code: "hsm_unavailable",
				message: expect.stringMatching(/no answer .* within \d+ ms/),
			});
		} finally {
			await client.close();
			server.close();
		}
	});
});

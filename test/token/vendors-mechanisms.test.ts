/** What a token does not offer is done another way, or is a configuration fault in clear words: real tokens that lack it. */
import { type KeyObject, randomBytes, verify } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type AgentOptions, startAgent, type TestAgent } from "../harness/token.ts";
import { inVendorProcess, type Vendor, type VendorToken, vendors } from "../harness/vendors.ts";
import { expectNoOracle, expectSeals, mechanismsOf, refusal, wrapped } from "../harness/vendors-expectations.ts";

const [softHsm, nss] = vendors as [Vendor, Vendor];
const withoutNss = nss.missing();
const hashes = ["sha256", "sha384", "sha512"] as const;
let dir: string;
let token: VendorToken;
const agents: TestAgent[] = [];
let starts = 0;
const key = (label: string): KeyObject => token.publicKeys.get(label) as KeyObject;

beforeAll(async () => {
	dir = await mkdtemp(join(tmpdir(), "ota-mechanisms-"));
	token = await softHsm.make(join(dir, "token"));
});
afterAll(async () => {
	for (const agent of agents) await agent.stop();
	await rm(dir, { recursive: true, force: true });
});

/** An agent on the same token, which does not offer `mechanisms` this time (softhsm2.conf can take them away). */
async function startWithout(mechanisms: readonly string[], roles: AgentOptions["roles"]): Promise<TestAgent> {
	starts += 1;
	const name = String(starts);
	const conf = join(dir, `${name}.conf`);
	// SoftHSM 2.6.1 takes the minus sign for a part of the first name, and no notice of a name that it does not know.
	const less = mechanisms.length > 0 ? `slots.mechanisms = -NOTHING,${mechanisms.join(",")}\n` : "";
	await writeFile(conf, `${await readFile(String(token.env.SOFTHSM2_CONF), "utf8")}${less}`);
	const agent = await startAgent({
		dir: join(dir, name),
		token: { uri: token.uri, env: { SOFTHSM2_CONF: conf } },
		roles,
	});
	agents.push(agent);
	return agent;
}

describe("a token without CKM_RSA_PKCS", () => {
	it.each(hashes)("signs with mechanisms that hash: %s", async (hash) => {
		const agent = agents[0] ?? (await startWithout(["CKM_RSA_PKCS"], { profile: {} }));
		expect(mechanismsOf(agent)).toMatchObject({ profile: { sign: "CKM_SHA256_RSA_PKCS" } });
		const message = randomBytes(1000);
		expect(verify(hash, message, key("profile"), await agent.keys.sign("profile", hash, message))).toBe(true);
	});
});

describe("a token without CKM_RSA_X_509", () => {
	let agent: TestAgent;
	beforeAll(async () => {
		agent = await startWithout(["CKM_RSA_X_509"], { ra: {} });
	});

	it("unwraps by CKM_RSA_PKCS, and a malformed block still answers random octets", async () => {
		expect(mechanismsOf(agent)).toMatchObject({ ra: { sign: "CKM_RSA_PKCS", unwrap: "CKM_RSA_PKCS" } });
		await expectNoOracle(agent, key("ra"));
	});

	it("releases its answers at ticks of a grid, good and malformed alike", async () => {
		const good = wrapped(key("ra"), randomBytes(16));
		const bad = Buffer.alloc(256, 1).fill(0, 0, 1);
		const times: Record<"good" | "bad", number[]> = { good: [], bad: [] };
		for (let round = 0; round < 15; round++) {
			for (const [name, ciphertext] of [
				["good", good],
				["bad", bad],
			] as const) {
				const before = performance.now();
				await agent.keys.unwrap(ciphertext, 16);
				times[name].push(performance.now() - before);
			}
		}
		// The lower quartile: what a busy machine delays is above it.
		const usual = (all: number[]): number => all.sort((a, b) => a - b)[Math.floor(all.length / 4)] as number;
		// 25 ms is the narrowest grid, and its timers may be one early.
		expect(Math.min(...times.good, ...times.bad)).toBeGreaterThan(24);
		expect(Math.abs(usual(times.good) - usual(times.bad))).toBeLessThan(2);
	});
});

describe("a token that can do nothing of a kind", () => {
	it("is a configuration fault that names the mechanisms, for each role", async () => {
		const { code, message } = await refusal(
			startWithout(["CKM_RSA_PKCS", "CKM_SHA256_RSA_PKCS", "CKM_ECDSA", "CKM_AES_GCM"], {
				ca: {},
				profile: { object: "ec" },
				seal: {},
			}),
		);
		expect(code).toBe("config");
		expect(message).toContain(
			"ca: token ota does not sign: CKM_RSA_PKCS is not offered; CKM_SHA256_RSA_PKCS is not offered; put this key on another token",
		);
		expect(message).toContain(
			"profile: token ota does not sign: CKM_ECDSA is not offered; CKM_ECDSA_SHA256 is not offered",
		);
		expect(message).toContain("seal: token ota does not seal with an AES key (an RSA key may do): CKM_AES_GCM is not");
	});

	it("such as unwrapping, too", async () => {
		const { code, message } = await refusal(startWithout(["CKM_RSA_PKCS", "CKM_RSA_X_509"], { ra: {} }));
		expect(code).toBe("config");
		expect(message).toContain(
			"ra: token ota does not unwrap content keys: CKM_RSA_X_509 is not offered; CKM_RSA_PKCS is not offered",
		);
	});
});

describe("a key that refuses what its token lists", () => {
	it("goes the way that its trial finds", async () => {
		const mechanisms = ["CKM_SHA256_RSA_PKCS", "CKM_SHA384_RSA_PKCS", "CKM_SHA512_RSA_PKCS", "CKM_RSA_PKCS"];
		await inVendorProcess(token.env, {
			do: "allowed",
			uri: token.uri(""),
			label: "no-raw",
			mechanisms,
		});
		const agent = await startWithout([], { ra: { object: "no-raw" } });
		expect(mechanismsOf(agent)).toMatchObject({ ra: { sign: "CKM_RSA_PKCS", unwrap: "CKM_RSA_PKCS" } });
		await inVendorProcess(token.env, {
			do: "allowed",
			uri: token.uri(""),
			label: "hashing",
			mechanisms: ["CKM_SHA256_RSA_PKCS", "CKM_SHA384_RSA_PKCS", "CKM_SHA512_RSA_PKCS", "CKM_RSA_X_509"],
		});
		const other = await startWithout([], { ra: { object: "hashing" } });
		expect(mechanismsOf(other)).toMatchObject({ ra: { sign: "CKM_SHA256_RSA_PKCS", unwrap: "CKM_RSA_X_509" } });
	});
});

describe("sealing with an RSA key", () => {
	const aad = "profiles|7|secret|1";

	it("wraps a data key for each secret where the token has no AES-GCM", async () => {
		const agent = await startWithout(["CKM_AES_GCM"], { seal: { object: "rsa-seal" } });
		// SoftHSM lists OAEP and takes it with SHA-1 alone.
		expect(mechanismsOf(agent)).toMatchObject({ seal: { seal: "CKM_RSA_X_509" } });
		const sealed = await expectSeals(agent);
		expect(Buffer.from(sealed).subarray(0, 4)).toEqual(Buffer.from("6f746102", "hex"));
		expect(sealed).toHaveLength(7 + 256 + 12 + 40 + 16);
		const largest = randomBytes(65536);
		expect(Buffer.from(await agent.keys.open(await agent.keys.seal(largest, aad), aad))).toEqual(largest);
		expect(await agent.keys.open(await agent.keys.seal(new Uint8Array(), aad), aad)).toHaveLength(0);
	});

	it("refuses a data key of another form, length or number", async () => {
		const agent = await startWithout(["CKM_AES_GCM"], { seal: { object: "rsa-seal" } });
		const sealed = Buffer.from(await agent.keys.seal(randomBytes(10), aad));
		const changes: [string, (bytes: Buffer) => Uint8Array][] = [
			["cut short", (bytes) => bytes.subarray(0, 20)],
			["form 1", (bytes) => bytes.subarray(7 + 256)],
			["another wrapping", (bytes) => bytes.fill(9, 4, 5)],
			["the other wrapping", (bytes) => bytes.fill(1, 4, 5)],
			["a shorter data key", (bytes) => bytes.fill(255, 6, 7).fill(0, 5, 6)],
			["a number over the modulus", (bytes) => bytes.fill(255, 7, 7 + 256)],
			["another number", (bytes) => bytes.fill(1, 200, 201).fill(2, 201, 202)],
		];
		for (const [name, change] of changes) {
			const outcome = await agent.keys.open(change(Buffer.from(sealed)), aad).then(
				() => "opened",
				(error) => error.code,
			);
			expect([name, outcome]).toEqual([name, "hsm_refused"]);
		}
		expect(await agent.keys.open(sealed, aad)).toHaveLength(10);
	});

	it("and an AES key under one label: what either sealed opens", async () => {
		const keys = [{ kind: "aes", label: "both" }];
		await inVendorProcess(token.env, { do: "keys", uri: token.uri(""), keys });
		await inVendorProcess(token.env, { do: "sealPair", uri: token.uri(""), label: "both" });
		const poor = await startWithout(["CKM_AES_GCM"], { seal: { object: "both" } });
		const old = await poor.keys.seal(Buffer.from("old"), aad);
		const rich = await startWithout([], { seal: { object: "both" } });
		expect(mechanismsOf(rich)).toMatchObject({ seal: { seal: "CKM_AES_GCM, CKM_RSA_X_509" } });
		const fresh = await rich.keys.seal(Buffer.from("new"), aad);
		expect([old.length, fresh.length]).toEqual([7 + 256 + 12 + 3 + 16, 12 + 3 + 16]);
		expect(Buffer.from(await rich.keys.open(old, aad)).toString()).toBe("old");
		expect(Buffer.from(await rich.keys.open(fresh, aad)).toString()).toBe("new");
		await expect(poor.keys.open(fresh, aad)).rejects.toMatchObject({ code: "hsm_refused" });
	});
});

describe("an EC key on a token that hashes itself", () => {
	const promise = "signs by CKM_ECDSA_SHA256, 384 and 512";
	if (withoutNss !== null) it.skip(`${promise} (skipped: ${withoutNss})`, () => undefined);
	else
		it(promise, async () => {
			const other = await nss.make(join(dir, "nss"));
			const message = randomBytes(200);
			const asked = { do: "ec", uri: other.uri("ec"), label: "ec", message: message.toString("hex") };
			const signatures = (await inVendorProcess({}, asked)) as Record<string, string>;
			for (const hash of hashes) {
				const signature = Buffer.from(signatures[hash] ?? "", "hex");
				expect(verify(hash, message, other.publicKeys.get("ec") as KeyObject, signature)).toBe(true);
			}
		});
});

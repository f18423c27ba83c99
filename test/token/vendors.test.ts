/** One suite over the tokens of several vendors: what the agent promises holds on each that is installed. */
import { type KeyObject, randomBytes, verify } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startAgent, type TestAgent } from "../harness/token.ts";
import { type Vendor, type VendorToken, vendors } from "../harness/vendors.ts";
import { expectNoOracle, expectSeals, mechanismsOf, refusal, wrapped } from "../harness/vendors-expectations.ts";

const hashes = ["sha256", "sha384", "sha512"] as const;
const reasons = new Map(vendors.map((vendor) => [vendor, vendor.missing()]));
const present = vendors.filter((vendor) => reasons.get(vendor) === null);
const tokens = new Map<Vendor, Promise<VendorToken>>();
let dir: string;

beforeAll(async () => {
	dir = await mkdtemp(join(tmpdir(), "ota-vendors-"));
	const skipped = [...reasons].filter(([, reason]) => reason !== null);
	const words = [
		`ran on ${present.map(({ name }) => name).join(", ")}`,
		...skipped.map(([{ name }, reason]) => `skipped ${name}: ${reason}`),
	];
	process.stderr.write(`  vendors: ${words.join("; ")}\n`);
});
afterAll(async () => {
	for (const token of tokens.values()) {
		await token.then(
			(one) => one.stop(),
			// It was never there; its tests said so.
			() => undefined,
		);
	}
	await rm(dir, { recursive: true, force: true });
});

function tokenOf(vendor: Vendor): Promise<VendorToken> {
	const made = tokens.get(vendor) ?? vendor.make(join(dir, String(vendors.indexOf(vendor))));
	tokens.set(vendor, made);
	return made;
}

describe.each(present.map((vendor) => [vendor.name, vendor] as const))("on %s", (_name, vendor) => {
	let token: VendorToken;
	let agent: TestAgent;
	const key = (label: string): KeyObject => token.publicKeys.get(label) as KeyObject;
	beforeAll(async () => {
		token = await tokenOf(vendor);
		const seal = { object: token.hasAesGcm ? "seal" : "rsa-seal" };
		agent = await startAgent({
			dir: join(dir, `agent-${vendors.indexOf(vendor)}`),
			token,
			roles: { ca: {}, ra: {}, profile: { object: token.hasEc ? "ec" : "profile" }, seal },
		});
	});
	afterAll(async () => {
		await agent?.stop();
	});

	it("the mechanisms that were chosen are in the log", () => {
		const ec = token.hasEc ? "CKM_ECDSA" : "CKM_RSA_PKCS";
		expect(mechanismsOf(agent)).toMatchObject({
			ca: { sign: "CKM_RSA_PKCS" },
			ra: { sign: "CKM_RSA_PKCS", unwrap: "CKM_RSA_X_509" },
			profile: { sign: ec },
			seal: { seal: token.hasAesGcm ? "CKM_AES_GCM" : expect.stringMatching(/CKM_RSA_(PKCS_OAEP|X_509)/) },
		});
	});

	it.each(hashes)("signatures verify, RSA and EC where there is EC: %s", async (hash) => {
		const message = randomBytes(300);
		const profile = key(token.hasEc ? "ec" : "profile");
		expect(verify(hash, message, key("ra"), await agent.keys.sign("ra", hash, message))).toBe(true);
		expect(verify(hash, message, profile, await agent.keys.sign("profile", hash, message))).toBe(true);
	});

	it.each([8, 16, 24, 32] as const)("a content key of %d octets is unwrapped", async (length) => {
		const secret = randomBytes(length);
		expect(Buffer.from(await agent.keys.unwrap(wrapped(key("ra"), secret), length))).toEqual(secret);
	});

	it("malformed blocks answer random octets, and the good ones after them hold", async () => {
		await expectNoOracle(agent, key("ra"));
	});

	it("what is sealed opens, and only with its aad and as it was", async () => {
		await expectSeals(agent);
	});

	it("the audit refuses a key that does more, or less, than its role", async () => {
		const { code, message } = await refusal(
			startAgent({
				dir: join(dir, "audit"),
				token,
				roles: { ca: { object: "ra" }, ra: { object: "profile" }, seal: { object: "ca" } },
			}),
		);
		expect(code).toBe("config");
		expect(message).toContain("ca: CKA_DECRYPT is 1 where 0 is required");
		expect(message).toContain("ra, seal: CKA_DECRYPT is 0 where 1 is required");
		expect(message).toContain("seal: CKA_SIGN is 1 where 0 is required");
	});
});

for (const [{ name }, reason] of reasons) {
	if (reason !== null) it.skip(`on ${name} (skipped: ${reason})`, () => undefined);
}

describe("roles on different tokens", () => {
	it("work side by side in one agent", async () => {
		const made = await Promise.all(present.map(tokenOf));
		const at = (index: number): VendorToken => made[index % made.length] as VendorToken;
		const [ca, ra, profile] = [at(0), at(1), at(2)];
		const env = Object.assign({}, ...made.map((token) => token.env));
		const agent = await startAgent({
			dir: join(dir, "mixed"),
			token: { uri: ca.uri, env },
			roles: {
				ca: { uri: ca.uri("ca") },
				ra: { uri: ra.uri("ra") },
				profile: { uri: profile.uri("profile") },
				seal: { uri: ra.uri("rsa-seal") },
			},
		});
		try {
			const message = randomBytes(100);
			const signature = await agent.keys.sign("profile", "sha256", message);
			expect(verify("sha256", message, profile.publicKeys.get("profile") as KeyObject, signature)).toBe(true);
			const secret = randomBytes(16);
			const encrypted = wrapped(ra.publicKeys.get("ra") as KeyObject, secret);
			expect(Buffer.from(await agent.keys.unwrap(encrypted, 16))).toEqual(secret);
			await expectSeals(agent);
			await expect(agent.keys.check()).resolves.toBeUndefined();
		} finally {
			await agent.stop();
		}
	});
});

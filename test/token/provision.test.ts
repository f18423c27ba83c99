import { createPublicKey, verify } from "node:crypto";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { makeToken, type TestToken } from "../harness/token.ts";

let dir: string;
let token: TestToken;
beforeAll(async () => {
	dir = await mkdtemp(join(tmpdir(), "ota-provision-"));
	token = await makeToken(dir);
});
afterAll(async () => {
	await rm(dir, { recursive: true, force: true });
});

const publicKey = (spki: unknown) =>
	createPublicKey({ key: Buffer.from(String(spki), "hex"), format: "der", type: "spki" });
const message = Buffer.from("to be signed").toString("hex");

describe("provisioning", () => {
	it("writes a softhsm2.conf for this user alone", async () => {
		const path = token.env.SOFTHSM2_CONF as string;
		expect((await stat(path)).mode & 0o777).toBe(0o600);
		expect((await stat(token.directory)).mode & 0o777).toBe(0o700);
		expect(await readFile(path, "utf8")).toBe(
			`directories.tokendir = ${token.directory}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n`,
		);
	});

	it("refuses a second token of the same label, and takes one of another", async () => {
		const results = await token.run(
			{ do: "init", soPin: "0123456789" },
			{ do: "init", label: "ota-2", soPin: "0123456789" },
			{ do: "init", label: "x".repeat(33), soPin: "0123456789" },
		);
		expect(results).toEqual([
			expect.objectContaining({ code: "conflict" }),
			{ value: { serial: expect.stringMatching(/^[0-9a-f]{16}$/) } },
			expect.objectContaining({ code: "config" }),
		]);
	});

	it("makes RSA and EC keys whose signatures verify with the public key it answers", async () => {
		const rsa = publicKey(await token.must({ do: "rsa", label: "rsa", bits: 2048, usage: "ca" }));
		expect(rsa.asymmetricKeyDetails).toMatchObject({ modulusLength: 2048, publicExponent: 65537n });
		const p256 = publicKey(await token.must({ do: "ec", label: "p256", curve: "P-256", usage: "root" }));
		const p384 = publicKey(await token.must({ do: "ec", label: "p384", curve: "P-384", usage: "profile" }));
		for (const [label, key] of [
			["rsa", rsa],
			["p256", p256],
			["p384", p384],
		] as const) {
			for (const hash of ["sha256", "sha384", "sha512"]) {
				const signature = Buffer.from(String(await token.must({ do: "sign", label, hash, message })), "hex");
				expect(verify(hash, Buffer.from(message, "hex"), key, signature)).toBe(true);
			}
			expect(publicKey(await token.must({ do: "publicKey", label })).equals(key)).toBe(true);
		}
	});

	it("lists what is there", async () => {
		await token.must({ do: "seal", label: "seal" });
		const keys = (await token.must({ do: "list" })) as { label: string; class: string; type: string; id: string }[];
		expect(keys).toContainEqual({
			label: "seal",
			class: "secret",
			type: "aes",
			id: expect.stringMatching(/^[0-9a-f]{40}$/),
		});
		const pair = keys.filter((key) => key.label === "p256");
		expect(pair.map((key) => key.class).sort()).toEqual(["private", "public"]);
		expect(new Set(pair.map((key) => key.id)).size).toBe(1);
	});

	it("refuses a label that exists, whatever the kind of key", async () => {
		const results = await token.run(
			{ do: "rsa", label: "p256", bits: 2048, usage: "ca" },
			{ do: "ec", label: "seal", curve: "P-256", usage: "ca" },
			{ do: "seal", label: "rsa" },
			{ do: "publicKey", label: "nobody" },
		);
		expect(results.map((result) => ("code" in result ? result.code : null))).toEqual([
			"conflict",
			"conflict",
			"conflict",
			"config",
		]);
	});
});

import { sign } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import pkcs11js from "pkcs11js";
import type { Lease } from "../../hsm/agent/pool.ts";
import type { OpenToken } from "../../hsm/agent/tokens.ts";
import { chooseMeans, type FoundKey } from "../../hsm/agent/trial.ts";
import { newKeyPair } from "../device/key-pair.ts";

const { privateKey, publicKey } = newKeyPair("rsa", { modulusLength: 2048 });
const found: FoundKey = {
	handle: Buffer.alloc(8),
	signing: { type: "rsa", size: 256 },
	modulus: null,
	publicKey,
	sealing: null,
};
const random = (length: number): Uint8Array => Buffer.alloc(length, 1);
const { CKM_RSA_PKCS, CKM_SHA256_RSA_PKCS } = pkcs11js;

/** Lists both ways to sign; its first calls of C_SignInit fail with these return values. */
function tokenOf(...failures: number[]): OpenToken {
	const list = () => [CKM_RSA_PKCS, CKM_SHA256_RSA_PKCS];
	const describeMechanism = () => ({ flags: pkcs11js.CKF_SIGN });
	const begin = (): void => {
		const failure = failures.shift();
		if (failure !== undefined) throw Object.assign(new Error("CKR_X"), { code: failure });
	};
	// Either way gives RSASSA-PKCS1-v1_5 over the message.
	const end = async () => sign("sha256", random(32), privateKey);
	const pkcs11 = {
		C_GetMechanismList: list,
		C_GetMechanismInfo: describeMechanism,
		C_SignInit: begin,
		C_SignAsync: end,
	};
	const lease = { pkcs11, session: Buffer.alloc(8), hold: (...all: Buffer[]) => all, spend: () => undefined };
	const pool = { run: (work: (lease: Lease) => Promise<unknown>) => work(lease as unknown as Lease) };
	return { name: "ota", slot: { slot: Buffer.alloc(8) }, pkcs11, pool } as unknown as OpenToken;
}

describe("the trial of a key's mechanisms", () => {
	it("takes the second way when the token refuses the first", async () => {
		const { names } = await chooseMeans(tokenOf(0x70), "profile", found, random);
		expect(names).toEqual({ sign: "CKM_SHA256_RSA_PKCS" });
	});

	it.each([
		["the device is away for a moment", 0x30],
		["the token is busy for a moment", 0xb1],
	])("does not change the way because %s", async (_, failure) => {
		const { names } = await chooseMeans(tokenOf(failure, failure), "profile", found, random);
		expect(names).toEqual({ sign: "CKM_RSA_PKCS" });
	});

	it("is unavailable, not misconfigured, while the token stays away", async () => {
		const away = tokenOf(...Array<number>(6).fill(0x30));
		await expect(chooseMeans(away, "profile", found, random)).rejects.toMatchObject({ code: "hsm_unavailable" });
	});

	it("does not change the way because the device was away for as long as it tried", async () => {
		const { names } = await chooseMeans(tokenOf(0x30, 0x30, 0x30), "profile", found, random);
		expect(names).toEqual({ sign: "CKM_RSA_PKCS" });
	});

	it("takes a better way than before from a token that comes back", async () => {
		const known = { sign: "CKM_SHA256_RSA_PKCS" };
		expect((await chooseMeans(tokenOf(), "profile", found, random, known)).names).toEqual({ sign: "CKM_RSA_PKCS" });
	});

	it("takes no lesser way than before from a token that comes back", async () => {
		const known = { sign: "CKM_RSA_PKCS" };
		await expect(chooseMeans(tokenOf(0x70), "profile", found, random, known)).rejects.toMatchObject({
			code: "config",
			message: expect.stringContaining("CKM_RSA_PKCS: "),
		});
		expect((await chooseMeans(tokenOf(), "profile", found, random, known)).names).toEqual(known);
	});
});

import { describe, expect, it } from "@jest/globals";
import pkcs11js from "pkcs11js";
import { offersOf, signingWays, unwrappingWays, wrappingWays } from "../../hsm/agent/mechanisms.ts";
import { TimeGrid } from "../../hsm/agent/time-grid.ts";
import { signatureInput, signingMechanism } from "../../hsm/token/signature.ts";

const { CKF_SIGN, CKF_DECRYPT, CKF_VERIFY } = pkcs11js;

class Listing {
	readonly #flags: ReadonlyMap<number, number>;
	constructor(flags: ReadonlyMap<number, number>) {
		this.#flags = flags;
	}
	C_GetMechanismList(): number[] {
		return [...this.#flags.keys()];
	}
	C_GetMechanismInfo(_slot: Buffer, mechanism: number): { flags: number } {
		return { flags: this.#flags.get(mechanism) ?? 0 };
	}
}

/** A token that lists these mechanisms with these flags. */
function offers(list: Record<string, number>) {
	const flags = new Map(Object.entries(list).map(([name, value]) => [Reflect.get(pkcs11js, name) as number, value]));
	const token = { pkcs11: new Listing(flags), slot: { slot: Buffer.alloc(8) } };
	return offersOf(token as unknown as Parameters<typeof offersOf>[0]);
}

const ec = { type: "ec", curve: "P-256" } as const;
const rsa = { type: "rsa", size: 256 } as const;

describe("ways of a key", () => {
	it("are offered by list and flags, best first", () => {
		const all = offers({ CKM_ECDSA: CKF_SIGN, CKM_ECDSA_SHA256: CKF_SIGN, CKM_ECDSA_SHA512: CKF_VERIFY });
		expect(signingWays(ec, all)).toEqual([
			{ name: "CKM_ECDSA", isOffered: true, value: ec },
			{ name: "CKM_ECDSA_SHA256", isOffered: true, value: { ...ec, tokenHashes: ["sha256"] } },
		]);
		const verifies = offers({ CKM_RSA_PKCS: CKF_VERIFY, CKM_SHA384_RSA_PKCS: CKF_SIGN });
		expect(signingWays(rsa, verifies).map(({ isOffered }) => isOffered)).toEqual([false, false]);
		const decrypts = offers({
			CKM_RSA_PKCS: CKF_DECRYPT | CKF_SIGN,
			CKM_RSA_PKCS_OAEP: CKF_DECRYPT,
			CKM_RSA_X_509: CKF_SIGN,
		});
		expect(unwrappingWays(decrypts).map(({ isOffered }) => isOffered)).toEqual([false, true]);
		expect(wrappingWays(decrypts).map(({ isOffered }) => isOffered)).toEqual([true, false]);
	});

	it("that hash in the token take the message, and no hash that it lacks", () => {
		const key = { ...ec, tokenHashes: ["sha256"] as const };
		const message = Buffer.from("whole");
		expect(signingMechanism(key, "sha256")).toBe(pkcs11js.CKM_ECDSA_SHA256);
		expect(signatureInput(key, "sha256", message)).toEqual(message);
		expect(() => signingMechanism(key, "sha384")).toThrow(expect.objectContaining({ code: "hsm_refused" }));
		expect(signingMechanism(ec, "sha384")).toBe(pkcs11js.CKM_ECDSA);
		expect(signatureInput(ec, "sha512", message)).toHaveLength(32);
	});
});

describe("a time grid", () => {
	const after = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

	it.each([0, 15])("releases work of %d ms at its first tick", async (work) => {
		const took: number[] = [];
		for (let round = 0; round < 3; round++) {
			const grid = new TimeGrid(60);
			const before = performance.now();
			grid.start();
			await after(work);
			await grid.next();
			took.push(performance.now() - before);
		}
		// A busy machine makes one late, never early.
		expect(Math.min(...took)).toBeGreaterThan(58);
		expect(Math.min(...took)).toBeLessThan(115);
	});

	it("keeps nobody who began nothing", async () => {
		await new TimeGrid(60_000).next();
	});
});

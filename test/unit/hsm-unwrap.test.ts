import { describe, expect, it } from "@jest/globals";
import pkcs11js from "pkcs11js";
import { RoleKey } from "../../hsm/agent/keys.ts";
import { unwrap } from "../../hsm/agent/operations.ts";
import type { Lease } from "../../hsm/agent/pool.ts";
import type { OpenToken } from "../../hsm/agent/tokens.ts";
import type { Pkcs11 } from "../../hsm/token/module.ts";

const modulus = Buffer.alloc(256, 0xd5);
const fallback = Buffer.alloc(16, 9);
const content = Buffer.alloc(16, 1);
const ciphertext = Buffer.alloc(256, 3);

type Outcome = { answers: Buffer } | { refuses: number };

/** A token that takes the padding off (or answers the block) with this outcome, and counts sessions that are spent. */
function leaseOf(outcome: Outcome) {
	const state = { spent: 0 };
	const begin = (): void => undefined;
	const end = async (_: Buffer, __: Buffer, output: Buffer) => {
		if ("refuses" in outcome) throw Object.assign(new Error("CKR_X"), { code: outcome.refuses });
		output.set(outcome.answers);
		return output.subarray(0, outcome.answers.length);
	};
	const pkcs11 = { C_DecryptInit: begin, C_DecryptAsync: end } as unknown as Pkcs11;
	const spend = (): void => {
		state.spent += 1;
	};
	const lease: Lease = { pkcs11, session: Buffer.alloc(8), hold: (...buffers) => buffers, spend };
	return { lease, state };
}

const outcomes: [what: string, outcome: Outcome, answer: Buffer][] = [
	["a good block", { answers: content }, content],
	["a key of another length", { answers: Buffer.alloc(24, 1) }, fallback],
	["CKR_ENCRYPTED_DATA_INVALID", { refuses: 0x40 }, fallback],
	["CKR_FUNCTION_FAILED", { refuses: 0x06 }, fallback],
	["a vendor's own code", { refuses: 0x8000_0001 }, fallback],
];

describe("unwrapping where the token takes the padding off", () => {
	it.each(outcomes)("leaves the same behind for %s: a spent session and a doubt", async (_, outcome, answer) => {
		const { lease, state } = leaseOf(outcome);
		const key = { handle: Buffer.alloc(8), modulus, unwrapping: "pkcs1" as const };
		const unwrapped = await unwrap(lease, key, ciphertext, fallback);
		expect(Buffer.from(unwrapped.key)).toEqual(answer);
		expect(unwrapped.isDoubtful).toBe(true);
		expect(state.spent).toBeGreaterThan(0);
	});

	it("asks for a probe after a good block as after a bad one", async () => {
		for (const [, outcome] of outcomes) {
			const { lease } = leaseOf(outcome);
			const pool = { run: (work: (lease: Lease) => Promise<unknown>) => work(lease) };
			const token = { pool } as unknown as OpenToken;
			const means = { signing: null, unwrapping: { way: "pkcs1" as const, step: 1 }, sealing: null, names: {} };
			const found = { handle: Buffer.alloc(8), signing: null, modulus, publicKey: null, sealing: null };
			const key = new RoleKey(token, found, means, (length) => Buffer.alloc(length));
			let doubts = 0;
			key.onDoubt = () => {
				doubts += 1;
			};
			expect(await key.unwrap(ciphertext, 16)).toHaveLength(16);
			expect(doubts).toBe(1);
		}
	});

	it("tells of a token that is gone", async () => {
		const { lease } = leaseOf({ refuses: 0x32 });
		const key = { handle: Buffer.alloc(8), modulus, unwrapping: "pkcs1" as const };
		await expect(unwrap(lease, key, ciphertext, fallback)).rejects.toMatchObject({ code: "hsm_unavailable" });
	});
});

describe("unwrapping raw RSA", () => {
	const block = Buffer.concat([Buffer.from([0, 2]), Buffer.alloc(237, 7), Buffer.from([0]), content]);
	it.each([
		["a good block", block, content],
		["a block without its separator", Buffer.alloc(256, 7), fallback],
	])("keeps the session and doubts nothing for %s", async (_, answers, answer) => {
		const { lease, state } = leaseOf({ answers });
		const key = { handle: Buffer.alloc(8), modulus, unwrapping: "raw" as const };
		expect(await unwrap(lease, key, ciphertext, fallback)).toMatchObject({ isDoubtful: false });
		expect(Buffer.from((await unwrap(leaseOf({ answers }).lease, key, ciphertext, fallback)).key)).toEqual(answer);
		expect(state.spent).toBe(0);
	});

	it("spends the session when the token refuses the number", async () => {
		const { lease, state } = leaseOf({ refuses: pkcs11js.CKR_ENCRYPTED_DATA_INVALID });
		const key = { handle: Buffer.alloc(8), modulus, unwrapping: "raw" as const };
		expect(await unwrap(lease, key, ciphertext, fallback)).toEqual({ key: fallback, isDoubtful: true });
		expect(state.spent).toBe(1);
	});
});

import { constants, createPublicKey, type KeyObject, publicEncrypt, randomBytes, verify } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { connectAgent } from "../../hsm/client.ts";
import type { Keys } from "../../lib/ports.ts";
import { makeToken, startAgent, type TestToken } from "../harness/token.ts";

let dir: string;
let token: TestToken;
const keys: Record<string, KeyObject> = {};
beforeAll(async () => {
	dir = await mkdtemp(join(tmpdir(), "ota-load-"));
	token = await makeToken(dir);
	const spkis = {
		ra: await token.must({ do: "rsa", label: "ra", bits: 2048, usage: "ra" }),
		profile: await token.must({ do: "ec", label: "profile", curve: "P-256", usage: "profile" }),
	};
	for (const [label, spki] of Object.entries(spkis)) {
		keys[label] = createPublicKey({ key: Buffer.from(String(spki), "hex"), format: "der", type: "spki" });
	}
});
afterAll(async () => {
	await rm(dir, { recursive: true, force: true });
});

const median = (values: readonly number[]): number =>
	[...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Milliseconds that refusals took while the RA key's queue is full; `caller` is a client without other work. */
async function refusals(caller: Keys): Promise<number[]> {
	const message = randomBytes(32);
	const times: number[] = [];
	const calls: Promise<unknown>[] = [];
	/** They go out in order, and the agent takes them in before what follows: the queue is full then. */
	const fill = (count: number): void => {
		for (; count > 0; count--) calls.push(caller.sign("ra", "sha256", message).catch(() => undefined));
	};
	fill(300);
	let filledAt = performance.now();
	await Promise.race(calls);
	for (let turn = 0; turn < 30; turn++) {
		// At least as many as the token has signed since.
		fill(12 + Math.ceil(4 * (performance.now() - filledAt)));
		filledAt = performance.now();
		const began = performance.now();
		// Now and then a place falls free in between.
		const code = await caller.sign("ra", "sha256", message).then(
			() => "signed",
			(error) => error.code,
		);
		if (code === "hsm_busy") times.push(performance.now() - began);
	}
	await Promise.all(calls);
	expect(times.length).toBeGreaterThan(15);
	return times;
}

describe("5,000 calls at once on a queue of 256", () => {
	it("are refused at once or succeed", async () => {
		const agent = await startAgent({ dir, token, roles: { ra: {} }, maxQueue: 256 });
		const wide = connectAgent({ address: agent.address, maxInFlight: 10_000, deadline: 30_000 });
		try {
			await wide.check();
			const message = randomBytes(32);
			const calls = Array.from({ length: 5000 }, () => wide.sign("ra", "sha256", message));
			const outcomes = await Promise.allSettled(calls);
			const signed = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
			const codes = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason.code] : []));
			expect(signed.length).toBeGreaterThanOrEqual(256);
			expect(signed.every((one) => verify("sha256", message, keys.ra as KeyObject, one))).toBe(true);
			expect(new Set(codes)).toEqual(new Set(["hsm_busy"]));
			// While the queue is kept full: whoever waits its turn waits a hundred times as long as any refusal.
			const medians: number[] = [];
			while (medians.length < 4 && !medians.some((time) => time < 5)) medians.push(median(await refusals(wide)));
			expect(Math.min(...medians)).toBeLessThan(50);
		} finally {
			await wide.close();
			await agent.stop();
		}
	});
});

describe("20,000 parallel P-256 signatures", () => {
	it("all verify, and none is another message's", async () => {
		const agent = await startAgent({ dir, token, roles: { profile: {} }, maxQueue: 20_000 });
		const wide = connectAgent({ address: agent.address, maxInFlight: 20_000, deadline: 50_000 });
		try {
			const messages = Array.from({ length: 20_000 }, () => randomBytes(32));
			const signatures = await Promise.all(messages.map((one) => wide.sign("profile", "sha256", one)));
			const bad = messages.filter((one, at) => {
				return !verify("sha256", one, keys.profile as KeyObject, signatures[at] as Uint8Array);
			});
			expect(bad).toHaveLength(0);
		} finally {
			await wide.close();
			await agent.stop();
		}
	});
});

describe("unwrapping", () => {
	const valid = (): Uint8Array =>
		publicEncrypt({ key: keys.ra as KeyObject, padding: constants.RSA_PKCS1_PADDING }, randomBytes(16));
	/** A block of type 01, as a hostile sender makes it. */
	const malformed = (): Uint8Array => {
		const block = Buffer.concat([Uint8Array.of(0, 1), Buffer.alloc(254, 0x5a)]);
		return publicEncrypt({ key: keys.ra as KeyObject, padding: constants.RSA_NO_PADDING }, block);
	};

	it("takes one time for valid and malformed ciphertexts", async () => {
		const agent = await startAgent({ dir, token, roles: { ra: {} } });
		try {
			const timed = async (ciphertext: Uint8Array): Promise<number> => {
				const began = performance.now();
				await agent.keys.unwrap(ciphertext, 16);
				return performance.now() - began;
			};
			// An oracle is there every time; what a busy machine adds to one median is not.
			const differences: number[] = [];
			while (differences.length < 4 && !differences.some((difference) => difference < 0.02)) {
				const times: [number[], number[]] = [[], []];
				for (let turn = 0; turn < 400; turn++) {
					times[turn % 2]?.push(await timed(turn % 2 ? malformed() : valid()));
					times[(turn + 1) % 2]?.push(await timed(turn % 2 ? valid() : malformed()));
				}
				const [one, other] = [median(times[0]), median(times[1])];
				differences.push(Math.abs(one - other) / Math.min(one, other));
			}
			expect(Math.min(...differences)).toBeLessThan(0.02);
		} finally {
			await agent.stop();
		}
	});
});

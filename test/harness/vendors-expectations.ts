/** What every token must do the same, asked of a running agent. */
import { constants, type KeyObject, publicEncrypt, randomBytes } from "node:crypto";
import { expect } from "@jest/globals";
import type { TestAgent } from "./token.ts";

/** What the agent logged of its choice. */
export function mechanismsOf(agent: TestAgent): Record<string, Record<string, string>> {
	const lines = agent.log().split("\n").filter(Boolean);
	const said = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "hsm.mechanisms");
	return Object.fromEntries(said.map(({ role, sign, unwrap, seal }) => [role, { sign, unwrap, seal }]));
}

/** What ends where the padding would put a key, so that an answer with the block's content shows. */
const content = Buffer.alloc(16, 0x5a);

/** The six shapes of a malformed block, and ciphertexts that are none. */
function malformed(publicKey: KeyObject): [string, Buffer][] {
	const good = (): Buffer => {
		const block = Buffer.alloc(256, 0x77);
		block.set([0, 2]);
		block[239] = 0;
		block.set(content, 240);
		return block;
	};
	const raw = (block: Buffer): Buffer => publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, block);
	return [
		["block type 01", raw(good().fill(1, 1, 2))],
		["a zero among the first eight of the padding", raw(good().fill(0, 4, 5))],
		["a separator one octet early", raw(good().fill(0, 238, 239))],
		["no separator", raw(good().fill(7, 239, 240))],
		["a key of another length", wrapped(publicKey, Buffer.alloc(24, 0x5a))],
		["the number 1", Buffer.alloc(256).fill(1, 255)],
		["the modulus and more", Buffer.alloc(256, 0xff)],
		["one octet less", wrapped(publicKey, content).subarray(1)],
	];
}

/** RSAES-PKCS1-v1_5. */
export const wrapped = (key: KeyObject, secret: Buffer): Buffer =>
	publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, secret);

/** Every malformed shape answers sixteen octets that are new each time and none of the block's. */
export async function expectNoOracle(agent: TestAgent, publicKey: KeyObject): Promise<void> {
	for (const [shape, ciphertext] of malformed(publicKey)) {
		const answers = [await agent.keys.unwrap(ciphertext, 16), await agent.keys.unwrap(ciphertext, 16)];
		const [first, second] = answers.map((answer) => Buffer.from(answer).toString("hex"));
		expect([shape, first?.length, second?.length]).toEqual([shape, 32, 32]);
		expect(first).not.toBe(second);
		expect([first, second]).not.toContain(content.toString("hex"));
	}
	const secrets = Array.from({ length: 20 }, () => randomBytes(16));
	const answers = await Promise.all(secrets.map((secret) => agent.keys.unwrap(wrapped(publicKey, secret), 16)));
	expect(answers.map((answer) => Buffer.from(answer))).toEqual(secrets);
}

export async function expectSeals(agent: TestAgent): Promise<Uint8Array> {
	const secret = randomBytes(40);
	const sealed = await agent.keys.seal(secret, "table|row|column|1");
	expect(Buffer.from(await agent.keys.open(sealed, "table|row|column|1"))).toEqual(secret);
	expect(Buffer.from(sealed).includes(secret)).toBe(false);
	const changed = Uint8Array.from(sealed);
	changed[changed.length - 20] = (changed[changed.length - 20] as number) ^ 1;
	await expect(agent.keys.open(sealed, "table|row|column|2")).rejects.toMatchObject({ code: "hsm_refused" });
	await expect(agent.keys.open(changed, "table|row|column|1")).rejects.toMatchObject({ code: "hsm_refused" });
	return sealed;
}

/** How an agent that must not start says no. */
export async function refusal(start: Promise<TestAgent>): Promise<{ code: string; message: string }> {
	return await start.then(
		(agent) => agent.stop().then(() => ({ code: "started", message: "" })),
		(error) => error,
	);
}

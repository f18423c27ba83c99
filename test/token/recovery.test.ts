import { createPublicKey, type KeyObject, randomBytes, verify } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { formatUri, parseUri } from "../../hsm/uri.ts";
import { selfSigned } from "../harness/certificate.ts";
import { pause, signDuring, until } from "../harness/supervised.ts";
import {
	type AgentOptions,
	makeKeys,
	makeToken,
	startAgent,
	type TestAgent,
	type TestToken,
} from "../harness/token.ts";

const keyOf = (spki: Uint8Array): KeyObject => createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });

let dir: string;
beforeAll(async () => {
	dir = await mkdtemp(join(tmpdir(), "ota-lost-"));
});
afterAll(async () => {
	await rm(dir, { recursive: true, force: true });
});

const message = Buffer.from("recovery");
/** Keys that are made quickly: the CA's (RSA-2048), a profile signer's (P-256) and the seal's; answers the CA's SPKI. */
async function makeFewKeys(token: TestToken): Promise<Uint8Array> {
	const results = await token.run(
		{ do: "rsa", label: "ca", bits: 2048, usage: "ca" },
		{ do: "ec", label: "profile", curve: "P-256", usage: "profile" },
		{ do: "seal", label: "seal" },
	);
	const [ca] = results.map((result) => ("value" in result ? result.value : null));
	return Buffer.from(String(ca), "hex");
}
const away = (token: TestToken): string => `${token.directory}.away`;
const takeAway = (token: TestToken) => rename(token.directory, away(token));
const putBack = (token: TestToken) => rename(away(token), token.directory);
/** How often the agent's log tells this state. */
const timesOf = (agent: TestAgent, state: string): number => agent.log().split(`"state":"${state}"`).length - 1;

describe("a token directory that is moved away", () => {
	let token: TestToken;
	let agent: TestAgent;
	let spkis: Record<"ca" | "ra" | "profile", Uint8Array>;
	beforeAll(async () => {
		token = await makeToken(join(dir, "moved"));
		spkis = await makeKeys(token);
		const roles = { ca: { certificate: await selfSigned(token, "ca", spkis.ca) }, ra: {}, profile: {}, seal: {} };
		agent = await startAgent({ dir: join(dir, "moved"), token, roles });
	});
	afterAll(() => agent?.stop());

	it("for 1.5 s under load fails no call and costs one recovery", async () => {
		const sealed = await agent.keys.seal(message, "a|b|c|1");
		const load = await signDuring({ keys: agent.keys, role: "ra", publicKey: keyOf(spkis.ra) }, async () => {
			await takeAway(token);
			await pause(1500);
			await putBack(token);
			await until(() => timesOf(agent, "ready") === 1);
		});
		expect(load.failures).toEqual([]);
		expect(load.signed).toBeGreaterThan(50);
		expect([timesOf(agent, "recovering"), timesOf(agent, "ready")]).toEqual([1, 1]);
		// Every role of the module came back with it.
		expect(Buffer.from(await agent.keys.open(sealed, "a|b|c|1"))).toEqual(message);
		const signature = await agent.keys.sign("profile", "sha256", message);
		expect(verify("sha256", message, keyOf(spkis.profile), signature)).toBe(true);
	});

	it("for longer fails calls at once, says so to the health check, and is over by itself", async () => {
		await takeAway(token);
		await expect(agent.keys.sign("ra", "sha256", message)).rejects.toMatchObject({ code: "hsm_unavailable" });
		expect(timesOf(agent, "broken")).toBe(1);
		const began = performance.now();
		for (const call of [agent.keys.sign("ra", "sha256", message), agent.keys.check()]) {
			await expect(call).rejects.toMatchObject({
				code: "hsm_unavailable",
				message: expect.stringContaining("the HSM is broken"),
			});
		}
		expect(performance.now() - began).toBeLessThan(2000);
		await putBack(token);
		await until(() => agent.keys.check().then(() => true));
		expect(timesOf(agent, "ready")).toBe(2);
	});
});

describe("a token that comes back re-initialised under the same label", () => {
	it.each(["other keys", "no keys"])("with %s is a config error: nothing is signed", async (what) => {
		const place = join(dir, what.replace(" ", "-"));
		const token = await makeToken(place);
		const certificate = await selfSigned(token, "ca", await makeFewKeys(token));
		const roles: AgentOptions["roles"] = { ca: { certificate }, profile: {}, seal: {} };
		const agent = await startAgent({ dir: place, token, roles });
		try {
			await agent.keys.check();
			for (const name of await readdir(token.directory)) {
				await rm(join(token.directory, name), { recursive: true, force: true });
			}
			await token.must({ do: "init", soPin: randomBytes(8).toString("hex") });
			if (what === "other keys") await makeFewKeys(token);
			const calls = Array.from({ length: 10 }, () => agent.keys.sign("profile", "sha256", message));
			for (const outcome of await Promise.allSettled([...calls, agent.keys.seal(message, "x")])) {
				expect(outcome).toMatchObject({ status: "rejected", reason: { code: "config" } });
			}
			await expect(agent.keys.check()).rejects.toMatchObject({ code: "config" });
			expect(agent.log()).toContain(what === "other keys" ? "another key of this name" : "no such key on the token");
			await agent.kill();
			await expect(agent.restart()).rejects.toMatchObject({ code: "config" });
		} finally {
			await agent.stop();
		}
	});
});

describe("a seal key on its way from RSA to AES", () => {
	it("is found again, better than before, and is not missed when the old one is gone", async () => {
		const place = join(dir, "seal");
		const token = await makeToken(place);
		await token.must({ do: "rsa", label: "seal", bits: 2048, usage: "seal" });
		const memory = join(place, "memory");
		const options: AgentOptions = { dir: place, token, roles: { seal: {} }, memory };
		const agent = await startAgent(options);
		try {
			const old = await agent.keys.seal(message, "a|b|c|1");
			await token.must({ do: "rawSeal", label: "seal" });
			await takeAway(token);
			await expect(agent.keys.check()).rejects.toMatchObject({ code: "hsm_unavailable" });
			await putBack(token);
			await until(() => agent.keys.check().then(() => true));
			expect(Buffer.from(await agent.keys.open(old, "a|b|c|1"))).toEqual(message);
			const sealed = await agent.keys.seal(message, "a|b|c|1");
			expect(sealed).toHaveLength(12 + message.length + 16);
			await agent.kill();
			// Both keys are there: what is known of the seal key is sealed anew.
			await agent.restart();
			await agent.kill();
			await token.must({ do: "destroy", label: "seal" });
			await agent.restart();
			expect(Buffer.from(await agent.keys.open(sealed, "a|b|c|1"))).toEqual(message);
			await agent.kill();
			await writeFile(join(memory, "seal-key.sealed"), "");
			await expect(agent.restart()).rejects.toMatchObject({
				code: "config",
				message: expect.stringContaining("is empty"),
			});
		} finally {
			await agent.stop();
		}
	});
});

const spies = ["/usr/lib/x86_64-linux-gnu/pkcs11-spy.so", "/usr/lib/aarch64-linux-gnu/pkcs11-spy.so"];

describe("a wrong PIN", () => {
	it("is sent once over all calls and restarts, until it is corrected", async () => {
		const place = join(dir, "pin");
		const token = await makeToken(place);
		await makeFewKeys(token);
		const spy = spies.find((path) => existsSync(path)) ?? null;
		if (!spy) console.log("C_Login is counted by the agent's words: there is no pkcs11-spy.so (Debian: opensc-pkcs11)");
		const record = join(place, "calls");
		const pinFile = join(place, "agent-pin");
		const said: string[] = [];
		const uri = (object: string): string =>
			formatUri({ ...parseUri(token.uri(object)), pinFile, modulePath: spy ?? token.modulePath });
		const options: AgentOptions = {
			dir: place,
			token,
			roles: { ca: { uri: uri("ca") }, profile: { uri: uri("profile") } },
			memory: join(place, "refused-pins"),
			env: { PKCS11SPY: token.modulePath, PKCS11SPY_OUTPUT: record },
		};
		/** C_Login calls that reached the library; without the spy those that were refused. */
		const logins = (): number =>
			spy
				? readFileSync(record, "utf8").split(": C_Login\n").length - 1
				: said.join("\n").split("refused the PIN (C_Login").length - 1;
		const right = spy ? 1 : 0;
		const refusal = async (): Promise<string> => {
			const error = await startAgent(options).then(
				(agent) => agent.stop().then(() => ({ code: "started", message: "" })),
				(reason) => reason,
			);
			expect(error.code).toBe("config");
			said.push(error.message);
			return error.message;
		};

		await writeFile(pinFile, "not-the-pin\n");
		expect(await refusal()).toContain("refused the PIN (C_Login: CKR_PIN_INCORRECT (0xa0))");
		for (let restart = 0; restart < 3; restart++) {
			expect(await refusal()).toMatch(/refused this PIN before.* correct the PIN file.* remove .*pin-refused-/);
		}
		expect(logins()).toBe(1);
		const [marker] = await readdir(options.memory as string);
		expect(readFileSync(join(options.memory as string, marker as string), "utf8")).not.toContain("not-the-pin");

		await writeFile(pinFile, `${token.pin}\n`);
		const agent = await startAgent(options);
		try {
			await agent.keys.check();
			expect(logins()).toBe(1 + right);
			// The same under a running agent, whose recovery finds another PIN in the file.
			await writeFile(pinFile, "nor-this-one\n");
			await takeAway(token);
			const calls = Array.from({ length: 20 }, () => agent.keys.sign("profile", "sha256", message));
			await pause(300);
			await putBack(token);
			for (const outcome of await Promise.allSettled(calls)) {
				expect(outcome).toMatchObject({ status: "rejected", reason: { code: "config" } });
			}
			for (let call = 0; call < 10; call++) {
				await expect(agent.keys.sign("profile", "sha256", message)).rejects.toMatchObject({ code: "config" });
			}
			said.push(agent.log().split('"state":"refused"')[1]?.split("\n")[0] ?? "");
			expect(logins()).toBe(2 + right);
			await agent.kill();
			await expect(agent.restart()).rejects.toMatchObject({ code: "config" });
			expect(logins()).toBe(2 + right);
			expect(agent.log()).not.toContain("nor-this-one");
		} finally {
			await agent.stop();
		}
	});

	it("bars one token, not the next", async () => {
		const place = join(dir, "next");
		await mkdir(place, { recursive: true });
		const token = await makeToken(place);
		const pinFile = join(place, "agent-pin");
		await writeFile(pinFile, "wrong-pin\n");
		const uri = formatUri({ ...parseUri(token.uri("ca")), pinFile });
		const options: AgentOptions = { dir: place, token, roles: { ca: { uri } }, memory: join(place, "refused") };
		await expect(startAgent(options)).rejects.toMatchObject({ code: "config" });
		for (const name of await readdir(token.directory)) {
			await rm(join(token.directory, name), { recursive: true, force: true });
		}
		await token.must({ do: "init", soPin: randomBytes(8).toString("hex") });
		await expect(startAgent(options)).rejects.toMatchObject({ message: expect.stringContaining("(C_Login: ") });
	});
});

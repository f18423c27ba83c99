/** The agent behind mutual TLS: who is let in, who is not and what each side says about it. */
import { randomBytes, verify, X509Certificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { makeCertificates } from "../../bin/agent-certificates.ts";
import { connectAgent } from "../../hsm/client.ts";
import { FrameReader, frame } from "../../hsm/frames.ts";
import { decodeResponse, encodeRequest, type Response } from "../../hsm/protocol.ts";
import type { TlsIdentity } from "../../hsm/tls.ts";
import type { Log } from "../../lib/ports.ts";
import { selfSigned } from "../harness/certificate.ts";
import { freePorts } from "../harness/server.ts";
import { basicConstraints, tbsCertificate } from "../harness/to-be-signed.ts";
import { makeKeys, makeToken, startAgent, type TestAgent, type TestToken } from "../harness/token.ts";

let dir: string;
let token: TestToken;
let agent: TestAgent;
let port: number;
let certificate: Uint8Array;

const now = new Date();
const set = makeCertificates(["localhost", "127.0.0.1"], now);
const other = makeCertificates(["localhost"], now);
const past = makeCertificates(["localhost"], new Date(now.getTime() - 500 * 86_400_000));
const client: TlsIdentity = { certificate: set.client, key: set.clientKey, ca: set.ca };

beforeAll(async () => {
	dir = await mkdtemp(join(tmpdir(), "ota-tls-"));
	token = await makeToken(dir);
	const spkis = await makeKeys(token);
	certificate = await selfSigned(token, "ca", spkis.ca);
	[port] = await freePorts(1);
	agent = await startAgent({
		dir,
		token,
		roles: { ca: { certificate }, ra: {}, seal: {} },
		// The client's CA beside that of an expired set: a client of that one fails by its date alone.
		remote: {
			port,
			agent: { certificate: set.agent, key: set.agentKey, ca: `${set.ca}${past.ca}` },
			client,
		},
	});
});
afterAll(async () => {
	await agent?.stop();
	await rm(dir, { recursive: true, force: true });
});

/** What a call with these credentials is refused with, and what was logged on this side. */
async function refusal(tls: TlsIdentity, address = agent.address): Promise<{ code: string; message: string }> {
	const keys = connectAgent({ address, tls, deadline: 3000 });
	try {
		return await keys.check().then(
			() => ({ code: "served", message: "" }),
			(error) => error,
		);
	} finally {
		await keys.close();
	}
}

/** Resolves once the agent has logged it. */
async function logged(what: RegExp): Promise<void> {
	const end = performance.now() + 5000;
	while (!what.test(agent.log())) {
		if (performance.now() > end) throw new Error(`${what} did not come:\n${agent.log()}`);
		await new Promise((done) => setTimeout(done, 20));
	}
}

describe("a client of the agent's CA", () => {
	it("signs, unwraps and seals, by name and by address", async () => {
		const message = tbsCertificate();
		const signature = await agent.keys.sign("ca", "sha256", message);
		expect(verify("sha256", message, new X509Certificate(certificate).publicKey, signature)).toBe(true);
		const secret = Buffer.from("secret");
		expect(Buffer.from(await agent.keys.open(await agent.keys.seal(secret, "a"), "a"))).toEqual(secret);
		expect(await agent.keys.unwrap(randomBytes(256), 16)).toHaveLength(16);
		const byAddress = connectAgent({ address: `tls://127.0.0.1:${port}`, tls: client });
		await byAddress.check();
		await byAddress.close();
		expect(agent.log()).toContain("CN=next-ota web");
	});

	it("shares the agent with others, many calls at a time", async () => {
		const clients = Array.from({ length: 4 }, () => connectAgent({ address: agent.address, tls: client }));
		const message = tbsCertificate();
		const all = clients.flatMap((keys) => Array.from({ length: 50 }, () => keys.sign("ca", "sha256", message)));
		const { publicKey } = new X509Certificate(certificate);
		for (const signature of await Promise.all(all)) expect(verify("sha256", message, publicKey, signature)).toBe(true);
		await Promise.all(clients.map((keys) => keys.close()));
	});

	it("has no more rights than on a unix socket", async () => {
		for (const message of [
			randomBytes(32),
			tbsCertificate({ extensions: [basicConstraints(Uint8Array.of(1, 1, 255))] }),
		]) {
			await expect(agent.keys.sign("ca", "sha256", message)).rejects.toMatchObject({ code: "hsm_refused" });
		}
		await expect(agent.keys.sign("profile", "sha256", randomBytes(32))).rejects.toMatchObject({ code: "hsm_refused" });
	});

	it("finds the agent again after its death, without a failed call", async () => {
		const calls = Array.from({ length: 100 }, () => agent.keys.sign("ra", "sha256", randomBytes(32)));
		await agent.kill();
		await agent.restart();
		expect(await Promise.all(calls)).toHaveLength(100);
	});
});

describe("a client that is not", () => {
	it.each([
		["of another CA", { certificate: other.client, key: other.clientKey, ca: set.ca }, "SELF_SIGNED|UNABLE_TO"],
		["that has expired", { certificate: past.client, key: past.clientKey, ca: set.ca }, "CERT_HAS_EXPIRED"],
		["that is the agent's own", { certificate: set.agent, key: set.agentKey, ca: set.ca }, "INVALID_PURPOSE"],
	])("is refused: a certificate %s", async (_, tls, reason) => {
		await new Promise((done) => setTimeout(done, 1100));
		expect(await refusal(tls)).toMatchObject({
			code: "config",
			message: expect.stringContaining("did not accept this client's certificate; its log (hsm.peer_refused)"),
		});
		await logged(new RegExp(`"hsm.peer_refused","peer":"127.0.0.1".*(${reason})`));
		await expect(agent.keys.check()).resolves.toBeUndefined();
	});

	it("knows by its own clock that it has expired", async () => {
		const tls = { certificate: past.client, key: past.clientKey, ca: set.ca };
		const keys = connectAgent({ address: agent.address, tls, clock: () => new Date() });
		await expect(keys.check()).rejects.toMatchObject({
			code: "config",
			message: expect.stringContaining("has expired"),
		});
	});

	it("does not take another for its agent", async () => {
		const foreign = { certificate: set.client, key: set.clientKey, ca: other.ca };
		expect(await refusal(foreign)).toMatchObject({ code: "config", message: expect.stringContaining("wrong CA") });
		const named = await refusal(client, `tls://127.0.0.2:${port}`);
		// Elsewhere than on Linux nobody has that address.
		if (process.platform !== "linux") expect(named.code).toBe("hsm_unavailable");
		else
			expect(named).toMatchObject({ code: "config", message: expect.stringContaining("ERR_TLS_CERT_ALTNAME_INVALID") });
	});

	it("tells credentials that cannot be used, all at once", () => {
		const tls = { certificate: "x", key: set.agentKey, ca: "" };
		expect(() => connectAgent({ address: agent.address, tls })).toThrow(
			expect.objectContaining({
				code: "config",
				faults: [expect.stringContaining("_CERT"), expect.stringContaining("_CA")],
			}),
		);
		expect(() => connectAgent({ address: agent.address, tls: { ...client, key: set.agentKey } })).toThrow(
			/is not the key of/,
		);
		expect(() => connectAgent({ address: agent.address })).toThrow(expect.objectContaining({ code: "config" }));
	});
});

/** A raw TLS client: what the agent answered until it closed or `count` responses have come, and how it ended. */
function speak(
	options: ConnectionOptions,
	bytes: Uint8Array,
	count: number,
): Promise<{ responses: Response[]; ended: string }> {
	return new Promise((resolve) => {
		const socket: TLSSocket = connect({ host: "localhost", port, ca: set.ca, servername: "localhost", ...options });
		const reader = new FrameReader();
		const responses: Response[] = [];
		let ended = "closed";
		socket.on("secureConnect", () => socket.write(bytes));
		socket.on("data", (chunk: Buffer) => {
			responses.push(...reader.push(chunk).map(decodeResponse));
			if (responses.length >= count) socket.end();
		});
		socket.on("error", (error: NodeJS.ErrnoException) => {
			ended = String(error.code);
		});
		socket.on("close", () => resolve({ responses, ended }));
	});
}

const own = { cert: set.client, key: set.clientKey };
const check = frame(
	...encodeRequest({ id: 7, role: "agent", operation: "check", deadline: 5000, body: new Uint8Array() }),
);

describe("on the wire", () => {
	it("the agent speaks first, and then answers", async () => {
		const { responses } = await speak(own, check, 2);
		expect(responses.map(({ id, status }) => [id, status])).toEqual([
			[0, "ok"],
			[7, "ok"],
		]);
	});

	it("nobody without a certificate hears a word", async () => {
		const { responses, ended } = await speak({}, check, 1);
		expect([responses, ended]).toEqual([[], expect.stringMatching(/ALERT_CERTIFICATE_REQUIRED|ECONNRESET|EPIPE/)]);
	});

	it("nothing older than TLS 1.3 is spoken", async () => {
		const { responses, ended } = await speak({ ...own, minVersion: "TLSv1.2", maxVersion: "TLSv1.2" }, check, 1);
		expect([responses, ended]).toEqual([[], expect.stringMatching(/PROTOCOL_VERSION/)]);
	});

	it.each([
		["another version", () => Buffer.from(check.map((octet, index) => (index === 4 ? 9 : octet))), "version"],
		["an unknown role", () => Buffer.from(check.map((octet, index) => (index === 10 ? 9 : octet))), "malformed"],
		["an oversized frame", () => Buffer.from("ffffffff00", "hex"), "malformed"],
		["an empty frame", () => Buffer.alloc(4), "malformed"],
		["HTTP", () => Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "malformed"],
	])("%s ends the connection with a word", async (_, bytes, status) => {
		const { responses } = await speak(own, bytes(), 3);
		expect(responses.map((response) => [response.id, response.status])).toEqual([
			[0, "ok"],
			[0, status],
		]);
		expect(Buffer.from(responses[1]?.body ?? []).toString()).not.toBe("");
		await expect(agent.keys.check()).resolves.toBeUndefined();
	});

	it("strangers by the hundred keep nobody out", async () => {
		const strangers = Array.from({ length: 300 }, () =>
			connectTcp({ host: "127.0.0.1", port }).on("error", () => undefined),
		);
		const plain = connectTcp({ host: "127.0.0.1", port }).on("error", () => undefined);
		plain.write("not TLS at all\r\n\r\n");
		await new Promise((done) => setTimeout(done, 200));
		const keys = connectAgent({ address: agent.address, tls: client });
		const message = tbsCertificate();
		expect(await keys.sign("ca", "sha256", message)).toHaveLength(256);
		await keys.close();
		const left = strangers.filter((socket) => !socket.closed && !socket.destroyed);
		expect(left.length).toBeLessThanOrEqual(32);
		for (const socket of [...strangers, plain]) socket.destroy();
	});

	it("a client tells of its loss and of the way back", async () => {
		const lines: string[] = [];
		const tell = (event: string, fields?: object): void => void lines.push(JSON.stringify({ event, ...fields }));
		const log: Log = { info: tell, warn: tell, error: tell };
		const keys = connectAgent({ address: agent.address, tls: client, log });
		await keys.check();
		await agent.kill();
		await agent.restart();
		await keys.check();
		await keys.close();
		expect(lines.map((line) => JSON.parse(line).event)).toEqual(["hsm.connected", "hsm.lost", "hsm.connected"]);
	});
});

describe("an agent's own credentials", () => {
	const start = (identity: TlsIdentity) =>
		startAgent({
			dir,
			token,
			roles: { ra: {} },
			remote: { port, agent: identity, client },
		});

	it.each([
		["an expired certificate", { certificate: past.agent, key: past.agentKey, ca: set.ca }, "has expired"],
		["another's key", { certificate: set.agent, key: other.agentKey, ca: set.ca }, "is not the key of"],
		["no CA", { certificate: set.agent, key: set.agentKey, ca: "none" }, "tls.ca"],
		[
			"a port that is taken",
			{ certificate: set.agent, key: set.agentKey, ca: set.ca },
			"cannot listen at tls://0.0.0.0",
		],
	])("are refused at the start: %s", async (_, identity, words) => {
		await expect(start(identity)).rejects.toMatchObject({ code: "config", message: expect.stringContaining(words) });
	});
});

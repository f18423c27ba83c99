/** The TLS socket's bounds, and how a client takes a remote agent that is full, silent or slow. */
import { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import { connect as connectTcp } from "node:net";
import { connect, createServer } from "node:tls";
import { afterEach, describe, expect, it } from "@jest/globals";
import { makeCertificates } from "../../bin/agent-certificates.ts";
import type { Listener } from "../../hsm/agent/listen.ts";
import { listenTls, type TlsListenOptions } from "../../hsm/agent/listen-tls.ts";
import { connectAgent } from "../../hsm/client.ts";
import { FrameReader, frame } from "../../hsm/frames.ts";
import { decodeRequest, encodeResponse } from "../../hsm/protocol.ts";
import { tlsOptions } from "../../hsm/tls.ts";
import { freePorts } from "../harness/server.ts";

const set = makeCertificates(["localhost"], new Date());
const credentials = tlsOptions({ certificate: set.agent, key: set.agentKey, ca: set.ca });
const tls = { certificate: set.client, key: set.clientKey, ca: set.ca };
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

let port: number;
let listener: Listener;
const sockets: Socket[] = [];
const clients: { close(): Promise<void> }[] = [];
afterEach(async () => {
	for (const client of clients.splice(0)) await client.close();
	for (const socket of sockets.splice(0)) socket.destroy();
	await listener.close();
});

/** An agent whose connections are `serve`d; they gather in `sockets`. */
async function start(serve: (socket: Socket) => void, options: Partial<TlsListenOptions> = {}): Promise<void> {
	[port] = await freePorts(1);
	listener = await listenTls({ host: "127.0.0.1", port, credentials, log, ...options }, (socket) => {
		sockets.push(socket);
		socket.on("error", () => undefined);
		serve(socket);
	});
}

function client(deadline?: number) {
	const keys = connectAgent({ address: `tls://localhost:${port}`, tls, deadline });
	clients.push(keys);
	return keys;
}

/** Answers every request with ok. */
function obliging(socket: Socket): void {
	const reader = new FrameReader();
	socket.on("data", (chunk: Buffer) => {
		for (const request of reader.push(chunk).map(decodeRequest)) {
			socket.write(frame(...encodeResponse({ id: request.id, status: "ok", body: new Uint8Array() })));
		}
	});
}

const closed = (socket: Socket | undefined): Promise<void> =>
	new Promise((done) => socket?.once("close", () => done()));

describe("the TLS socket", () => {
	it("tells a client over the limit that it is busy, and takes it once there is room", async () => {
		await start(obliging, { maxClients: 1 });
		await client().check();
		const second = client();
		await expect(second.check()).rejects.toMatchObject({
			code: "hsm_busy",
			message: expect.stringContaining("1 clients"),
		});
		const [first] = sockets;
		first?.destroy();
		await closed(first);
		await expect(second.check()).resolves.toBeUndefined();
	});

	it("refuses a client whose certificate comes from the devices' CA, whatever its anchors allow", async () => {
		const deviceCas = [new X509Certificate(set.ca).raw];
		await start(obliging, { deviceCas });
		await expect(client(1000).check()).rejects.toMatchObject({ code: "config" });
		expect(sockets).toEqual([]);
	});

	it("drops a client that is silent for long, and the next call comes through all the same", async () => {
		await start(obliging, { idleTimeout: 100 });
		const keys = client();
		await keys.check();
		await closed(sockets[0]);
		await keys.check();
		expect(sockets).toHaveLength(2);
	});

	it("drops who does not begin a handshake", async () => {
		await start(obliging, { handshakeTimeout: 100 });
		const stranger = connectTcp({ host: "127.0.0.1", port });
		stranger.on("error", () => undefined);
		await closed(stranger.resume());
		await client().check();
		expect(sockets).toHaveLength(1);
	});
});

/** What a raw client sees: whether its session was resumed, a session to resume, or how it ended. */
function visit(
	session: Buffer | undefined,
	more: object,
): Promise<{ isReused?: boolean; session?: Buffer; ended?: string }> {
	return new Promise((resolve) => {
		const socket = connect({ host: "127.0.0.1", port, servername: "localhost", ca: set.ca, session, ...more });
		let fresh: Buffer | undefined;
		socket.on("session", (given: Buffer) => {
			fresh = given;
		});
		socket.on("data", () => {
			resolve({ isReused: socket.isSessionReused(), session: fresh ?? socket.getSession() });
			socket.destroy();
		});
		socket.on("error", (error: NodeJS.ErrnoException) => resolve({ ended: String(error.code) }));
	});
}

describe("a session of before", () => {
	it("does not take the place of a certificate", async () => {
		await start(obliging);
		const own = { cert: set.client, key: set.clientKey };
		const first = await visit(undefined, own);
		expect(await visit(first.session, own)).toMatchObject({ isReused: false });
		expect(await visit(first.session, {})).toEqual({ ended: expect.stringMatching(/CERTIFICATE_REQUIRED|ECONNRESET/) });
	});
});

describe("a client of a remote agent", () => {
	it("gives a connection up on which nothing is heard for a whole deadline", async () => {
		let isDeaf = true;
		await start((socket) => (isDeaf ? socket.resume() : obliging(socket)));
		const keys = client(200);
		await expect(keys.check()).rejects.toMatchObject({
			code: "hsm_unavailable",
			message: expect.stringContaining("no answer"),
		});
		isDeaf = false;
		await keys.check();
		expect(sockets).toHaveLength(2);
	});

	it("keeps one connection for many calls", async () => {
		await start(obliging);
		const keys = client();
		await Promise.all(Array.from({ length: 100 }, () => keys.check()));
		expect(sockets).toHaveLength(1);
	});

	it("takes no agent for one that does not speak first", async () => {
		await start(obliging);
		const [other] = await freePorts(1);
		const mute = createServer(
			{ ...credentials, requestCert: true },
			(socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
		);
		await new Promise<void>((done) => mute.listen(other, "127.0.0.1", done));
		const keys = connectAgent({ address: `tls://localhost:${other}`, tls });
		await expect(keys.check()).rejects.toMatchObject({ code: "malformed" });
		await keys.close();
		await new Promise((done) => mute.close(done));
	});
});

/**
 * A client's way to its agent: a socket that the agent has accepted. Over TLS the agent speaks first (README: frames), since
 * in TLS 1.3 a client is connected before its certificate was looked at.
 */
import { createConnection, isIP, type Socket } from "node:net";
import { connect, type SecureContextOptions } from "node:tls";
import { asOtaError, OtaError } from "../lib/errors.ts";
import type { Clock } from "../lib/ports.ts";
import type { Address } from "./address.ts";
import { FrameReader } from "./frames.ts";
import { decodeResponse, statusCodes } from "./protocol.ts";
import { type TlsIdentity, tlsOptions, validUntil } from "./tls.ts";

/** An agent and how to reach it. */
export type Target =
	| { kind: "unix"; where: string; path: string }
	| { kind: "tls"; where: string; host: string; port: number; options: SecureContextOptions; isExpired(): boolean };

/** `config` when a credential is missing or cannot be used. The clock tells an expired certificate of ours before the agent does. */
export function targetOf(address: Address, tls?: TlsIdentity, clock?: Clock): Target {
	if (address.kind === "unix") return { ...address, where: address.path };
	if (!tls) throw new OtaError("config", "an agent at tls:// takes a client certificate, its key and a CA");
	const options = tlsOptions(tls);
	const until = validUntil(tls.certificate);
	const { host, port } = address;
	const where = `tls://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
	return { kind: "tls", where, host, port, options, isExpired: () => clock !== undefined && clock() > until };
}

/** Milliseconds for connection, handshake and the agent's word. */
const patience = 5000;

/** Resolves with a socket that the agent listens to; `hsm_unavailable`, or `config` when a certificate is at fault. */
export function dial(target: Target): Promise<Socket> {
	return target.kind === "unix" ? dialUnix(target.path) : dialTls(target);
}

function dialUnix(path: string): Promise<Socket> {
	return new Promise((resolve, reject) => {
		const socket: Socket = createConnection({ path, onread: { buffer: Buffer.alloc(65_536), callback: received } });
		// Node would take 64 KiB from the heap for each answer of some three hundred octets.
		function received(length: number, buffer: Uint8Array): boolean {
			return socket.emit("data", Buffer.from(buffer.subarray(0, length)));
		}
		const refuse = (error: NodeJS.ErrnoException): void => {
			socket.destroy();
			reject(away(path, error));
		};
		socket.once("error", refuse);
		socket.once("connect", () => {
			socket.off("error", refuse);
			resolve(socket);
		});
	});
}

const away = (where: string, error: NodeJS.ErrnoException): OtaError =>
	new OtaError("hsm_unavailable", `no HSM agent at ${where} (${error.code ?? error.message})`, { cause: error });

function dialTls(target: Target & { kind: "tls" }): Promise<Socket> {
	const { host, port, where, options } = target;
	if (target.isExpired()) {
		return Promise.reject(new OtaError("config", `the client certificate for the HSM agent at ${where} has expired`));
	}
	return new Promise((resolve, reject) => {
		// By name or by address, whichever the operator wrote: the agent's certificate must carry it.
		const socket = connect({
			...options,
			host,
			port,
			rejectUnauthorized: true,
			...(!isIP(host) && { servername: host }),
		});
		const settle = (): void => {
			socket.off("data", onData).off("error", onError).off("close", onClose).off("timeout", onTimeout);
		};
		const refuse = (error: OtaError): void => {
			settle();
			socket.on("error", () => undefined).destroy();
			reject(error);
		};
		const onData = greeting(where, refuse, () => {
			settle();
			resolve(socket.setTimeout(0).setNoDelay(true).setKeepAlive(true, 15_000));
		});
		const onError = (error: Error): void => refuse(failureOf(where, error, socket.authorized));
		const onClose = (): void => refuse(socket.authorized ? notAccepted(where) : away(where, new Error("closed")));
		const onTimeout = (): void => refuse(away(where, new Error(`no answer in ${patience} ms`)));
		socket.on("data", onData).on("error", onError).on("close", onClose).on("timeout", onTimeout).setTimeout(patience);
	});
}

/** Reads the agent's first response: ok, or why it will not serve. */
function greeting(where: string, refuse: (error: OtaError) => void, accept: () => void): (chunk: Buffer) => void {
	const reader = new FrameReader();
	return (chunk) => {
		try {
			const [first] = reader.push(chunk);
			if (!first) return;
			const { status, body } = decodeResponse(first);
			if (status === "ok") accept();
			else
				refuse(new OtaError(statusCodes[status], `the HSM agent at ${where}: ${Buffer.from(body).toString("utf8")}`));
		} catch (error) {
			refuse(asOtaError(error));
		}
	};
}

const notAccepted = (where: string): OtaError =>
	new OtaError(
		"config",
		`the HSM agent at ${where} did not accept this client's certificate; its log (hsm.peer_refused) says why`,
	);

/** Of a TLS connection that failed: whose certificate it was, or nobody's fault. */
function failureOf(where: string, error: NodeJS.ErrnoException, isAuthorized: boolean): OtaError {
	const code = error.code ?? error.message;
	// The agent has proven itself; what it ended the handshake for is us.
	if (isAuthorized) return notAccepted(where);
	if (/^(ERR_TLS_CERT|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|INVALID_|HOSTNAME)/.test(code)) {
		const words = `${where} shows a certificate that is not the HSM agent's (${code}): wrong CA, wrong name, or out of its time`;
		return new OtaError("config", words, { cause: error });
	}
	return away(where, error);
}

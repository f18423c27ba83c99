/**
 * The server's own no, before any step: problem+json with a code, one short line in the log, and a connection that
 * closes so that the answer arrives.
 */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Code, OtaError } from "../lib/errors.ts";
import { problem } from "../lib/http/answers.ts";
import type { Log, Random } from "../lib/ports.ts";

interface Ports {
	log: Log;
	random: Random;
}

/** @param path without its query */
export function connectionRefusal(code: Code, why: string, path: string, ports: Ports): Response {
	const response = problem(new OtaError(code, why), path, ports);
	// RFC 9110 section 15.5.22: a 426 names the protocol to use.
	if (code === "upgrade") response.headers.set("upgrade", "HTTP/1.1");
	return response;
}

/** What of a request target may stand in the log. */
export const loggedPath = (target: string | undefined): string => (target ?? "").split("?", 1)[0]?.slice(0, 80) ?? "";

/** Writes an answer on a bare socket, where Node made no ServerResponse, and ends the connection. */
export async function answerSocket(socket: Duplex, response: Response): Promise<void> {
	const body = Buffer.from(await response.arrayBuffer());
	const upgrade = response.headers.has("upgrade") ? ", Upgrade" : "";
	const head = [
		`HTTP/1.1 ${response.status} ${STATUS_CODES[response.status]}`,
		...[...response.headers].map(([name, value]) => `${name}: ${value}`),
		`content-length: ${body.length}`,
		`connection: close${upgrade}`,
	];
	if (socket.writable) socket.write(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1"), body]));
	linger(socket);
}

/** How long what a refused caller still sends is read and thrown away (milliseconds). */
const lingering = 1_000;

/**
 * Ends our side at once and the other a moment later: closing a socket with unread bytes is a reset, and a reset takes
 * the answer away from who is still sending (RFC 9112 section 9.6).
 */
export function linger(socket: Duplex): void {
	socket.end();
	socket.resume();
	setTimeout(() => socket.destroy(), lingering).unref();
}

/** Makes the close after the last answer on this socket a lingering one. */
export function lingerAtEnd(socket: Socket): void {
	socket.destroySoon = () => linger(socket);
}

/** HTTP as bytes on a socket: what no client library would send, and whether the other end closes. */
import { createConnection, type Socket } from "node:net";

export interface RawAnswer {
	/** Of the first answer; 0 without one. */
	status: number;
	/** Of the first answer, names in lower case. */
	headers: Headers;
	/** Everything after the first answer's headers. */
	body: string;
	/** The other end ended the connection, and how it did. */
	ended: "end" | "reset" | "not";
	ms: number;
}

export interface RawOptions {
	/** Written in this order, with a pause between (milliseconds). */
	parts?: Iterable<string | Uint8Array>;
	pause?: number;
	/** How long to wait for the other end to close (milliseconds). */
	patience?: number;
}

/** Writes and reads until the other end closes or the patience is over. */
export async function rawExchange(port: number, first: string, options: RawOptions = {}): Promise<RawAnswer> {
	const { parts = [], pause = 0, patience = 3_000 } = options;
	const started = performance.now();
	const socket = await connected(port);
	let text = "";
	let ended: RawAnswer["ended"] = "not";
	socket.setEncoding("latin1").on("data", (chunk: string) => {
		text += chunk;
	});
	const over = new Promise<void>((done) => {
		socket.once("end", () => {
			ended = "end";
			done();
		});
		socket.once("error", () => {
			ended = "reset";
			done();
		});
		setTimeout(done, patience).unref();
	});
	socket.write(first, "latin1");
	void writeAll(socket, parts, pause, () => ended === "not");
	await over;
	const ms = performance.now() - started;
	socket.destroy();
	return { ...parse(text), ended, ms };
}

export function connected(port: number): Promise<Socket> {
	const socket = createConnection({ port, host: "127.0.0.1" });
	return new Promise((resolve, reject) => {
		socket.once("error", reject).once("connect", () => {
			socket.removeListener("error", reject);
			resolve(socket);
		});
	});
}

async function writeAll(socket: Socket, parts: RawOptions["parts"], pause: number, goesOn: () => boolean) {
	for (const part of parts ?? []) {
		await new Promise((done) => setTimeout(done, pause));
		if (!goesOn() || socket.destroyed) return;
		socket.write(part);
	}
}

function parse(text: string): Pick<RawAnswer, "status" | "headers" | "body"> {
	const end = text.indexOf("\r\n\r\n");
	const [line = "", ...fields] = text.slice(0, Math.max(end, 0)).split("\r\n");
	const headers = new Headers();
	for (const field of fields) headers.append(field.slice(0, field.indexOf(":")), field.slice(field.indexOf(":") + 1));
	return { status: Number(line.split(" ")[1] ?? 0), headers, body: end < 0 ? text : text.slice(end + 4) };
}

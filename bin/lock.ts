/** One `up` per data directory: a socket that its holder listens on, so that a holder that was killed holds nothing. */
import { rm } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";

/** Takes the lock; answers what releases it, or the process id of its holder. */
export async function takeLock(dataDir: string): Promise<{ release(): Promise<void> } | { heldBy: string }> {
	const path = join(dataDir, "up.sock");
	const heldBy = await askHolder(path);
	if (heldBy !== null) return { heldBy };
	await rm(path, { force: true });
	const server = await listen(path);
	return { release: () => new Promise((done) => server.close(() => done())) };
}

function askHolder(path: string): Promise<string | null> {
	return new Promise((resolve) => {
		let answer = "";
		const socket = connect(path);
		socket.setEncoding("utf8").setTimeout(1_000, () => socket.destroy());
		socket.on("data", (text) => {
			answer += text;
		});
		socket.on("connect", () => socket.once("close", () => resolve(answer.trim() || "unknown")));
		socket.on("error", () => resolve(null));
	});
}

function listen(path: string): Promise<Server> {
	const server = createServer((socket) => socket.on("error", () => undefined).end(`${process.pid}\n`));
	return new Promise((resolve, reject) => {
		server.once("error", reject).listen(path, () => resolve(server.unref()));
	});
}

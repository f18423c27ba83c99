/** The certmonger daemon on a socket and in folders of its own, without a bus, and `getcert` to talk to it. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import type { CertificateServer } from "./certificate-server.ts";
import { findProgram, runWell, until } from "./programs.ts";
import type { Held } from "./strongswan.ts";

export class Certmonger {
	private readonly env: Record<string, string>;
	private readonly socket: string;
	private readonly daemon: ChildProcess;

	constructor(private readonly server: CertificateServer) {
		this.socket = server.path("certmonger.sock");
		this.env = {
			CERTMONGER_SYSTEM_LOCK_FILE: server.path("certmonger.lock"),
			CERTMONGER_PVT_ADDRESS: `unix:path=${this.socket}`,
		};
		for (const name of ["CONFIG_DIR", "REQUESTS_DIR", "CAS_DIR", "LOCAL_CA_DIR", "TMPDIR"]) {
			const folder = server.path(`certmonger-${name}`);
			mkdirSync(folder);
			this.env[`CERTMONGER_${name}`] = folder;
		}
		const args = ["--nofork", "--only-listening-socket", `--listening-socket-path=${this.socket}`];
		const env = { ...process.env, ...this.env };
		this.daemon = spawn(findProgram("certmonger") as string, args, { env, stdio: "ignore" });
	}

	/** The server becomes its CA "ota": GetCACaps and GetCACert. */
	async connect(): Promise<void> {
		await until("certmonger's socket", () => (existsSync(this.socket) ? true : null));
		await this.getcert("add-scep-ca", "-c", "ota", "-u", this.server.scep);
		await until("certmonger's GetCACert", async () =>
			(await this.getcert("list-cas", "-c", "ota")).includes("thumbprint") ? true : null,
		);
	}

	/** A new key and its request, not waited for. */
	async request(name: string, challenge: string): Promise<Held> {
		const [key, certificate] = [this.server.path(`${name}.key`), this.server.path(`${name}.pem`)];
		const files = ["-k", key, "-f", certificate, "-I", name];
		await this.getcert("request", "-c", "ota", ...files, "-N", `CN=${name}`, "-D", name, "-L", challenge, "-R");
		return { key, certificate };
	}

	/** Until it says what is wanted; all that it says then. */
	status(name: string, wanted: RegExp): Promise<string> {
		return until(`certmonger's ${wanted}`, async () => {
			const said = await this.getcert("list", "-i", name);
			return wanted.test(said) ? said : null;
		});
	}

	async getcert(...args: readonly string[]): Promise<string> {
		return (await runWell("getcert", args, this.env)).stdout;
	}

	async stop(): Promise<void> {
		if (this.daemon.exitCode !== null) return;
		const ended = new Promise((resolve) => this.daemon.once("exit", resolve));
		this.daemon.kill("SIGTERM");
		await ended;
	}
}

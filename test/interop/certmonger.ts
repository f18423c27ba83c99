/** The certmonger daemon on a socket and in folders of its own, without a bus, and `getcert` to talk to it. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import type { CertificateServer } from "./certificate-server.ts";
import { findProgram, runWell, until } from "./programs.ts";
import type { Held } from "./strongswan.ts";

export class Certmonger {
	private readonly env: Record<string, string>;

	private constructor(
		private readonly server: CertificateServer,
		private readonly daemon: ChildProcess,
		env: Record<string, string>,
	) {
		this.env = env;
	}

	/** Running, and with the server as its CA "ota": GetCACaps and GetCACert are done. */
	static async start(server: CertificateServer): Promise<Certmonger> {
		const env: Record<string, string> = {
			CERTMONGER_SYSTEM_LOCK_FILE: server.path("certmonger.lock"),
			CERTMONGER_PVT_ADDRESS: `unix:path=${server.path("certmonger.sock")}`,
		};
		for (const folder of ["CONFIG", "REQUESTS", "CAS", "LOCAL_CA"]) {
			env[`CERTMONGER_${folder}_DIR`] = server.path(`certmonger-${folder}`);
			mkdirSync(server.path(`certmonger-${folder}`));
		}
		mkdirSync(server.path("certmonger-tmp"));
		env.CERTMONGER_TMPDIR = server.path("certmonger-tmp");
		const socket = server.path("certmonger.sock");
		const args = ["--nofork", "--only-listening-socket", `--listening-socket-path=${socket}`];
		const daemon = spawn(findProgram("certmonger") as string, args, {
			env: { ...process.env, ...env },
			stdio: "ignore",
		});
		const started = new Certmonger(server, daemon, env);
		await until("certmonger's socket", () => (existsSync(socket) ? true : null));
		await started.getcert("add-scep-ca", "-c", "ota", "-u", server.scep);
		await until("certmonger's GetCACert", async () =>
			(await started.getcert("list-cas", "-c", "ota")).includes("thumbprint") ? true : null,
		);
		return started;
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
		const ended = new Promise((resolve) => this.daemon.once("exit", resolve));
		this.daemon.kill("SIGTERM");
		await ended;
	}
}

/**
 * The server as `npm run up` has it, at one address through two lives: in the first its clock is behind, so that what it issues
 * is due for renewal, and it takes 3DES and SHA-1; in the second it is today, and an operator approves first enrollments.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DatabaseClient, openDatabase } from "../../prisma/client.ts";
import { runOta } from "../harness/ota-command.ts";
import { freePorts, startServer, type TestServer } from "../harness/server.ts";
import { until } from "./programs.ts";

/** Certificates live 398 days and may be renewed in the last 30 of them: these have 18 left. */
const behind = 380 * 86_400_000;

export class CertificateServer {
	/** Of whatever the clients keep. */
	readonly folder = mkdtempSync(join(tmpdir(), "ota-interop-"));
	private server: TestServer | null = null;
	private shift = 0;

	private constructor(
		readonly url: string,
		private readonly ports: Readonly<Record<string, string>>,
	) {}

	static async start(): Promise<CertificateServer> {
		const [port, idpPort] = await freePorts();
		const url = `http://localhost:${port}`;
		const ports = { PORT: String(port), OTA_IDP_PORT: String(idpPort), OTA_BASE_URL: url };
		const started = new CertificateServer(url, ports);
		started.shift = -behind;
		started.server = await startServer({ env: { ...ports, ...started.clock(), OTA_LEGACY_SCEP: "on" } });
		return started;
	}

	/** Again, on the same data and address, with today's clock. */
	async startToday(): Promise<void> {
		const { dataDir, end } = this.running();
		await end();
		this.shift = 0;
		this.server = await startServer({ dataDir, env: { ...this.ports, OTA_APPROVAL: "manual" } });
	}

	get scep(): string {
		return `${this.url}/scep`;
	}

	/** `ota ...` beside the server, at its time; what it printed. */
	ota(...args: string[]): string {
		const { dataDir } = this.running();
		const { status, stdout, stderr } = runOta(args, this.folder, {
			...this.ports,
			OTA_DATA_DIR: dataDir,
			...this.clock(),
		});
		if (status !== 0) throw new Error(`ota ${args.join(" ")} ended with ${status}:\n${stdout}${stderr}`);
		return stdout;
	}

	/** A challenge for the machine of this name. */
	challenge(name: string): string {
		return this.ota("scep", "challenge", "--subject", `CN=${name},O=Example`, "--dns", name).trim();
	}

	/** Decides the one request that waits, once it does. */
	async decide(decision: "approve" | "refuse"): Promise<void> {
		const id = await until("a request that waits for approval", () => this.waiting()[0] ?? null);
		this.ota("approvals", decision, id);
	}

	/** Ids of the requests that wait. */
	waiting(): string[] {
		const list = JSON.parse(this.ota("approvals", "list", "--json")) as { id: string }[];
		return list.map(({ id }) => id);
	}

	/** Of the request that led to this certificate. */
	messageType(serialNumber: string): Promise<number | undefined> {
		const where = { serialNumber: serialNumber.toLowerCase().replace(/^0+/, "") };
		return this.ask(async (client) => {
			const found = await client.certificate.findUnique({ where, include: { transaction: true } });
			return found?.transaction?.messageType;
		});
	}

	isSpent(challenge: string): Promise<boolean> {
		const where = { hash: createHash("sha256").update(challenge).digest("hex") };
		return this.ask(async (client) => (await client.challenge.findUniqueOrThrow({ where })).usedAt !== null);
	}

	/** A path in the folder of the clients. */
	path(name: string): string {
		return join(this.folder, name);
	}

	file(name: string, content: Uint8Array | string): string {
		writeFileSync(this.path(name), content, { mode: 0o600 });
		return this.path(name);
	}

	certificate(name: "root" | "ca" | "ra" | "profile"): string {
		return join(this.running().dataDir, "certs", `${name}.pem`);
	}

	async stop(): Promise<void> {
		await this.server?.stop();
		rmSync(this.folder, { recursive: true, force: true });
	}

	private async ask<T>(question: (client: DatabaseClient) => Promise<T>): Promise<T> {
		const client = await openDatabase(`file:${join(this.running().dataDir, "ota.db")}`);
		try {
			return await question(client);
		} finally {
			await client.$disconnect();
		}
	}

	private running(): TestServer {
		if (!this.server) throw new Error("the server does not run");
		return this.server;
	}

	private clock(): Record<string, string> {
		if (this.shift === 0) return {};
		const hook = new URL("./shifted-clock.mjs", import.meta.url).href;
		return { NODE_OPTIONS: `--import ${hook}`, OTA_TEST_CLOCK_SHIFT: String(this.shift) };
	}
}

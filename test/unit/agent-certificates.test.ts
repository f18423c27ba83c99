import { execFileSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { files, makeCertificates, run } from "../../bin/agent-certificates.ts";
import { readConfig } from "../../lib/config.ts";

let dir: string;
let said: string;
beforeAll(async () => {
	dir = await mkdtemp(join(tmpdir(), "ota-certs-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** The command; its exit code, and in `said` what it wrote. */
async function certs(...args: string[]): Promise<number> {
	said = "";
	const streams = [process.stdout, process.stderr].map((stream) =>
		jest.spyOn(stream, "write").mockImplementation((text) => {
			said += text;
			return true;
		}),
	);
	try {
		return await run(args);
	} finally {
		for (const stream of streams) stream.mockRestore();
	}
}

const hosts = ["hsm.example.com", "10.1.2.3", "fd00::12:0:1"];

describe("ota agent certs", () => {
	it("makes a set, and says what to set where", async () => {
		const set = join(dir, "set");
		expect(await certs("--dir", set, ...hosts.flatMap((host) => ["--host", host]))).toBe(0);
		expect(said).toContain("OTA_HSM_AGENT=tls://hsm.example.com:7443");
		for (const name of Object.values(files)) expect(said.includes(join(set, name))).toBe(true);
		for (const name of [files.agentKey, files.clientKey])
			expect((await stat(join(set, name))).mode & 0o777).toBe(0o600);
		expect((await stat(set)).mode & 0o777).toBe(0o700);
	});

	it("is read by the configuration as it stands there", async () => {
		const [, web = ""] = said.split("web processes are");
		const env = Object.fromEntries([...web.matchAll(/^ {2}(OTA_\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
		expect(Object.keys(env)).toHaveLength(4);
		const texts = new Map<string, string>();
		for (const name of Object.values(files)) {
			texts.set(join(dir, "set", name), await readFile(join(dir, "set", name), "utf8"));
		}
		const { agent } = readConfig(env, (path) => texts.get(path) ?? "", "command");
		expect(agent).toMatchObject({ kind: "tls", host: "hsm.example.com", port: 7443 });
	});

	it("never overwrites", async () => {
		const before = await readFile(join(dir, "set", files.agentKey), "utf8");
		expect(await certs("--dir", join(dir, "set"))).toBe(1);
		expect(said).toContain("There are certificates in");
		expect(await readFile(join(dir, "set", files.agentKey), "utf8")).toBe(before);
	});

	it.each([[], ["--host", "x"], ["--dir"], ["--dir", "/nowhere", "--host", "a b"], ["--dir", "/nowhere", "more"]])(
		"explains itself: %j",
		async (...args) => {
			expect(await certs(...(args as string[]))).toBe(2);
			expect(said).toContain("usage: ota agent certs");
		},
	);
});

describe("the certificates", () => {
	const set = makeCertificates(hosts, new Date());
	const [ca, agent, client] = [set.ca, set.agent, set.client].map((pem) => new X509Certificate(pem));

	it("hold for openssl's strict judgement, each for its purpose alone", async () => {
		for (const name of Object.keys(files) as (keyof typeof files)[]) await writeFile(join(dir, files[name]), set[name]);
		const verify = (purpose: string, name: string): string =>
			execFileSync("openssl", ["verify", "-x509_strict", "-purpose", purpose, "-CAfile", files.ca, name], {
				cwd: dir,
				stdio: "pipe",
			}).toString();
		expect(verify("sslserver", files.agent)).toContain("OK");
		expect(verify("sslclient", files.client)).toContain("OK");
		expect(() => verify("sslclient", files.agent)).toThrow();
		expect(() => verify("sslserver", files.client)).toThrow();
	});

	it("carry every name, and no other", () => {
		for (const host of hosts) {
			expect([host, agent?.checkHost(host) ?? agent?.checkIP(host)]).toEqual([host, host]);
		}
		expect(agent?.checkHost("other.example.com")).toBeUndefined();
		expect(agent?.checkIP("fd00::12:1:1")).toBeUndefined();
		expect(client?.subjectAltName).toBeUndefined();
	});

	it("live 398 days, with keys of their own", () => {
		for (const certificate of [ca, agent, client]) {
			const days = (Date.parse(certificate?.validTo ?? "") - Date.parse(certificate?.validFrom ?? "")) / 86_400_000;
			expect(days).toBe(398);
		}
		expect(agent?.checkPrivateKey(createPrivateKey(set.agentKey))).toBe(true);
		expect(client?.checkPrivateKey(createPrivateKey(set.clientKey))).toBe(true);
		expect(ca?.ca).toBe(true);
		expect(agent?.ca || client?.ca).toBe(false);
	});
});

/** The app without our server around it: `next start` and `ota agent`, as two services of an operator's own. */
import { rm } from "node:fs/promises";
import { get } from "node:http";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createDeviceAuthority } from "../device/index.ts";
import { freePorts, makeDataDir, root } from "../harness/server.ts";
import { type Command, start } from "./command.ts";

let dataDir: string;
let url: string;
let agent: Command;
let next: Command;
beforeAll(async () => {
	dataDir = await makeDataDir();
	createDeviceAuthority(join(dataDir, "device"));
	const [port] = await freePorts();
	url = `http://localhost:${port}`;
	const env = {
		OTA_DATA_DIR: relative(root, dataDir),
		OTA_BASE_URL: url,
		OTA_DEVICE_ROOTS: join(dataDir, "device", "roots.pem"),
		NEXTAUTH_SECRET: "0123456789abcdef0123456789abcdef",
		OIDC_ISSUER: "https://sso.example.com",
		OIDC_CLIENT_ID: "ota",
		OIDC_CLIENT_SECRET: "not the real one",
	};
	for (const command of ["ceremony", "migrate"]) {
		expect(await start(root, ["dist/bin/ota.js", command], env).ended).toBe(0);
	}
	agent = start(root, ["dist/bin/ota.js", "agent"], env);
	next = start(root, ["node_modules/next/dist/bin/next", "start", "-H", "127.0.0.1", "-p", String(port)], env);
	await Promise.all([agent.saw(/hsm\.ready/), next.saw(/Ready in/)]);
});
afterAll(async () => {
	await Promise.all([agent.stop(), next.stop()]);
	await rm(dataDir, { recursive: true, force: true });
});

describe("plain next start beside ota agent", () => {
	it("finds the agent in a data directory that is named by a relative path", async () => {
		const response = await fetch(`${url}/api/health/ready`);
		expect([response.status, await response.json()]).toEqual([200, { status: "ready" }]);
	});

	it("warns, once, that it trusts more device roots than Apple's", async () => {
		await fetch(`${url}/api/health/ready`);
		await fetch(`${url}/`);
		expect(next.output().match(/"level":"warn","event":"config\.device_roots"/g)).toHaveLength(1);
	});

	it.each([
		["POST", "/", "GET, HEAD"],
		["POST", "/enroll", "GET, HEAD"],
		["OPTIONS", "/enroll", "GET, HEAD"],
		["DELETE", "/CA", "GET, HEAD"],
		["GET", "/profile", "POST"],
		["HEAD", "/profile", "POST"],
		["PATCH", "/profile", "POST"],
		["PUT", "/scep?operation=GetCACaps", "GET, HEAD"],
		["PUT", "/api/auth/session", "GET, POST"],
		["OPTIONS", "/api/auth/session", "GET, POST"],
	])("says itself, with an id and a line in the log, that %s %s is not answered", async (method, path, allow) => {
		const before = next.output().length;
		const response = await fetch(`${url}${path}`, { method });
		expect([response.status, response.headers.get("allow")]).toEqual([405, allow]);
		expect(response.headers.get("content-type")).toBe("application/problem+json");
		expect(response.headers.get("x-content-type-options")).toBe("nosniff");
		const text = await response.text();
		const id = method === "HEAD" ? "[0-9a-f]{16}" : (JSON.parse(text) as { id: string }).id;
		await next.saw(new RegExp(`"event":"request.refused","code":"method".*"id":"${id}"`));
		expect(
			next
				.output()
				.slice(before)
				.match(/request\.refused/g),
		).toHaveLength(1);
	});

	it("answers sign-in under its own name in any letter case, and under no other", async () => {
		const { port } = new URL(url);
		const status = (host: string) => statusOf(Number(port), host);
		expect(await status(`LocalHost:${port}`)).toBe(200);
		expect(await status(`127.0.0.1:${port}`)).toBe(421);
		expect(await status("")).toBe(421);
	});
});

/** Of /api/auth/csrf under a Host header that fetch would not send. */
function statusOf(port: number, host: string): Promise<number | undefined> {
	return new Promise((resolve, reject) => {
		const options = { host: "127.0.0.1", port, path: "/api/auth/csrf", headers: { host } };
		get(options, (response) => resolve(response.resume().statusCode)).once("error", reject);
	});
}

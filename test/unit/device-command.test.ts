/** `ota device enroll`: its exit codes when it cannot even begin. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { run } from "../../bin/commands/device.ts";
import { createDeviceAuthority } from "../device/index.ts";

describe("ota device", () => {
	let dir: string;
	let out: string;
	let err: string;
	beforeAll(() => {
		dir = mkdtempSync(join(tmpdir(), "device-command-"));
		createDeviceAuthority(join(dir, "device"));
	});
	afterAll(() => rmSync(dir, { recursive: true }));
	beforeEach(() => {
		out = "";
		err = "";
		jest.spyOn(process.stdout, "write").mockImplementation((text) => {
			out += String(text);
			return true;
		});
		jest.spyOn(process.stderr, "write").mockImplementation((text) => {
			err += String(text);
			return true;
		});
	});
	afterEach(() => {
		jest.restoreAllMocks();
	});

	it.each([
		[[]],
		[["explode"]],
		[["enroll", "now"]],
		[["enroll", "--what"]],
		[["enroll", "--url", "ftp://x"]],
		[["enroll", "--devices", "0"]],
		[["enroll", "--devices", "100001"]],
		[["enroll", "--devices", "ten"]],
		[["enroll", "--devices", "1e3"]],
		[["enroll", "--devices", "5", "--concurrency", "0"]],
		[["enroll", "--devices", "5", "--concurrency", "1001"]],
		[["enroll", "--devices", "5", "--serial", "C39VK7XQ0D91"]],
		[["enroll", "--concurrency", "4"]],
		[["enroll", "--client"]],
	])("answers 2 and its usage to %j", async (args) => {
		expect(await run([...args, "--data-dir", dir])).toBe(2);
		expect(err).toContain("usage: ota device enroll");
		expect(out).toBe("");
	});

	it("answers 1 and the network's failure when nobody is there for a load", async () => {
		const nobody = ["--url", "http://127.0.0.1:1", "--data-dir", dir];
		expect(await run(["enroll", "--devices", "3", "--json", ...nobody])).toBe(1);
		expect(err).toContain('The load could not begin: refused at "CA"');
		expect(JSON.parse(out)).toMatchObject({ ok: false, refused: { step: "CA" } });
	});

	it("explains itself when asked", async () => {
		expect(await run(["--help"])).toBe(0);
		expect(out).toContain("usage: ota device enroll");
	});

	it("answers 1 and what to start when there is no emulated Apple CA", async () => {
		expect(await run(["enroll", "--data-dir", join(dir, "elsewhere")])).toBe(1);
		expect(err).toContain("npm run up");
	});

	it("answers 1, the step and the reason when the server refuses, in one JSON object", async () => {
		const server = createServer((_request, response) => {
			response.writeHead(503, { "content-type": "application/problem+json" });
			response.end(JSON.stringify({ code: "hsm_unavailable", title: "The server cannot sign at the moment." }));
		}).listen(0, "127.0.0.1");
		await new Promise((resolve) => server.once("listening", resolve));
		const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
		expect(await run(["enroll", "--url", url, "--data-dir", dir, "--json"])).toBe(1);
		server.close();
		expect(err).toContain('refused at "CA": The server answered 503: hsm_unavailable');
		const refused = { step: "CA", status: 503, message: expect.stringContaining("hsm_unavailable") };
		expect(JSON.parse(out)).toEqual({ ok: false, user: "alice", steps: [], refused });
	});
});

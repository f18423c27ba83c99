/** `ota device`: its exit codes when it cannot even begin, and what a saved device does later. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { run } from "../../bin/commands/device.ts";
import { writeDevice } from "../../bin/device-file.ts";
import { createDeviceAuthority } from "../device/index.ts";
import {
	enrolledDevice,
	finalProfile,
	keys,
	makeWorld,
	profileType,
	type Values,
	type World,
	wifi,
} from "./enrolled-device.ts";

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
		[["enroll", "--devices", "5", "--save", "devices.json"]],
		[["update"]],
		[["update", "--from"]],
		[["update", "PROFILE", "--from", "device.json"]],
		[["open", "--from", "device.json"]],
		[["open", "PROFILE"]],
		[["open", "PROFILE", "ANOTHER", "--from", "device.json"]],
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

	describe("with a saved device", () => {
		let world: World;
		let path: string;
		beforeAll(() => {
			world = makeWorld();
		});

		/** Saves a device that enrolled with a server that answers so, and runs the command while it does. */
		async function later(args: string[], answer: RequestListener, before?: Values[]): Promise<number> {
			const server = createServer((request, response) => {
				request.resume().once("end", () => answer(request, response));
			}).listen(0, "127.0.0.1");
			await new Promise((resolve) => server.once("listening", resolve));
			const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
			const nobody = async (): Promise<Response> => new Response();
			path = join(dir, "device.json");
			const device = enrolledDevice(world, nobody, url);
			if (before) device.openFinalProfile(finalProfile(world, before));
			writeDevice(path, device);
			try {
				return await run([...args, "--from", path]);
			} finally {
				server.close();
				server.closeAllConnections();
			}
		}

		const clip = keys("com.apple.webClip.managed", "clip");
		function client(challenge: string, name = "Example"): Values {
			const content = { URL: "https://ota.example/scep", Name: name, Challenge: challenge, Thumbprint: Buffer.of(7) };
			return { ...keys("com.apple.security.scep", "scep"), PayloadContent: content };
		}
		const another: RequestListener = (_request, response) => {
			response.writeHead(200, { "content-type": profileType });
			response.end(finalProfile(world, [{ ...wifi("Lab"), PayloadUUID: "another" }, clip]));
		};

		it("shows the update, what changed by it, and saves what the device has then", async () => {
			expect(await later(["update", "--json"], another)).toBe(0);
			const told = JSON.parse(out);
			expect(told).toMatchObject({
				ok: true,
				kind: "profile",
				steps: [{ step: "update" }],
				payloads: [{ SSID_STR: "Lab", Password: "(4 characters, not shown)" }, clip],
				change: { same: [], changed: [], replaced: ["wifi"], added: ["clip"], removed: [] },
			});
			out = "";
			expect(await run(["update", "--from", path])).toBe(1);
			expect(err).toContain("could not be established");
			expect(readFileSync(path, "utf8")).toContain("Lab");
			expect(out).toBe("");
		});

		it("tells a person the same", async () => {
			expect(await later(["update"], another)).toBe(0);
			expect(out).toContain("iPhone C39VK7XQ0D91 (00008110-000A1B2C3D4E801E) updated in ");
			expect(out).toContain("SSID_STR = Lab");
			expect(out).toContain("Against the profile before: 0 kept (0 changed), 1 replaced, 1 added, 0 removed.");
			expect(out).not.toContain("p4ss");
		});

		it.each<[what: string, after: Values[], changed: string[], words: string]>([
			["another network", [wifi("Lab"), client("c0ffee")], ["wifi"], "2 kept (1 changed), 0 replaced"],
			["another name of the CA", [wifi("Office"), client("c0ffee", "New")], ["scep"], "2 kept (1 changed), 0 replaced"],
			["another challenge alone", [wifi("Office"), client("decaf")], [], "2 kept (0 changed), 0 replaced"],
			[
				"another order of keys",
				[Object.fromEntries(Object.entries(wifi("Office")).reverse()), client("c0ffee")],
				[],
				"2 kept (0 changed), 0 replaced",
			],
		])("says which of the payloads that stayed have %s in them", async (_, after, changed, words) => {
			const answer: RequestListener = (_request, response) => {
				response.writeHead(200, { "content-type": profileType });
				response.end(finalProfile(world, after));
			};
			const before = [wifi("Office"), client("c0ffee")];
			expect(await later(["update", "--json"], answer, before)).toBe(0);
			expect(JSON.parse(out).change).toEqual({ same: ["wifi", "scep"], changed, replaced: [], added: [], removed: [] });
			out = "";
			expect(await later(["update"], answer, before)).toBe(0);
			expect(out).toContain(`Against the profile before: ${words}, 0 added, 0 removed.`);
		});

		it("answers 1 and the address when the device is sent to Safari", async () => {
			const led: RequestListener = (_request, response) => {
				response.writeHead(301, { location: "/enroll" });
				response.end();
			};
			expect(await later(["update", "--json"], led)).toBe(1);
			expect(JSON.parse(out)).toEqual({ ok: false, kind: "redirect", location: expect.stringMatching(/\/enroll$/) });
			expect(readFileSync(path, "utf8")).toContain("Office");
		});

		it("answers 1, the step and the reason when the server refuses", async () => {
			const refuses: RequestListener = (_request, response) => {
				response.writeHead(403, { "content-type": "application/problem+json" });
				response.end(JSON.stringify({ code: "policy", title: "This person or device may not enroll." }));
			};
			expect(await later(["update", "--json"], refuses)).toBe(1);
			expect(err).toContain('refused at "update": The server answered 403: policy');
			expect(JSON.parse(out)).toMatchObject({ ok: false, refused: { step: "update", status: 403 } });
		});

		it("opens a profile that came as a file, and leaves the device as it is", async () => {
			const file = join(dir, "a.mobileconfig");
			writeFileSync(file, finalProfile(world, [wifi("Lab")]));
			expect(await later(["open", file, "--json"], another)).toBe(0);
			expect(JSON.parse(out)).toMatchObject({
				ok: true,
				profile: { PayloadIdentifier: "outer", IsEncrypted: true },
				payloads: [{ SSID_STR: "Lab" }],
			});
			expect(readFileSync(path, "utf8")).not.toContain("Lab");
			writeFileSync(file, "<plist/>");
			expect(await run(["open", file, "--from", path])).toBe(1);
			expect(err).toContain('refused at "final profile"');
		});

		it("answers 1 and what is wrong with a file that is not there, or is no device", async () => {
			expect(await run(["update", "--from", join(dir, "nowhere.json"), "--json"])).toBe(1);
			expect(err).toContain("ENOENT");
			expect(JSON.parse(out)).toMatchObject({ ok: false, refused: { step: "file" } });
			writeFileSync(join(dir, "no-device.json"), "{}");
			expect(await run(["update", "--from", join(dir, "no-device.json")])).toBe(1);
			expect(err).toContain("no device that was saved here");
		});

		it("is readable by its owner alone, whatever was there before", async () => {
			const file = join(dir, "open-to-all.json");
			writeFileSync(file, "", { mode: 0o644 });
			writeDevice(
				file,
				enrolledDevice(world, async () => new Response()),
			);
			expect(statSync(file).mode & 0o777).toBe(0o600);
			expect(readdirSync(dir).filter((name) => name.endsWith(".new"))).toEqual([]);
		});
	});
});

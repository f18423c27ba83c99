/**
 * D08 and A06: secrets go through a whole run, from the operator's file to the device, and nothing that others can see has
 * them: database, files, logs, what processes show, what commands print, each octet of HTTP.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type DeviceSession, enrollDevice, loadDeviceAuthority, pemOf } from "../device/index.ts";
import { rsaKeySource } from "../device/rsa-keys.ts";
import { signIn } from "../device/sign-in.ts";
import { formsOf, searcher, textCanary } from "../harness/canaries.ts";
import { documentWith, makeCanaries, mobileconfigWith, wrongFiles } from "../harness/canary-profile.ts";
import { OpenSsl } from "../harness/openssl.ts";
import { startServer, type TestServer } from "../harness/server.ts";
import { deliveriesOf, rowsOf, Traces } from "../harness/traces.ts";
import { hasPlistlib, readWithPlistlib, type Tagged } from "../unit/profile-plistlib.ts";

const openssl = new OpenSsl();
const canaries = makeCanaries(openssl);
const password = textCanary("password of a sign-in");
const uncarried = textCanary("Wi-Fi password with a control character");
const oneOfEachKind = ["wrong-0.yaml", "wrong-4.yaml", "wrong-8.yaml", "wrong-0.mobileconfig"];
const wrong = wrongFiles().filter(({ name }) => oneOfEachKind.includes(name));
const all = [...Object.values(canaries), password, uncarried, ...wrong.map(({ canary }) => canary)];
const search = searcher(all);

/** The operator's own files: what is not searched. */
const input = mkdtempSync(join(tmpdir(), "ota-canaries-"));
const traces = new Traces([input, openssl.output("")]);
const nextKey = rsaKeySource();
let server: TestServer;
let session: DeviceSession;

function inputFile(name: string, content: string): string {
	const path = join(input, name);
	writeFileSync(path, content, { mode: 0o600 });
	return path;
}

/** What must be among the places, or nothing was proven. */
const looked = [
	...[/\/ota\.db$/, /\/ota\.db-wal$/, /\/ota\.db-shm$/, /\/log\/web\.log$/, /\/log\/agent\.log$/],
	...[
		/\/profiles\/.*\.plist$/,
		/\/certs\/.*\.pem$/,
		/\/work\/out\.yaml$/,
		/\/work\/ana\.mobileconfig$/,
		/^output of the server$/,
	],
	...[
		/^server: \/proc\/\d+\/environ$/,
		/^ota profile secret .*cmdline$/,
		/^ota profile render .*stdout$/,
		/^ota profile import .*stderr$/,
	],
	...[
		/^GET .*\/devices: body$/,
		/^GET .*\/enroll: headers$/,
		/^POST .*\/profile: body$/,
		/^POST .*\/profile: request$/,
	],
];

const ota = async (...args: string[]) => (await traces.ota(args)).code;

/** All that stands in a property list, but for the names of keys; data in hexadecimal digits. */
function leavesOf(value: unknown): unknown[] {
	if (value instanceof Uint8Array) return [Buffer.from(value).toString("hex")];
	return value !== null && typeof value === "object" ? Object.values(value).flatMap(leavesOf) : [value];
}

/** Which canaries stand there, each letter for letter. */
function namesIn(value: unknown): string[] {
	const leaves = new Set(leavesOf(value));
	const found = Object.entries(canaries).filter(([, { value: own }]) => leaves.has(leavesOf(own)[0]));
	return found.map(([name]) => name).sort();
}
const onDevice = (): string[] => namesIn(session.finalProfile?.payloads);
const firstOnes = ["enterprise", "incoming", "nested", "outgoing", "p12", "p12Password", "shared", "token", "wifi"];
const laterOnes = ["calendar", ...firstOnes.filter((name) => name !== "wifi"), "renewed"].sort();

beforeAll(async () => {
	// Whatever a library would tell of itself is asked for.
	const env = { DEBUG: "*", NEXTAUTH_DEBUG: "true", ...traces.env };
	server = await startServer({ env });
	traces.watch(server, { ...env, OTA_DATA_DIR: server.dataDir, OTA_BASE_URL: server.url });
});
afterAll(async () => {
	await server?.stop();
	traces.remove();
	openssl.remove();
	rmSync(input, { recursive: true, force: true });
});

describe("the secrets of profiles", () => {
	it("are in what the device decrypts, each letter for letter", async () => {
		const file = inputFile("canaries.yaml", documentWith(canaries));
		expect(await ota("profile", "lint", file, "--json")).toBe(0);
		expect(await ota("profile", "import", file)).toBe(0);
		expect(await ota("profile", "publish", "canaries")).toBe(0);
		const authority = loadDeviceAuthority(join(server.dataDir, "device"));
		if (!authority) throw new Error("the server made no device authority");
		const device = { url: server.url, authority, keys: nextKey, transport: traces.transport };
		({ session } = await enrollDevice({ ...device, user: "alice", password: String(password.value) }));
		expect(onDevice()).toEqual(firstOnes);
	});

	it("come new from standard input, and out of a .mobileconfig", async () => {
		const renew = ["profile", "secret", "canaries", "wifi.Password", "--publish"];
		expect((await traces.ota(renew, `${canaries.renewed.value}\n`)).code).toBe(0);
		const file = inputFile("calendar.mobileconfig", mobileconfigWith(canaries));
		expect(await ota("profile", "import", file, "--for", "everyone", "--publish")).toBe(0);
		expect((await session.update()).kind).toBe("profile");
		await session.confirm();
		expect(onDevice()).toEqual(laterOnes);
	});

	it("are shown by no command that shows profiles", async () => {
		const words = ["export canaries -o out.yaml", "export canaries --format mobileconfig", "import out.yaml"];
		words.push("list", "history canaries", "diff canaries 1 2");
		words.push(`render --device ${session.udid}`, `render --device ${session.udid} --json`);
		for (const each of words) expect([each, await ota("profile", ...each.split(" "))]).toEqual([each, 0]);
	});

	it.each(wrong)("are not told by what refuses their file: $canary.name", async ({ name, content }) => {
		expect(await ota("profile", "import", inputFile(name, content))).toBe(1);
	});

	it("come as files, from the person's page and from the operator, and to that person alone", async () => {
		const get = (path: string, cookie: string) =>
			traces.transport(new Request(`${server.url}${path}`, { headers: { cookie } }));
		const cookieOf = (user: string) =>
			signIn(traces.transport, `${server.url}/devices`, { user, password: String(password.value) });
		const [alice, bob] = [await cookieOf("alice"), await cookieOf("bob")];
		const page = await get("/devices", alice);
		const [, path = "/nowhere"] = /href="([^"]+\.mobileconfig)"/.exec(await page.text()) ?? [];
		const [own, others] = [await get(path, alice), await get(path, bob)];
		expect([page.status, own.status, others.status]).toEqual([200, 200, 404]);
		session.openDownloaded(new Uint8Array(await own.arrayBuffer()));
		expect(onDevice()).toEqual(laterOnes);
		expect(await ota("profile", "deliver", "--device", session.udid, "-o", "ana.mobileconfig")).toBe(0);
		session.openDownloaded(readFileSync(join(traces.work, "ana.mobileconfig")));
		expect(onDevice()).toEqual(laterOnes);
	});

	it("do not come, and are not told, where no profile can carry them", async () => {
		const args = ["profile", "secret", "canaries", "wifi.Password", "--publish"];
		expect((await traces.ota(args, `${uncarried.value}\u0001\n`)).code).toBe(1);
		await session.update();
		expect(onDevice()).toEqual(laterOnes);
	});

	it("come to nobody whose post is not the device's, or who is revoked", async () => {
		const post = async (body: Uint8Array) => {
			const headers = { "content-type": "application/pkcs7-signature" };
			const init = { method: "POST", headers, body: Buffer.from(body) };
			return (await traces.transport(new Request(`${server.url}/profile`, init))).status;
		};
		const { identity } = session;
		if (!identity) throw new Error("the device has no identity");
		const forged = session.buildProfileRequest({ identity: { ...identity, privateKey: nextKey() } });
		expect(await post(forged)).toBe(403);
		expect(await ota("revoke", "--device", session.udid)).toBe(0);
		expect(await post(session.buildProfileRequest())).toBe(403);
	});

	it("are nowhere else while the server runs", () => {
		const seen: string[] = [];
		const found = search(traces.places(seen));
		const missing = looked.filter((pattern) => !seen.some((where) => pattern.test(where)));
		expect([missing, found]).toEqual([[], []]);
	});

	it("are nowhere else after its end, and in no row of the database", async () => {
		expect((await server.end()).code).toBe(0);
		expect(search(traces.places())).toEqual([]);
		expect(search(rowsOf(server.dataDir))).toEqual([]);
	});

	it("would have been found, in every form and in every place", () => {
		for (const canary of all) {
			for (const [form, needle] of formsOf(canary)) {
				const around = Buffer.concat([Buffer.from([0xff, 0x78]), needle, Buffer.from([0x78, 0xff])]);
				expect(search([["here", around]])).toContain(`here: ${canary.name} as ${form}`);
			}
		}
		const planted = [server.dataDir, join(server.dataDir, "log"), traces.work, traces.env.TMPDIR].map((folder) =>
			join(folder, "planted"),
		);
		for (const path of planted) writeFileSync(path, `a ${canaries.incoming.value} z`);
		const found = search(traces.places());
		for (const path of planted) expect(found).toContain(`${path}: ${canaries.incoming.name} as plain`);
	});
});

describe("what is delivered", () => {
	const onlyWithPlistlib = hasPlistlib ? it : it.skip;

	onlyWithPlistlib("is read by openssl and plistlib: payloads nowhere but in what is encrypted to the device", () => {
		const deliveries = deliveriesOf(server.dataDir);
		expect(deliveries.length).toBeGreaterThan(2);
		const found = deliveries.map((profile) => {
			const outer = plistOf(
				openssl.run("cms", "-verify", "-noverify", "-inform", "DER", "-in", openssl.file("d.der", profile)),
			);
			expect(Object.keys(outer)).not.toContain("PayloadContent");
			expect(outer.IsEncrypted).toEqual(["boolean", true]);
			const [type, encrypted] = outer.EncryptedPayloadContent ?? [];
			expect(type).toBe("data");
			return namesIn(readWithPlistlib(decrypted(Buffer.from(String(encrypted), "hex"))));
		});
		expect(found).toEqual([firstOnes, ...deliveries.slice(1).map(() => laterOnes)]);
	});

	const plistOf = (xml: string) => readWithPlistlib(Buffer.from(xml))[1] as Record<string, Tagged>;

	function decrypted(enveloped: Uint8Array): Uint8Array {
		const { identity } = session;
		if (!identity) throw new Error("the device has no identity");
		const key = openssl.file("device.key", identity.privateKey.export({ type: "pkcs8", format: "pem" }).toString());
		const recipient = ["-inkey", key, "-recip", openssl.file("device.pem", pemOf(identity.certificate))];
		const [from, to] = [openssl.file("content.der", enveloped), openssl.output("content.plist")];
		openssl.run("cms", "-decrypt", "-inform", "DER", "-in", from, ...recipient, "-out", to);
		return openssl.read(to);
	}
});

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of documents look like that.
/** `ota profile render` and `deliver`: what a person's device would get and why, and the file that it alone can read. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { run } from "../../bin/commands/profile.ts";
import { writeNewFile } from "../../bin/profile-new-file.ts";
import { readSignedData } from "../../lib/cms/signed-data.ts";
import { readPropertyList } from "../../lib/profile/property-list-reader.ts";
import { audit, delivery } from "../contract/store-exchange.ts";
import { openFinalProfile } from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { enroll } from "../harness/issued.ts";
import { type OperatorDesk, operatorDesk } from "../harness/operator-desk.ts";
import { type SoftwareAgent, softwareAgent } from "../harness/software-agent.ts";

const office = `name: office
priority: 10
for:
  - group: staff
profile:
  PayloadDisplayName: Office
payloads:
  - name: mail
    payload:
      PayloadType: com.apple.webClip.managed
      PayloadIdentifier: com.example.mail
      URL: https://mail.example.com/?\${user.email}
      Label: "Level \${user.claims.level}"
  - name: wifi
    for:
      - os: ">=18"
    payload:
      PayloadType: com.apple.wifi.managed
      SSID_STR: Office
      EncryptionType: WPA2
      Password: canary-of-the-office
`.replaceAll("\\${", "${");

let desk: OperatorDesk;
let agent: SoftwareAgent;
const type = (...args: string[]) => desk.type(run, ...args);
const render = (...args: string[]) => type("render", ...args);
const ana = ["--user", "ana@example.com", "--product", "iPhone15,4"];
function file(name: string, text: string): string {
	const path = join(desk.folder, name);
	writeFileSync(path, text);
	return path;
}
const types = (xml: string) => {
	const root = readPropertyList(Buffer.from(xml)) as unknown as { PayloadContent: { PayloadType: string }[] };
	return root.PayloadContent.map(({ PayloadType }) => PayloadType);
};

beforeAll(async () => {
	desk = await operatorDesk();
	agent = await softwareAgent(join(desk.folder, "agent.sock"), desk.keys.keys);
	await type("import", file("office.yaml", office), "--publish");
	const user = { id: "ana", email: "ana@example.com", groups: ["staff"], claims: { level: "three" } };
	await desk.store.savePerson({ user, signedInAt: new Date() });
});
afterAll(async () => {
	await agent.leave();
	await desk.leave();
});

describe("ota profile render", () => {
	it("shows what a known person's phone would get, and says why, without its secrets", async () => {
		const { code, out, err } = await render(...ana, "--os", "18.1");
		expect([code, types(out)]).toEqual([
			0,
			["com.apple.security.scep", "com.apple.webClip.managed", "com.apple.wifi.managed"],
		]);
		expect(out).toContain("<string>https://mail.example.com/?ana@example.com</string>");
		expect(out).toContain("<string>Level three</string>");
		expect(out).toContain("<string>•••</string>");
		expect(out + err).not.toContain("canary");
		expect(err).toMatch(/^counts {4}office@1: /m);
		expect(err).toMatch(/^counts {4}office@1\/wifi: /m);
	});

	it("says what is left out, and the nearest miss", async () => {
		const older = await render(...ana, "--os", "17.5");
		expect(types(older.out)).toEqual(["com.apple.security.scep", "com.apple.webClip.managed"]);
		expect(older.err).toMatch(/^left out {2}office@1\/wifi: .*os/m);
		const other = await render(...ana, "--groups", "sales,it");
		expect(types(other.out)).toEqual(["com.apple.security.scep"]);
		expect(other.err).toMatch(/^left out {2}office@1: .*group/m);
	});

	it("takes a person whom nobody has seen from the flags alone", async () => {
		const who = ["--user", "new@example.com", "--product", "Mac15,3", "--os", "15.1", "--serial", "C02XYZ123456"];
		const { code, out, err } = await render(...who, "--groups", "staff", "--claim", "level=3");
		expect(code).toBe(0);
		expect(err).toContain("new@example.com has not signed in yet");
		expect(out).toContain("new@example.com");
		const lacking = await render(...who, "--groups", "staff");
		expect([lacking.code, lacking.out]).toEqual([1, ""]);
		expect(lacking.err).toContain("level");
	});

	it("tries a draft file, or a draft of the database, in the published one's place", async () => {
		const draft = file(
			"draft.yaml",
			office.replace("Label: ", "Precomposed: 7\n      Label: ").replaceAll("Office", "Trial"),
		);
		const tried = await render(...ana, "--os", "18.1", "--with", draft);
		expect(tried.code).toBe(1);
		expect(tried.out).toContain("<string>Trial</string>");
		expect(tried.err).toMatch(/^counts {4}office@2: /m);
		expect(tried.err).toMatch(/^error .* Precomposed: /m);
		expect(tried.out + tried.err).not.toContain("canary");
		await type("import", file("office.yaml", office.replaceAll("Office", "Second")));
		expect((await render(...ana, "--os", "18.1")).out).not.toContain("Second");
		expect((await render(...ana, "--os", "18.1", "--draft", "office")).out).toContain("<string>Second</string>");
	});

	it("tells one JSON object, data as base64", async () => {
		const { code, out } = await render(...ana, "--os", "18.1", "--json");
		expect(code).toBe(0);
		const { payloads, outer, trace, findings } = JSON.parse(out);
		expect(payloads[0]).toMatchObject({ PayloadContent: { Challenge: "•••" } });
		const root = createHash("sha1").update(readRoot()).digest("base64");
		expect(payloads[0].PayloadContent.CAFingerprint).toBe(root);
		expect(outer.PayloadDisplayName).toBe("Office");
		expect(trace[0]).toMatchObject({ profile: "office", version: 1, payload: null, counts: true });
		expect(findings.filter(({ level }: { level: string }) => level === "error")).toEqual([]);
	});

	it("needs a model for a device that it does not know", async () => {
		const { code, err } = await render("--user", "ana@example.com", "--device", "C39VK7XQ0D91");
		expect([code, err]).toEqual([1, expect.stringContaining("--product")]);
	});
});

describe("ota profile deliver", () => {
	const { publicKey, privateKey } = newKeyPair("rsa", { modulusLength: 2048 });
	const output = () => join(desk.folder, "phone.mobileconfig");
	let certificate: Uint8Array;
	beforeAll(async () => {
		const { reserved, der } = await enroll(desk.store, desk.keys, "phone", "issued", publicKey);
		certificate = der;
		const first = delivery("phone");
		const { serialNumber: certificateSerialNumber } = reserved;
		await desk.store.deliver({ ...first, delivery: { ...first.delivery, certificateSerialNumber } });
		const user = { id: "user-phone", email: "user-phone@example.com", groups: ["staff"], claims: { level: 1 } };
		await desk.store.savePerson({ user, signedInAt: new Date() });
	});

	it("writes what only that device can open, for nobody else to read, and remembers it", async () => {
		const { code, out, err } = await type("deliver", "--device", "SERIAL-phone", "-o", output(), "--valid", "48");
		expect([code, err]).toEqual([0, "Signed by this server; only that device can read it.\n"]);
		expect(out).toMatch(
			/phone\.mobileconfig {2}final profile {2}for user-phone@example\.com {2}device serial-phone {2}client identity until 2/,
		);
		expect(statSync(output()).mode & 0o777).toBe(0o600);
		const bytes = readFileSync(output());
		expect(bytes.includes("canary")).toBe(false);
		const { unverifiedContent } = readSignedData(bytes);
		const { outer, payloads } = openFinalProfile(unverifiedContent, { certificate, privateKey, chain: [] });
		expect(outer.PayloadDisplayName).toBe("Office");
		expect(payloads.map(({ PayloadType }) => PayloadType)).toContain("com.apple.webClip.managed");
		const kept = (await desk.store.findDevice("serial-phone", new Date()))?.delivery;
		expect(kept).toMatchObject({ kind: "download", number: 1, contents: expect.stringMatching(/^office@1( |$)/) });
		expect(Buffer.from(kept?.profile ?? [])).toEqual(bytes);
	});

	it("writes over no file, and makes no delivery then", async () => {
		const before = readFileSync(output());
		const { code, out, err } = await type("deliver", "--device", "serial-phone", "-o", output());
		expect([code, out, err]).toEqual([1, "", expect.stringContaining("is there already")]);
		expect(readFileSync(output())).toEqual(before);
		expect((await desk.store.findDevice("serial-phone", new Date()))?.delivery?.number).toBe(1);
	});

	it("makes no delivery when the folder takes no file", async () => {
		const path = join(desk.folder, "no", "folder", "phone.mobileconfig");
		const { code, out, err } = await type("deliver", "--device", "serial-phone", "-o", path);
		expect([code, out, err]).toEqual([1, "", expect.stringContaining("ENOENT")]);
		expect((await desk.store.findDevice("serial-phone", new Date()))?.delivery?.number).toBe(1);
	});

	it("leaves a file alone that somebody put there meanwhile, and nothing else", async () => {
		const path = join(desk.folder, "meanwhile");
		const written = writeNewFile(path, async () => {
			writeFileSync(path, "another's");
			return "ours";
		});
		await expect(written).rejects.toMatchObject({ code: "conflict" });
		expect(readFileSync(path, "utf8")).toBe("another's");
		expect(readdirSync(desk.folder).filter((name) => name.startsWith(".ota-"))).toEqual([]);
	});

	it("renders for that device with its owner unless told", async () => {
		const { code, out } = await render("--device", "udid-phone");
		expect([code, out]).toEqual([0, expect.stringContaining("user-phone@example.com")]);
	});

	it.each([
		["a device that is unknown", "nowhere", {}, /No device nowhere/],
		["an agent that is away", "serial-phone", { OTA_HSM_AGENT: "unix:/nonexistent/agent.sock" }, /ota agent/],
	])("refuses %s and writes nothing", async (_, device, env, words) => {
		const path = join(desk.folder, "refused.mobileconfig");
		const { code, out, err } = await desk.typeWith(env, run, "deliver", "--device", device, "-o", path);
		expect([code, out, err]).toEqual([1, "", expect.stringMatching(words)]);
		expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
	});

	it("refuses a blocked one", async () => {
		const block = { kind: "device" as const, value: "udid-phone", createdAt: new Date(), reason: 5, by: "test" };
		await desk.store.blockDevices({ blocks: [block], audit: audit("blocked", null) });
		const { code, err } = await type("deliver", "--device", "serial-phone", "-o", join(desk.folder, "blocked"));
		expect([code, err]).toEqual([1, expect.stringContaining("blocked")]);
	});
});

const readRoot = () => {
	const base64 = desk.keys.authorities.root.replace(/-----[^-]+-----|\s/g, "");
	return Buffer.from(base64, "base64");
};

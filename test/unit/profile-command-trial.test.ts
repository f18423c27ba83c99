// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of documents look like that.
/** What `ota profile` publishes: nothing that a device would refuse, and nothing to more people than before. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { run } from "../../bin/commands/profile.ts";
import type { ProfileDocument, Rule } from "../../lib/profile/document.ts";
import { documentYaml, readDocumentYaml } from "../../lib/profile/document-yaml.ts";
import { type OperatorDesk, operatorDesk } from "../harness/operator-desk.ts";
import { clip, documentOf } from "../harness/profile-examples.ts";
import { wifi } from "./document-samples.ts";

let desk: OperatorDesk;
const type = (...args: string[]) => desk.type(run, ...args);
function file(name: string, content: string): string {
	const path = join(desk.folder, name);
	writeFileSync(path, content);
	return path;
}
const imported = (document: ProfileDocument, ...flags: string[]) =>
	type("import", file(`${document.name}.yaml`, documentYaml(document)), ...flags);
const published = () => desk.store.publishedVersions();

beforeAll(async () => {
	desk = await operatorDesk();
});
afterAll(() => desk.leave());

describe("the import of what was exported", () => {
	const admins = [{ group: ["admins"] }];
	const two = documentOf("two", [
		{ name: "guest", payload: wifi({ SSID_STR: "Guests" }) },
		{ name: "admin-lan", for: admins, payload: wifi({ SSID_STR: "Admins" }) },
	]);
	const exported = async () => (await type("export", "two", "--format", "mobileconfig")).out;

	it("leaves a network that not everybody gets to those who do", async () => {
		await imported(two, "--publish");
		const edited = (await exported()).replace("Guests", "Visitors");
		const answer = await type("import", file("edited.mobileconfig", edited), "--name", "two", "--publish");
		expect([answer.code, answer.out]).toEqual([0, "two  version 2  published  for everyone\n"]);
		const second = readDocumentYaml((await desk.store.findVersion("two", 2))?.document ?? "");
		const [guest, admin] = two.payloads;
		expect(second).toEqual({ ...two, payloads: [{ ...guest, payload: wifi({ SSID_STR: "Visitors" }) }, admin] });
	});

	it("makes no new version when nothing was changed", async () => {
		const answer = await type("import", file("same.mobileconfig", await exported()), "--name", "two");
		expect(answer.out).toBe("two  version 2  published  for everyone  unchanged\n");
	});

	it("is refused where the network cannot be told from another", async () => {
		const strange = (await exported()).replace(/<key>Payload(?:UUID|Identifier)<\/key>\s*<string>[^<]*<\/string>/g, "");
		const answer = await type("import", file("strange.mobileconfig", strange), "--name", "two", "--publish");
		expect([answer.code, answer.out]).toEqual([1, ""]);
		expect(answer.err).toMatch(/cannot be told from admin-lan, .*YAML/);
		expect(await desk.store.listVersions("two")).toHaveLength(2);
	});
});

describe("a publication", () => {
	const staff: Rule = { group: ["staff"], claim: { site: ["Berlin"] }, os: ">=17 <19", platform: ["iPad"] };
	const relay = { PayloadType: "com.apple.relay.managed", Relays: [{ HTTP3RelayURL: "https://relay.example/" }] };
	const exchange = { PayloadType: "com.apple.eas.account", Host: "mail.example.com" };

	it.each<[string, ProfileDocument, RegExp]>([
		[
			"a claim of a rule at a key of another type",
			documentOf("f-c", { c: clip("${user.claims.level}") }, { for: [{ claim: { level: [3] } }] }),
			/payload f-c\.c Label: is integer where string/,
		],
		[
			"a fault in a payload for some of them alone",
			documentOf(
				"f-d",
				[
					{
						name: "level",
						payload: clip("${user.claims.level}"),
						for: [{ group: ["it"], platform: ["Mac"], claim: { level: [3] } }],
					},
				],
				{ for: [{ group: ["staff"] }] },
			),
			/Mac, version .*payload f-d\.level/,
		],
	])("is refused for %s, and an import with it", async (_, document, told) => {
		const before = await published();
		const refused = await imported(document, "--publish");
		expect([refused.code, refused.out]).toEqual([1, ""]);
		expect(refused.err).toMatch(told);
		expect(await desk.store.listVersions(document.name)).toEqual([]);
		expect((await imported(document)).code).toBe(0);
		for (const args of [
			["publish", document.name],
			["import", join(desk.folder, `${document.name}.yaml`), "--publish"],
		]) {
			const answer = await type(...args);
			expect([answer.code, answer.out, answer.err]).toEqual([1, "", expect.stringMatching(told)]);
		}
		expect(await published()).toEqual(before);
	});

	it("is given to each device without the types that its system does not take", async () => {
		const document = documentOf("f-a", { exchange, relay, clip: clip("here") });
		expect((await imported(document, "--publish")).code).toBe(0);
		const given = async (product: string, os: string) => {
			const { out, err } = await type("render", "--user", "a@example.com", "--product", product, "--os", os);
			const types = ["eas.account", "relay.managed", "webClip.managed"];
			return [types.filter((each) => out.includes(each)), err];
		};
		expect(await given("Mac16,1", "26.1")).toEqual([
			["relay.managed", "webClip.managed"],
			expect.stringContaining("left out  f-a@1/exchange: macOS 26.1 does not take its type"),
		]);
		expect((await given("iPhone12,1", "16.7"))[0]).toEqual(["eas.account", "webClip.managed"]);
		expect((await given("iPhone17,1", "26.1"))[0]).toEqual(["eas.account", "relay.managed", "webClip.managed"]);
		await type("withdraw", "f-a");
	});

	it("is refused for what two profiles do to each other", async () => {
		const own = { PayloadIdentifier: "com.example.ca" };
		const first = documentOf("one-a", { c: clip("1", own) }, { priority: 1 });
		expect((await imported(first, "--publish")).code).toBe(0);
		const ca = { PayloadType: "com.apple.security.root", PayloadContent: "${certificate.root}", ...own };
		const anchor = {
			EAPClientConfiguration: { AcceptEAPTypes: [13], PayloadCertificateAnchorUUID: ["${payload.ca}"] },
		};
		const second = documentOf("one-b", { ca, wifi: wifi({ SSID_STR: "Anchored", ...anchor }) });
		const refused = await imported(second, "--publish");
		expect([refused.code, refused.err]).toEqual([
			1,
			expect.stringMatching(/one-b\.wifi .*refers to a com\.apple\.webClip/),
		]);
		await type("withdraw", "one-a");
		expect((await imported(second, "--publish")).code).toBe(0);
	});

	it("is refused for what the version of today prevents", async () => {
		const own = { PayloadIdentifier: "com.example.q" };
		const ca = { PayloadType: "com.apple.security.root", PayloadContent: "${certificate.root}", ...own };
		const anchor = {
			EAPClientConfiguration: { AcceptEAPTypes: [13], PayloadCertificateAnchorUUID: ["${payload.ca}"] },
		};
		const documents = [
			documentOf("q-high", { ca, here: clip("high") }, { priority: 2 }),
			documentOf("q-mid", { c: clip("mid", own) }, { priority: 1 }),
			documentOf("q-low", { ca, wifi: wifi({ SSID_STR: "Q", ...anchor }) }),
		];
		for (const each of documents) expect((await imported(each, "--publish")).code).toBe(0);
		const without = await imported(documentOf("q-high", { here: clip("high") }, { priority: 2 }), "--publish");
		expect([without.code, without.err]).toEqual([1, expect.stringMatching(/error .*refers to a com\.apple\.webClip/)]);
		// A withdrawal is not refused: it may be urgent.
		const [high, mid, low] = [
			await type("withdraw", "q-high"),
			await type("withdraw", "q-mid"),
			await type("withdraw", "q-low"),
		];
		expect([high.code, high.out, high.err]).toEqual([
			0,
			"q-high  version 1  withdrawn\n",
			expect.stringMatching(/^warning {2}without it devices are refused: .*refers to a com\.apple\.webClip/),
		]);
		expect([mid.err, low.err]).toEqual(["", ""]);
	});

	it("is not refused for what another profile does alone", async () => {
		const text = documentYaml(documentOf("old", { exchange }));
		const [now, audit] = [new Date(), { at: new Date(), event: "profile.saved", enrollmentId: null, detail: {} }];
		const version = { name: "old", version: 1, document: text, note: "", createdAt: now, by: "x" };
		await desk.store.saveProfile({ version, after: 0, secrets: [], audit });
		await desk.store.publishProfile({ name: "old", version: 1, now, audit });
		expect((await imported(documentOf("new", { c: clip("new") }), "--publish")).code).toBe(0);
		await type("withdraw", "old");
	});

	it.each<[string, ProfileDocument]>([
		[
			"claims that nobody knows yet",
			documentOf("g-a", { c: clip("${user.claims.any}", { IsRemovable: "${user.claims.may}" }) }),
		],
		[
			"restrictions that some devices pass over",
			documentOf("g-b", { r: { PayloadType: "com.apple.applicationaccess", allowAirDrop: false } }),
		],
		[
			"payloads for the devices that take them",
			documentOf("g-c", { exchange }, { for: [{ platform: ["iPhone", "iPad"] }] }),
		],
		[
			"a kind of device around them",
			documentOf("g-d", { exchange: { ...exchange, Host: "d" } }, { profile: { TargetDeviceType: 1 } }),
		],
		["every condition", documentOf("g-e", { relay }, { for: [staff], except: [{ group: ["guests"] }] })],
		["nobody", documentOf("g-f", { c: clip("f") }, { for: [] })],
	])("is not refused for %s", async (_, document) => {
		const { code, err } = await imported(document, "--publish");
		expect([code, err]).toEqual([0, expect.not.stringContaining("error")]);
	});

	it("needs the database alone, not the certificates", async () => {
		const nowhere = { OTA_ROOT_CERT: "" };
		const document = documentOf("bare", { c: clip("bare") });
		const path = file("bare.yaml", documentYaml(document));
		expect((await desk.typeWith(nowhere, run, "import", path, "--publish")).code).toBe(0);
	});
});

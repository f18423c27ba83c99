// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of documents look like that.
/** `ota profile import` to `secret` on a real database, beside an agent: what is saved, published, shown, and what never is. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import Database from "better-sqlite3";
import { run } from "../../bin/commands/profile.ts";
import { openSecrets } from "../../lib/enroll/profile-secrets.ts";
import { assign } from "../../lib/profile/assign.ts";
import { documentYaml, readDocumentYaml } from "../../lib/profile/document-yaml.ts";
import { readProfileFile } from "../../lib/profile/profile-file.ts";
import { type PropertyListValue, propertyList } from "../../lib/profile/property-list.ts";
import { subjectOf } from "../../lib/profile/subject.ts";
import { type OperatorDesk, operatorDesk } from "../harness/operator-desk.ts";
import { type SoftwareAgent, softwareAgent } from "../harness/software-agent.ts";
import { payload, profile, webClip } from "./lint-examples.ts";

const canary = "CANARY-7f3a-${not.a.variable}";
const document = (value: unknown) => propertyList(value as PropertyListValue);
const wifi = (keys: object = {}) =>
	payload("com.apple.wifi.managed", { SSID_STR: "Office", EncryptionType: "WPA2", Password: canary, ...keys });

const long = "x".repeat(1_001);

let desk: OperatorDesk;
let agent: SoftwareAgent;
const said: string[] = [];
async function type(...args: string[]) {
	const answer = await desk.type(run, ...args);
	said.push(answer.out, answer.err);
	return answer;
}
function file(name: string, content: Uint8Array | string): string {
	const path = join(desk.folder, name);
	writeFileSync(path, content);
	return path;
}
async function withStdin<T>(content: string | Uint8Array, work: () => Promise<T>): Promise<T> {
	const former = Object.getOwnPropertyDescriptor(process, "stdin") as PropertyDescriptor;
	Object.defineProperty(process, "stdin", { value: Readable.from([Buffer.from(content)]), configurable: true });
	try {
		return await work();
	} finally {
		Object.defineProperty(process, "stdin", former);
	}
}
const audited = () => {
	const database = new Database(join(desk.folder, "ota.db"), { readonly: true });
	const rows = database.prepare('SELECT "event", "detail" FROM "AuditEvent" ORDER BY "id"').all();
	database.close();
	return (rows as { event: string; detail: string }[]).map(({ event, detail }) => ({ event, ...JSON.parse(detail) }));
};
/** What a device would be given for the secrets of a version. */
async function opened(name: string, version: number) {
	const text = (await desk.store.findVersion(name, version))?.document ?? "";
	const candidate = { document: { ...readDocumentYaml(text), for: "everyone" as const }, version };
	const user = { id: "ana", email: "ana@example.com", groups: [], claims: {} };
	const assignment = assign([candidate], subjectOf(user, { UDID: "x" }), new Date());
	return Object.fromEntries(await openSecrets({ store: desk.store, keys: desk.keys.keys }, assignment));
}

beforeAll(async () => {
	desk = await operatorDesk();
	agent = await softwareAgent(join(desk.folder, "agent.sock"), desk.keys.keys);
});
afterAll(async () => {
	await agent.leave();
	await desk.leave();
});

describe("ota profile", () => {
	it.each([
		[["import"]],
		[["import", "a", "b"]],
		[["import", "a", "--name", "no name"]],
		[["import", "a", "--for", "staff"]],
		[["import", "a", "--for", "everyone", "--for", "group:staff"]],
		[["import", "a", "--for", "platform:Nokia"]],
		[["import", "a", "--for", "os:new"]],
		[["import", "a", "--note", long]],
		[["publish"]],
		[["publish", "office", "--version", "0"]],
		[["withdraw"]],
		[["list", "office"]],
		[["history"]],
		[["diff", "office", "one"]],
		[["diff", "office", "1", "2", "3"]],
		[["export", "office", "--format", "xml"]],
		[["export", "office", "--version", "-1"]],
		[["export", "office", "--format", "yaml", "-o", "office.mobileconfig"]],
		[["export", "office", "--format", "mobileconfig", "-o", "office.YML"]],
		[["secret", "office"]],
		[["secret", "office", "wifi.Password", "the value itself"]],
		[["render"]],
		[["render", "--user", "ana"]],
		[["render", "--product", "iPhone15,4"]],
		[["render", "--user", "ana", "--product", "iPhone15,4", "--os", "new"]],
		[["render", "--user", "ana", "--product", "iPhone15,4", "--claim", "level"]],
		[["render", "--user", "ana", "--product", "iPhone15,4", "--with", "a.mobileconfig"]],
		[["deliver", "--device", "x"]],
		[["deliver", "--device", "x", "-o", "y", "--valid", "0"]],
		[["deliver", "--device", "x", "-o", "y", "--valid", "721"]],
	])("answers 2 and its usage to %j", async (args) => {
		const { code, out, err } = await type(...args);
		expect({ code, out }).toEqual({ code: 2, out: "" });
		expect(err).toContain(`usage: ota profile ${args[0]}`);
	});

	it.each("lint import publish withdraw list history diff export secret render deliver".split(" "))(
		"explains %s",
		async (verb) => {
			const { code, out, err } = await type(verb, "--help");
			expect([code, err]).toEqual([0, ""]);
			expect(out).toContain(`usage: ota profile ${verb}`);
			expect((await type("--help")).out).toContain(`  ${verb} `);
		},
	);

	it("imports a .mobileconfig as a draft for nobody, seals its password and says where it still stands", async () => {
		const path = file("Office (2).mobileconfig", document(profile([wifi(), webClip()])));
		const { code, out, err } = await type("import", path, "--name", "office", "--note", "first");
		expect([code, out]).toEqual([0, "office  version 1  draft  for nobody  1 secret sealed\n"]);
		expect(err).toContain("still holds 1 secret in plain text: delete it or keep it safe.");
		expect(err).toContain("ota profile publish office");
		expect(err).toContain("[audience]");
		expect(agent.calls).toEqual(["seal"]);
		expect(await desk.store.publishedVersions()).toEqual([]);
		expect(await opened("office", 1)).toEqual({ "office/wifi.Password": canary });
	});

	it("names a profile by its file unless told", async () => {
		const path = file("Büro – Mac!.mobileconfig", document(profile([webClip()])));
		expect((await type("import", path, "--for", "group:staff", "--for", "platform:Mac")).out).toBe(
			"Buro-Mac  version 1  draft  for group staff; platform Mac\n",
		);
		const nameless = file("???.mobileconfig", document(profile([webClip()])));
		expect((await type("import", nameless)).err).toContain("--name");
	});

	it("does not save under the name of the template files, which would stop every delivery", async () => {
		const path = file("templates.mobileconfig", document(profile([webClip()])));
		const { code, err } = await type("import", path, "--publish");
		expect([code, err]).toEqual([1, expect.stringContaining("is what the template files are called")]);
		expect(await desk.store.listVersions("templates")).toEqual([]);
	});

	it("keeps rules, priority and days when a .mobileconfig comes again, and makes a new version of a new password", async () => {
		const { out: yaml } = await type("export", "office");
		const edited = readDocumentYaml(yaml);
		const [first, second] = edited.payloads;
		const by = { group: ["staff"] };
		const text = documentYaml({
			...edited,
			...{ for: [by], except: [{ user: ["bob@example.com"] }], priority: 7, updateAfterDays: 30 },
			payloads: [first, { ...second, for: [{ platform: ["Mac"] }] }] as typeof edited.payloads,
		});
		const saved = await type("import", file("office.yaml", text), "--note", "second", "--publish");
		expect([saved.code, saved.out]).toEqual([
			0,
			"office  version 2  published  for group staff but for user bob@example.com\n",
		]);
		const again = await type("import", join(desk.folder, "Office (2).mobileconfig"), "--name", "office");
		expect(again.out).toBe("office  version 3  draft  for group staff but for user bob@example.com  1 secret sealed\n");
		const third = readDocumentYaml((await desk.store.findVersion("office", 3))?.document ?? "");
		expect(third).toMatchObject({ priority: 7, updateAfterDays: 30, secrets: { "wifi.Password": 3 } });
		expect(third.payloads.map((each) => each.for)).toEqual([undefined, [{ platform: ["Mac"] }]]);
		expect(await opened("office", 2)).toEqual({ "office/wifi.Password": canary });
	});

	it("makes no version of what is equal to the newest", async () => {
		const { out: yaml } = await type("export", "office");
		const { code, out } = await type("import", file("office.yaml", yaml));
		expect([code, out]).toEqual([
			0,
			"office  version 3  draft  for group staff but for user bob@example.com  unchanged\n",
		]);
		expect((await desk.store.listVersions("office")).length).toBe(3);
		const published = await type("import", file("office.yaml", yaml), "--publish");
		expect(published.out).toContain("version 3  published");
		expect(await desk.store.publishedVersions()).toEqual([{ name: "office", version: 3 }]);
	});

	it("goes back, withdraws, and tells so", async () => {
		expect((await type("publish", "office", "--version", "2")).out).toContain(
			"office  version 2  published  for group",
		);
		expect((await type("publish", "office", "--version", "2")).out).toContain("published already");
		expect(await type("publish", "office", "--version", "9")).toMatchObject({ code: 1, out: "" });
		expect(await type("publish", "nothing")).toMatchObject({
			code: 1,
			err: expect.stringContaining("ota profile list"),
		});
		expect((await type("list")).out).toMatch(
			/^Buro-Mac {2}version 1 {2}not published .*\noffice {2}version 3 {2}published 2 {2}since 2/,
		);
		const history = (await type("history", "office")).out.split("\n");
		expect(history.map((line) => line.slice(0, 22))).toEqual([
			"version 3  -          ",
			"version 2  published  ",
			"version 1  -          ",
			"",
		]);
		expect(history[1]).toMatch(/ by .+ {2}second$/);
		const iso = expect.stringMatching(/^2\d{3}-\d\d-\d\dT[\d:.]+Z$/);
		const common = { createdAt: iso, by: expect.any(String) };
		expect(JSON.parse((await type("history", "office", "--json")).out)).toEqual([
			{ version: 3, isPublished: false, ...common, note: "" },
			{ version: 2, isPublished: true, ...common, note: "second" },
			{ version: 1, isPublished: false, ...common, note: "first" },
		]);
		expect(JSON.parse((await type("list", "--json")).out)).toEqual([
			{
				...{ name: "Buro-Mac", latest: 1, published: null, publishedAt: null },
				...{ for: [{ group: ["staff"] }, { platform: ["Mac"] }], except: [], payloads: 1 },
			},
			{
				...{ name: "office", latest: 3, published: 2, publishedAt: iso },
				...{ for: [{ group: ["staff"] }], except: [{ user: ["bob@example.com"] }], payloads: 2 },
			},
		]);
		expect((await type("withdraw", "office")).out).toBe("office  version 2  withdrawn\n");
		expect((await type("withdraw", "office")).out).toBe("office  is not published\n");
		expect(await desk.store.publishedVersions()).toEqual([]);
		const { by } = audited()[0];
		const told = audited().filter(({ profile: name }) => name === "office");
		expect(told).toEqual(
			[
				["profile.saved", 1],
				["profile.saved", 2],
				["profile.published", 2],
				["profile.saved", 3],
				["profile.published", 3],
				["profile.published", 2],
				["profile.withdrawn", 2],
			].map(([event, version]) => ({ event, profile: "office", version, by })),
		);
	});

	it("shows what changed", async () => {
		await type("publish", "office", "--version", "1");
		const { code, out } = await type("diff", "office");
		expect(code).toBe(0);
		expect(out).toMatch(/^--- office version 1 \(published\)[^\n]*\n\+\+\+ office version 3[^\n]*\n@@/);
		expect(out).toContain("+priority: 7\n");
		expect((await type("diff", "office", "2")).out).toContain("+  wifi.Password: 3\n");
		expect((await type("diff", "office", "3", "2")).out).toContain("-  wifi.Password: 3\n");
		expect(await type("diff", "office", "3", "3")).toMatchObject({
			out: "",
			err: "Version 3 and version 3 are equal.\n",
		});
		expect(await type("diff", "Buro-Mac")).toMatchObject({ code: 0, out: "", err: "Buro-Mac has one version.\n" });
		expect((await type("diff", "office", "3", "4")).code).toBe(1);
	});

	it("exports what imports as the same, into files for nobody else, never over another", async () => {
		const path = join(desk.folder, "exported.mobileconfig");
		const { code, out, err } = await type("export", "office", "--format", "mobileconfig", "-o", path);
		expect([code, out]).toEqual([0, ""]);
		expect(err).toContain("1 secret by name alone: wifi.Password.");
		expect(statSync(path).mode & 0o777).toBe(0o600);
		expect(readProfileFile(readFileSync(path)).profile).toMatchObject({ PayloadDisplayName: "Example" });
		expect((await type("import", path, "--name", "office")).out).toContain("version 3  draft");
		const before = readFileSync(path);
		const refused = await type("export", "office", "-o", path);
		expect([refused.code, refused.err]).toEqual([1, `${path} is there already: delete it, or choose another name\n`]);
		expect(readFileSync(path)).toEqual(before);
		expect((await type("export", "office", "-o", join(desk.folder, "no", "folder"))).code).toBe(1);
		expect(readdirSync(desk.folder).filter((name) => name.startsWith(".ota-"))).toEqual([]);
	});

	it.each([
		["office.mobileconfig", [], /^<\?xml /],
		["office.YAML", [], /^name: office\n/],
		["office.yml", ["--format", "yaml"], /^name: office\n/],
		["office.txt", [], /^name: office\n/],
		["office.plist", ["--format", "mobileconfig"], /^<\?xml /],
	])("writes into %s %j what its name says, or the flag", async (name, flags, content) => {
		const path = join(desk.folder, `form-${name}`);
		expect((await type("export", "office", "-o", path, ...flags)).code).toBe(0);
		expect(readFileSync(path, "utf8")).toMatch(content);
	});

	it("takes a new value from standard input or a file, in a new version", async () => {
		const renewed = `${canary}-2`;
		const saved = await withStdin(`${renewed}\n`, () => type("secret", "office", "wifi.Password", "--publish"));
		expect(saved).toMatchObject({ code: 0, out: "office  version 4  published  secret wifi.Password sealed\n" });
		expect(await opened("office", 4)).toEqual({ "office/wifi.Password": renewed });
		expect(await opened("office", 3)).toEqual({ "office/wifi.Password": canary });
		const unknown = await withStdin("x", () => type("secret", "office", "wifi.Passwort"));
		expect(unknown).toMatchObject({ code: 1, err: expect.stringContaining("It has: wifi.Password.") });
		for (const value of ["", "\n", new Uint8Array([0xff])]) {
			expect((await withStdin(value, () => type("secret", "office", "wifi.Password"))).code).toBe(1);
		}
		expect((await desk.store.listVersions("office"))[0]?.version).toBe(4);
	});

	it.each<[string, string, string[], string | Uint8Array, RegExp]>([
		["a control character", "wifi.Password", [], "bell\u0007", /Password: /],
		["data for a text", "wifi.Password", ["--file"], new Uint8Array([1, 2, 3]), /Password: needs string|Password: is /],
		["text for data", "vpn.IPSec.SharedSecret", [], "in plain words", /IPSec\.SharedSecret: /],
	])("does not seal what would stop every device: %s", async (_, secret, flags, value, told) => {
		const vpn = payload("com.apple.vpn.managed", {
			UserDefinedName: "Office",
			VPNType: "IPSec",
			IPSec: {
				AuthenticationMethod: "SharedSecret",
				RemoteAddress: "vpn.example.com",
				SharedSecret: new Uint8Array([115]),
			},
		});
		const name = `kind-${secret.slice(0, 4)}-${flags.length}`;
		await type("import", file(`${name}.mobileconfig`, document(profile([wifi(), vpn]))), "--publish");
		const before = (await desk.store.listVersions(name)).length;
		const given = flags.length > 0 ? [...flags, file(`${name}.bin`, value)] : [];
		const { code, err } = await withStdin(value, () => type("secret", name, secret, "--publish", ...given));
		expect([code, err]).toEqual([1, expect.stringMatching(told)]);
		expect(err).not.toContain("in plain words");
		expect(await desk.store.listVersions(name)).toHaveLength(before);
		const octets = new Uint8Array([0, 255, 10]);
		const saved = await type("secret", name, "vpn.IPSec.SharedSecret", "--file", file(`${name}.octets`, octets));
		expect(saved).toMatchObject({ code: 0, out: expect.stringContaining("draft") });
		expect(await opened(name, before + 1)).toMatchObject({ [`${name}/vpn.IPSec.SharedSecret`]: octets });
	});

	it("does not take a value that is longer than can be sealed, and says so before the agent is asked", async () => {
		const asked = agent.calls.length;
		const long = "x".repeat(70_000);
		const typed = await withStdin(long, () => type("secret", "office", "wifi.Password"));
		expect(typed).toMatchObject({ code: 1, out: "", err: expect.stringContaining("longer than the 64 KiB") });
		const p12 = payload("com.apple.security.pkcs12", { PayloadContent: Buffer.from(long) });
		const imported = await type("import", file("chain.mobileconfig", document(profile([p12]))));
		expect([imported.code, imported.out]).toEqual([1, ""]);
		expect(imported.err).toMatch(/payload 0 com\.apple\.security\.pkcs12 .* PayloadContent: .*longer than the 64 KiB/);
		expect(agent.calls).toHaveLength(asked);
	});

	it("saves a draft whose secret has no value yet, and publishes it only when it has", async () => {
		const text = document(profile([wifi({ Password: "${secret.wifi}" })]));
		const path = file("later.mobileconfig", text);
		const refused = await type("import", path, "--for", "everyone", "--publish");
		expect([refused.code, refused.out]).toEqual([1, ""]);
		expect(refused.err).toContain("ota profile secret later wifi");
		expect(await desk.store.listVersions("later")).toEqual([]);
		const draft = await type("import", path, "--for", "everyone");
		expect([draft.code, draft.out]).toEqual([0, "later  version 1  draft  for everyone\n"]);
		const early = await type("publish", "later");
		expect([early.code, early.out]).toEqual([1, ""]);
		expect(early.err).toBe(
			"error    secret wifi has no value. Give it one: ota profile secret later wifi\nNot published: 1 error.\n",
		);
		expect((await withStdin(canary, () => type("secret", "later", "wifi"))).code).toBe(0);
		expect((await type("publish", "later")).out).toBe("later  version 2  published  for everyone\n");
	});

	describe("a secret that does not open any more", () => {
		const vpn = payload("com.apple.vpn.managed", {
			...{ UserDefinedName: "Office", VPNType: "IPSec" },
			IPSec: {
				...{ AuthenticationMethod: "SharedSecret", RemoteAddress: "vpn.example.com" },
				SharedSecret: new Uint8Array([115]),
			},
		});
		const closed =
			/^error {4}profile lost: its secret wifi\.Password \(version 1\) does not open: .*Give it anew: ota profile secret lost wifi\.Password$/m;
		const versions = async () => (await desk.store.listVersions("lost")).length;
		const publishedOnes = async () =>
			(await desk.store.publishedVersions()).filter(({ name }) => name === "lost").map(({ version }) => version);

		beforeAll(async () => {
			await type("import", file("lost.mobileconfig", document(profile([wifi(), vpn]))), "--for", "everyone");
			const database = new Database(join(desk.folder, "ota.db"));
			const broken = database.prepare(
				`UPDATE "ProfileSecret" SET "sealed" = zeroblob(64) WHERE "profile" = 'lost' AND "name" = 'wifi.Password'`,
			);
			expect(broken.run().changes).toBe(1);
			database.close();
		});

		it("is not published", async () => {
			const { code, out, err } = await type("publish", "lost");
			expect([code, out]).toEqual([1, ""]);
			expect(err).toMatch(closed);
			expect(err).toMatch(/\nNot published\.\n$/);
			expect(await publishedOnes()).toEqual([]);
		});

		it("is not carried into a version that an import publishes, new or unchanged", async () => {
			const { out: yaml } = await type("export", "lost");
			for (const text of [yaml, `${yaml}updateAfterDays: 9\n`]) {
				const { code, out, err } = await type("import", file("lost.yaml", text), "--publish");
				expect([code, out, err]).toEqual([1, "", expect.stringMatching(closed)]);
			}
			expect([await versions(), await publishedOnes()]).toEqual([1, []]);
		});

		it("is not carried into a version that another secret publishes", async () => {
			const flags = ["--file", file("lost.bin", "new"), "--publish"];
			const { code, out, err } = await type("secret", "lost", "vpn.IPSec.SharedSecret", ...flags);
			expect([code, out, err]).toEqual([1, "", expect.stringMatching(closed)]);
			expect([await versions(), await publishedOnes()]).toEqual([1, []]);
		});

		it("is no more once it was given anew", async () => {
			const given = await withStdin("another", () => type("secret", "lost", "wifi.Password", "--publish"));
			expect([given.code, given.out]).toEqual([0, "lost  version 2  published  secret wifi.Password sealed\n"]);
			await type("withdraw", "lost");
			expect((await type("publish", "lost")).code).toBe(0);
		});

		it("is not asked for while the agent is away: that is a refusal of its own", async () => {
			await type("withdraw", "lost");
			const away = { OTA_HSM_AGENT: "unix:/nonexistent/agent.sock" };
			const { code, out, err } = await desk.typeWith(away, run, "publish", "lost");
			expect([code, out, err]).toEqual([1, "", expect.stringContaining("or run: ota agent")]);
			expect(await publishedOnes()).toEqual([]);
			await type("import", file("open.mobileconfig", document(profile([webClip()]))), "--for", "nobody");
			expect((await desk.typeWith(away, run, "publish", "open")).code).toBe(0);
			await type("withdraw", "open");
		});
	});

	it("needs the agent for secrets alone, and says what to start", async () => {
		const away = { OTA_HSM_AGENT: "unix:/nonexistent/agent.sock" };
		const plain = file("plain.mobileconfig", document(profile([webClip()])));
		const secret = file("secret.mobileconfig", document(profile([wifi()])));
		expect((await desk.typeWith(away, run, "import", plain)).code).toBe(0);
		const { code, out, err } = await desk.typeWith(away, run, "import", secret);
		expect([code, out]).toEqual([1, ""]);
		expect(err).toContain("or run: ota agent");
		expect(await desk.store.listVersions("secret")).toEqual([]);
	});
});

describe("A04: the import of a profile that is no profile, or one to harm", () => {
	const xml = (body: string) => `<plist version="1.0">${body}</plist>`;
	const around = (text: string) =>
		Buffer.from(document(profile([webClip({ Label: "HERE" })])))
			.toString()
			.replace("HERE", text);
	const twin = (keys: object) => document(profile([webClip(), webClip({ ...keys }, "other")]));

	it.each<[string, Uint8Array | string]>([
		["']]>' in a text", around("a ]]> b")],
		["a bare '&'", around("a & b")],
		["a control character", around("a\u0001b")],
		["a control character by reference", around("a&#27;b")],
		["5 MB", around("a".repeat(5_000_000))],
		["nested 1,000 deep", xml(`${"<array>".repeat(1_000)}${"</array>".repeat(1_000)}`)],
		["a key twice", xml("<dict><key>a</key><true/><key>a</key><true/></dict>")],
		["a binary property list", Buffer.from("bplist00\u0001\u0002")],
		["an entity from elsewhere", `<!DOCTYPE plist [<!ENTITY a SYSTEM "file:///etc/passwd">]>${xml("<dict/>")}`],
		["nothing", ""],
		["DER that is no SignedData", new Uint8Array([0x30, 0x03, 0x02, 0x01, 0x01])],
		["a PayloadUUID twice", twin({ PayloadUUID: webClip().PayloadUUID })],
		["a PayloadIdentifier twice", twin({ PayloadIdentifier: "com.example.clip" })],
		["an MDM payload", document(profile([payload("com.apple.mdm", {})]))],
		[
			"an encrypted content",
			document({ ...profile([]), IsEncrypted: true, EncryptedPayloadContent: new Uint8Array(9) }),
		],
		["a variable that is none", around("${user.password}")],
		["a variable without end", around("${user.email")],
	])("is refused when it has %s", async (_, content) => {
		const { code, out, err } = await type("import", file("hostile.mobileconfig", content));
		expect([code, out]).toEqual([1, ""]);
		expect(err.length).toBeGreaterThan(20);
		expect(await desk.store.listVersions("hostile")).toEqual([]);
	});

	it.each([
		["YAML that is none", "name: [", "hostile.yaml"],
		["YAML with a key twice", "name: hostile\nname: hostile\npayloads: []\n", "hostile.yaml"],
		["YAML of another name", "name: ../../etc\npayloads: []\n", "hostile.yaml"],
		["YAML that is no UTF-8", Buffer.from([0xff, 0xfe, 0x41]), "hostile.yaml"],
	])("is refused when it is %s", async (_, content, name) => {
		const { code, out } = await type("import", file(name, content));
		expect([code, out]).toEqual([1, ""]);
		expect(await desk.store.listVersions("hostile")).toEqual([]);
	});

	it("is escaped where it may stand: the same characters come back, and none reaches the terminal as itself", async () => {
		const label = "a ]]> & <b> \u009b2J \u202e";
		const path = file("escaped.mobileconfig", document(profile([webClip({ Label: label })])));
		expect((await type("import", path, "--for", "everyone", "--note", "\u001b[2J")).code).toBe(0);
		const exported = join(desk.folder, "escaped-again.mobileconfig");
		await type("export", "escaped", "--format", "mobileconfig", "-o", exported);
		expect(readProfileFile(readFileSync(exported)).profile).toMatchObject({ PayloadContent: [{ Label: label }] });
		await type("import", file("escaped.yaml", (await type("export", "escaped")).out), "--note", "again");
		for (const args of [["history", "escaped"], ["list"]]) {
			const { out, err } = await type(...args);
			for (const character of ["\u001b", "\u009b", "\u202e"]) expect(out + err).not.toContain(character);
		}
	});
});

describe("A06: a secret of a profile", () => {
	it("is in nothing that the commands said, in no exported file, audit event or part of the database", async () => {
		for (const version of ["1", "3", "4", "5"]) {
			await type("export", "office", "--version", version);
			await type("export", "office", "--version", version, "--format", "mobileconfig");
		}
		for (const json of [[], ["--json"]]) {
			const who = ["--user", "ana@example.com", "--product", "iPhone15,4", "--os", "18.1", "--groups", "staff"];
			const { out } = await type("render", ...who, "--draft", "office", "--with", withPlainSecret(), ...json);
			expect(out).toContain("•••");
		}
		await type("lint", join(desk.folder, "trial.yaml"));
		await type("diff", "office", "1", "5");
		const shown = said.join("");
		expect(shown).toContain("wifi.Password");
		expect(shown).not.toContain("CANARY");
		expect(shown).not.toContain(Buffer.from(canary).toString("base64").slice(0, 16));
		expect(JSON.stringify(audited())).not.toContain("CANARY");
		for (const name of ["ota.db", "ota.db-wal"]) {
			const path = join(desk.folder, name);
			if (existsSync(path)) expect(readFileSync(path).includes("CANARY")).toBe(false);
		}
	});

	/** A draft that nobody imported yet, with the password in it. */
	function withPlainSecret(): string {
		const path = join(desk.folder, "trial.yaml");
		rmSync(path, { force: true });
		const lines = ["name: trial", "for: everyone", "payloads:", "  - name: wifi", "    payload:"];
		const keys = ["PayloadType: com.apple.wifi.managed", "SSID_STR: Trial", "EncryptionType: WPA2"];
		writeFileSync(path, [...lines, ...[...keys, `Password: "${canary}"`].map((key) => `      ${key}`), ""].join("\n"));
		return path;
	}
});

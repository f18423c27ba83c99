/** `ota schema import`: documents in the layout of Apple's repository, written here, compiled and read again. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { run } from "../../bin/commands/schema.ts";
import { builtInCatalogue } from "../../lib/profile/catalogue/built-in.ts";
import type { KeyDefinition, PayloadDefinition } from "../../lib/profile/catalogue/form.ts";
import { catalogueWith, readSchemaFile, writeSchemaFile } from "../../lib/profile/catalogue/schema-file.ts";
import { importSchema } from "../../lib/profile/schema-import.ts";
import { captured } from "../harness/captured.ts";

const layout = `title: Page layout
payload:
  payloadtype: com.example.layout
  supportedOS:
    iOS: { introduced: 9.3, supervised: true, allowmanualinstall: true, multiple: false }
    macOS: { introduced: 10.10, deprecated: "10.9", removed: n/a }
    tvOS:
      introduced: n/a
payloadkeys:
- key: Pages
  title: The pages
  type: <array>
  presence: required
  subkeys:
  - &entry
    key: Entry
    type: <dictionary>
    subkeys:
    - key: Kind
      type: <string>
      presence: required
      rangelist: [App, "10.10", Folder]
      default: App
    - key: Rank
      type: <integer>
      range: { min: 1, max: 0x10 }
      default: 3
    - key: Entries
      type: <array>
      subkeys: &entries
      - *entry
- key: Dock
  type: <array>
  supportedOS: { iOS: { introduced: 10.0 } }
  subkeys: *entries
- key: Anything
  type: <dictionary>
  subkeys:
  - key: ANY
    type: <any>
    presence: required
- key: Password
  type: <string>
  format: ^.{8,}$
- key: Address
  type: <string>
  subtype: <url>
  combinetype: set-union
- key: Pair
  type: <array>
  subkeys:
  - { key: Left, type: <boolean>, default: true }
  - { key: Right, type: <real>, range: { min: -0.5 } }
`;

function document(type: string, keys: string): string {
	return `title: T\npayload: { payloadtype: ${type}, supportedOS: { iOS: { introduced: 4.0 } } }\npayloadkeys:\n${keys}`;
}

function compile(...texts: string[]) {
	return importSchema(texts.map((text, index) => ({ name: `${index}.yaml`, text })));
}

function key(definition: PayloadDefinition | KeyDefinition | undefined, name: string): KeyDefinition | undefined {
	if (!definition) return undefined;
	const keys = "keys" in definition ? definition.keys : definition.of;
	return keys?.find((each) => each.key === name);
}

describe("a compiled schema", () => {
	const { payloads, notes } = compile(layout);
	const [definition] = payloads;
	const read = readSchemaFile(writeSchemaFile(payloads));

	it("keeps version 10.10 apart from 10.1", () => {
		expect(definition?.on).toEqual({
			iOS: { introduced: "9.3", isSupervisedOnly: true, isInstallableByHand: true, isRepeatable: false },
			macOS: { introduced: "10.10", deprecated: "10.9" },
			tvOS: { introduced: null },
		});
		expect(key(definition?.keys[0]?.of?.[0], "Kind")?.oneOf).toEqual(["App", "10.10", "Folder"]);
	});

	it.each([
		["as compiled", definition],
		["as read from its file", read[0]],
	])("leads back to itself, %s", (_, layoutDefinition) => {
		const entry = key(layoutDefinition, "Pages")?.of?.[0];
		let inner = entry;
		for (let depth = 0; depth < 100; depth += 1) inner = key(inner, "Entries")?.of?.[0];
		expect(inner?.key).toBe("Entry");
		expect(inner?.of).toBe(entry?.of);
		expect(key(layoutDefinition, "Dock")?.of).toBe(key(entry, "Entries")?.of);
	});

	it("knows ANY, formats, secrets, ranges and combination", () => {
		expect(key(definition, "Anything")?.of).toEqual([{ key: "ANY", type: "any", isRequired: true }]);
		expect(key(definition, "Password")).toEqual({ key: "Password", type: "string", format: "^.{8,}$", isSecret: true });
		expect(key(definition, "Address")).toEqual({
			key: "Address",
			type: "string",
			format: "<url>",
			combine: "set-union",
		});
		expect(key(definition?.keys[0]?.of?.[0], "Rank")).toEqual({
			key: "Rank",
			type: "integer",
			range: { min: 1, max: 16 },
			default: 3,
		});
		expect(notes).toEqual([]);
	});

	it("takes what the schema calls a dictionary's item for what is in it: no device knows ConsentTextItem", () => {
		const [topLevel] = compile(
			document(
				"TopLevel",
				`- key: ConsentText
  type: <dictionary>
  subkeys:
  - key: ConsentTextItem
    type: <dictionary>
    presence: required
    subkeys:
    - { key: ANY, type: <string>, presence: required }
`,
			),
		).payloads;
		expect(key(topLevel, "ConsentText")?.of).toEqual([{ key: "ANY", type: "string", isRequired: true }]);
	});

	it("takes any key of a vendor's, and the server of a VPN that an app brings", () => {
		const dict = (name: string, inner: string) =>
			`- key: ${name}\n  type: <dictionary>\n  subkeys:\n  - { key: ${inner}, type: <string> }\n`;
		const [vpn] = compile(
			document("com.apple.vpn.managed", dict("VendorConfig", "Realm") + dict("VPN", "Password")),
		).payloads;
		expect(key(vpn, "VendorConfig")?.of?.map((each) => each.key)).toEqual(["Realm", "ANY"]);
		expect(key(vpn, "VPN")?.of?.map((each) => each.key)).toEqual(["Password", "RemoteAddress"]);
	});

	it("takes several keys below an array as those of a dictionary", () => {
		expect(key(definition, "Pair")?.of).toEqual([
			{
				key: "item",
				type: "dictionary",
				of: [
					{ key: "Left", type: "boolean", default: true },
					{ key: "Right", type: "real", range: { min: -0.5 } },
				],
			},
		]);
	});

	it("is the same after it was written and read", () => {
		expect(read).toEqual(payloads);
		expect(writeSchemaFile(read)).toBe(writeSchemaFile(payloads));
	});

	it("stands beside the built-in catalogue", () => {
		const catalogue = catalogueWith(read);
		expect(catalogue.payloads.get("com.example.layout")?.title).toBe("Page layout");
		expect(catalogue.payloads.size).toBe(builtInCatalogue.payloads.size + 1);
		expect(catalogue.common).toBe(builtInCatalogue.common);
		const [replaced] = compile(document("TopLevel", "- { key: PayloadType, type: <string> }")).payloads;
		expect(catalogueWith(replaced ? [replaced] : []).profile).toBe(replaced);
	});

	it("unites the documents of one type", () => {
		const [united, ...more] = compile(
			document(
				"com.example.split",
				"- { key: A, type: <string>, presence: required }\n- { key: B, type: <string>, presence: required }",
			),
			document(
				"com.example.split",
				"- { key: B, type: <string>, presence: required }\n- { key: C, type: <string>, presence: required }",
			),
		).payloads;
		expect(more).toEqual([]);
		expect(united?.keys.map(({ key: name, isRequired = false }) => [name, isRequired])).toEqual([
			["A", false],
			["B", true],
			["C", false],
		]);
	});

	it("leaves out what it does not understand, and tells it", () => {
		const bad = document(
			"com.example.bad",
			'- { key: A, type: <integer>, rangelist: [1, two], range: { min: none }, format: "[" }',
		);
		const { payloads: compiled, notes: told } = compile(bad);
		expect(compiled[0]?.keys).toEqual([{ key: "A", type: "integer", range: {} }]);
		expect(told).toHaveLength(3);
		expect(told[0]).toMatch(/^0\.yaml: A: .*left out$/);
	});

	it("passes over documents that are no payload's", () => {
		expect(compile("title: Lock\npayload: { requesttype: DeviceLock }\n").payloads).toEqual([]);
	});

	it("holds all of the built-in catalogue as well", () => {
		const all = [...builtInCatalogue.payloads.values()];
		expect(readSchemaFile(writeSchemaFile(all))).toEqual(all);
	});
});

describe("a schema's YAML", () => {
	const bomb = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
	for (const [one, other] of ["ab", "bc", "cd", "de", "ef"].map((pair) => [...pair])) {
		bomb.push(`${other}: &${other} [${Array(10).fill(`*${one}`).join(", ")}]`);
	}

	it.each([
		["no YAML", "payload: [", "malformed"],
		["a list at its root", "- a", "malformed"],
		["a key twice", "payload: {}\npayload: {}", "malformed"],
		["an anchor that is not there", "payload: *nowhere", "malformed"],
		["anchors that multiply", bomb.join("\n"), "malformed"],
		["nested 10,000 deep", `payload: ${"[".repeat(10_000)}${"]".repeat(10_000)}`, "malformed"],
		["of 3 MiB", `title: ${"x".repeat(3 * 1024 * 1024)}`, "too_large"],
		["a type that does not exist", document("com.example.bad", "- { key: A, type: <number> }"), "malformed"],
		["a key without a name", document("com.example.bad", "- { type: <string> }"), "malformed"],
		["keys that are text", document("com.example.bad", "  nothing"), "malformed"],
	])("is refused when it is %s", (_, text, code) => {
		expect(() => compile(text)).toThrow(
			expect.objectContaining({ code, message: expect.stringMatching(/^0\.yaml: /) }),
		);
	});

	it("with a __proto__ changes no object", () => {
		compile(document("com.example.proto", "- { key: A, type: <string>, __proto__: { isRequired: true } }"));
		expect(Object.prototype).not.toHaveProperty("isRequired");
	});
});

describe("a schema file", () => {
	const good = { form: "next-ota payload schema 1", payloads: [], definitions: {} };
	const payload = { type: "com.example", title: "T", on: {}, keys: "d0" };
	const withKey = (fields: object) => ({
		...good,
		payloads: [payload],
		definitions: { d0: [{ key: "A", type: "string", ...fields }] },
	});

	it.each([
		["no JSON", "{"],
		["of another form", JSON.stringify({ ...good, form: "x" })],
		["without payloads", JSON.stringify({ ...good, payloads: {} })],
		["with a list that is none", JSON.stringify({ ...good, definitions: { d0: {} } })],
		["with a payload without keys", JSON.stringify({ ...good, payloads: [payload] })],
		["with a payload without a type", JSON.stringify({ ...good, payloads: [{ ...payload, type: 1 }] })],
		["with a type that does not exist", JSON.stringify(withKey({ type: "number" }))],
		["with a field that does not exist", JSON.stringify(withKey({ constructor: true }))],
		["with a format that is none", JSON.stringify(withKey({ format: "[" }))],
		["with a list that is not there", JSON.stringify(withKey({ of: "d1" }))],
		["with a system that does not exist", JSON.stringify(withKey({ on: { Windows: {} } }))],
		["with a version that is none", JSON.stringify(withKey({ on: { iOS: { introduced: "new" } } }))],
		["of 17 MiB", " ".repeat(17 * 1024 * 1024)],
	])("is refused when it is %s", (_, text) => {
		expect(() => readSchemaFile(text)).toThrow(expect.objectContaining({ code: "config" }));
	});
});

describe("ota schema import", () => {
	let folder: string;
	const written = captured();
	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "schema-import-"));
	});
	afterEach(() => rmSync(folder, { recursive: true }));

	it("compiles a checkout's payloads, and nothing else of it", async () => {
		mkdirSync(join(folder, "mdm", "profiles"), { recursive: true });
		mkdirSync(join(folder, "mdm", "commands"));
		writeFileSync(join(folder, "mdm", "profiles", "layout.yaml"), layout);
		writeFileSync(join(folder, "mdm", "profiles", "README.md"), "no YAML: [");
		writeFileSync(join(folder, "mdm", "commands", "lock.yaml"), "no YAML: [");
		expect(await run(["import", folder])).toBe(0);
		expect(readSchemaFile(written.out).map(({ type }) => type)).toEqual(["com.example.layout"]);
		expect(written.err).toBe("1 payload types.\n");
	});

	it("writes the file it is told, whole", async () => {
		writeFileSync(join(folder, "layout.yaml"), layout);
		const file = join(folder, "schema.json");
		expect(await run(["import", folder, "-o", file])).toBe(0);
		expect(written.out).toBe("");
		expect(readSchemaFile(readFileSync(file, "utf8"))).toHaveLength(1);
		expect(readdirSync(folder).sort()).toEqual(["layout.yaml", "schema.json"]);
	});

	it("ends with 1 and the reason where there is nothing to compile", async () => {
		expect(await run(["import", join(folder, "nowhere")])).toBe(1);
		expect(await run(["import", folder])).toBe(1);
		writeFileSync(join(folder, "broken.yaml"), "payload: [");
		expect(await run(["import", folder])).toBe(1);
		expect(written.err).toMatch(/no such folder[\s\S]*no document of a payload[\s\S]*broken\.yaml: /);
		expect(written.out).toBe("");
	});

	it.each([[[]], [["import"]], [["export", "x"]], [["import", "a", "b"]], [["import", "a", "--what"]]])(
		"ends with 2 and its usage for %j",
		async (args) => {
			expect(await run(args)).toBe(2);
			expect(written.err).toMatch(/^usage: ota schema import/);
		},
	);
});

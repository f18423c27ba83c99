// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of templates look like that.
/** `ota profile lint`: the files that it reads, its output and its exit codes. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { run } from "../../bin/commands/profile.ts";
import { defaultTemplates } from "../../lib/profile/default-templates.ts";
import { readProfileFile } from "../../lib/profile/profile-file.ts";
import { type PropertyListValue, propertyList } from "../../lib/profile/property-list.ts";
import { captured } from "../harness/captured.ts";
import { payload, profile, webClip } from "./lint-examples.ts";

const document = (value: unknown) => propertyList(value as PropertyListValue);
const good = document(profile([webClip({ Label: "]]> & <b>" })]));
const bad = document(profile([webClip({ URL: 7 })]));
const warned = document(profile([webClip({ Colour: "red" })]));
/** As `plutil -convert binary1` begins. */
const binary = new TextEncoder().encode("bplist00\u0001\u0002");

let folder: string;
const written = captured();
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "profile-command-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, bytes: Uint8Array | string): string {
	const path = join(folder, name);
	writeFileSync(path, bytes);
	return path;
}

/** DER of SignedData around `content`, by openssl. */
function signed(content: Uint8Array, ...flags: string[]): Uint8Array {
	const [key, certificate] = [join(folder, "key.pem"), join(folder, "signer.pem")];
	const subject = ["-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Signer", "-days", "1"];
	openssl(["req", ...subject, "-keyout", key, "-out", certificate]);
	const input = file("content", content);
	const kind = ["-sign", "-binary", "-nodetach", "-md", "sha256", "-outform", "DER"];
	return openssl(["cms", ...kind, "-signer", certificate, "-inkey", key, "-in", input, ...flags]);
}

function openssl(args: string[]): Buffer {
	const { status, stdout, stderr } = spawnSync("openssl", args);
	if (status !== 0) throw new Error(String(stderr));
	return stdout;
}

describe("ota profile lint", () => {
	it("ends with 0 and says nothing of a good profile", async () => {
		expect(await run(["lint", file("good.mobileconfig", good)])).toBe(0);
		expect(written).toEqual({ out: "", err: "0 errors, 0 warnings.\n" });
	});

	it("ends with 0 for warnings", async () => {
		expect(await run(["lint", file("warned.mobileconfig", warned)])).toBe(0);
		expect(written.out).toMatch(
			/^warning {2}payload 0 com\.apple\.webClip\.managed \(com\.example\.clip\) Colour: .*\[unknown\]\n$/,
		);
	});

	it("ends with 1 for errors", async () => {
		expect(await run(["lint", file("bad.mobileconfig", bad)])).toBe(1);
		expect(written.out).toMatch(
			/^error {4}payload 0 .* URL: is integer where string is needed\. Give it as string\. \[type\]\n$/,
		);
		expect(written.err).toBe("1 errors, 0 warnings.\n");
	});

	it.each([[[]], [["-stream"]], [["-nocerts"]], [["-noattr"]]])(
		"reads a signed profile (openssl %j) and says that its signature was not judged",
		async (flags) => {
			const path = file("signed.mobileconfig", signed(bad, ...flags));
			expect(await run(["lint", path, "--json"])).toBe(1);
			expect(JSON.parse(written.out)).toMatchObject({ isSigned: true, errors: 1, findings: [{ rule: "type" }] });
			expect(written.err).toMatch(/^Signed; whether the signature holds was not looked at\.\n/);
		},
	);

	it("tells one JSON object with --json", async () => {
		const path = file("bad.mobileconfig", bad);
		expect(await run(["lint", "--json", path])).toBe(1);
		expect(JSON.parse(written.out)).toEqual({
			...{ file: path, isSigned: false, errors: 1, warnings: 0 },
			findings: [
				{
					...{ rule: "type", level: "error", path: "URL", title: "Address" },
					payload: { index: 0, type: "com.apple.webClip.managed", identifier: "com.example.clip" },
					...{ words: "is integer where string is needed", remedy: "Give it as string." },
				},
			],
		});
	});

	it("judges for the system and version it is told", async () => {
		const relay = payload("com.apple.relay.managed", { Relays: [{ HTTP3RelayURL: "https://example.com/" }] });
		const path = file("relay.mobileconfig", document(profile([relay])));
		expect(await run(["lint", path, "--os", "iOS", "--version", "17.0"])).toBe(0);
		expect(await run(["lint", path, "--os", "iOS", "--version", "16.7"])).toBe(1);
		expect(await run(["lint", path, "--os", "macOS", "--version", "10.10"])).toBe(1);
		const safari = payload("com.apple.applicationaccess", { allowSafari: false });
		const restricted = file("safari.mobileconfig", document(profile([safari])));
		expect(await run(["lint", restricted])).toBe(1);
		expect(await run(["lint", restricted, "--supervised"])).toBe(0);
	});

	it("reads an imported schema beside the built-in one", async () => {
		const path = file("own.mobileconfig", document(profile([payload("com.example.own", { A: 1 })])));
		const definition = { type: "com.example.own", title: "Own", on: { iOS: {}, macOS: {} }, keys: "d0" };
		const definitions = { d0: [{ key: "A", type: "string" }] };
		const form = { form: "next-ota payload schema 1", payloads: [definition], definitions };
		expect(await run(["lint", path])).toBe(0);
		expect(await run(["lint", path, "--schema", file("schema.json", JSON.stringify(form))])).toBe(1);
		expect(await run(["lint", path, "--schema", file("none.json", "{}")])).toBe(1);
		expect(written.err).toMatch(/Schema file: not of the form/);
	});

	it("never moves the cursor of who reads it", async () => {
		const path = file("cursor.mobileconfig", document(profile([webClip({ "a\u009b2J\u202eb": 1 })])));
		await run(["lint", path]);
		expect(written.out).toContain(" a\\u009b2J\\u202eb: ");
	});

	describe("of a template file", () => {
		const template = (name: string, keys: object) => file(name, document(keys));
		const network = { PayloadType: "com.apple.wifi.managed", SSID_STR: "${user.login}", EncryptionType: "WPA2" };

		it("takes what the server takes", async () => {
			const path = template("guests.plist", { ...network, EncryptionType: "None" });
			expect(await run(["lint", path])).toBe(0);
			expect(written).toEqual({ out: "", err: "0 errors, 0 warnings.\n" });
		});

		it("tells a fault by the payload that is named like the file", async () => {
			const path = template("lab.PLIST", { ...network, SSID_STR: 7, EncryptionType: "None" });
			expect(await run(["lint", path, "--json"])).toBe(1);
			const named = { index: 0, type: "com.apple.wifi.managed", identifier: expect.stringMatching(/\.lab$/) };
			expect(JSON.parse(written.out)).toMatchObject({
				...{ isSigned: false, errors: 1 },
				findings: [{ rule: "type", path: "SSID_STR", payload: named }],
			});
		});

		it("warns of a password in plain text, and knows no sealed one", async () => {
			const plain = template("plain.plist", { ...network, Password: "CANARY-1" });
			expect(await run(["lint", plain])).toBe(0);
			expect(written.out).toMatch(/^warning .* Password: holds a secret in plain text\. Whoever .* \[secret\]\n$/);
			expect(written.out).not.toContain("CANARY");
			written.out = "";
			const named = template("sealed.plist", { ...network, Password: "${secret.lab}" });
			expect(await run(["lint", named])).toBe(1);
			expect(written.out).toMatch(/^error .* Password: names a secret that has no value/);
		});

		it.each<[string, string, object, RegExp]>([
			["a whole profile", "whole.plist", profile([webClip()]), /a whole profile; put each dictionary/],
			["no type", "typeless.plist", { SSID_STR: "x" }, /no PayloadType/],
			["a name that is none", "guest network.plist", network, /its name may have letters/],
			["a variable that is none", "variable.plist", { ...network, SSID_STR: "${user.shoe}" }, /\[variable\]/],
		])("ends with 1 for %s", async (_, name, keys, told) => {
			expect(await run(["lint", template(name, keys)])).toBe(1);
			expect(written.out).toMatch(told);
		});

		it("holds for the templates that a new data directory starts with", async () => {
			for (const { file: name, text } of defaultTemplates) {
				expect([name, await run(["lint", file(`${name.replace(/\.plist$/, "")}.plist`, text)])]).toEqual([name, 0]);
			}
		});
	});

	it("ends with 1 and the reason where there is no such file", async () => {
		expect(await run(["lint", join(folder, "nowhere")])).toBe(1);
		expect(written.err).toMatch(/ENOENT/);
	});

	it.each([
		[[], "usage: ota profile VERB"],
		[["explode"], "usage: ota profile VERB"],
		[["constructor"], "usage: ota profile VERB"],
		[["lint"], "usage: ota profile lint FILE"],
		[["lint", "a", "b"], "usage: ota profile lint FILE"],
		[["lint", "a", "--os", "Windows"], "usage: ota profile lint FILE"],
		[["lint", "a", "--version", "17.0"], "usage: ota profile lint FILE"],
		[["lint", "a", "--os", "iOS", "--version", "new"], "usage: ota profile lint FILE"],
		[["lint", "a", "--what"], "usage: ota profile lint FILE"],
	])("ends with 2 and its usage for %j", async (args, usage) => {
		expect(await run(args)).toBe(2);
		expect(written).toEqual({ out: "", err: expect.stringContaining(usage) });
	});
});

describe("A04: a profile that is no profile, or one to harm", () => {
	const xml = (body: string) => `<plist version="1.0">${body}</plist>`;
	const around = (text: string) =>
		Buffer.from(document(profile([webClip({ Label: "HERE" })])))
			.toString()
			.replace("HERE", text);
	const twin = (keys: object) => document(profile([webClip(), webClip({ ...keys }, "other")]));

	it.each<[string, Uint8Array | string, string]>([
		["']]>' in a text", around("a ]]> b"), "readable"],
		["a bare '&'", around("a & b"), "readable"],
		["a control character", around("a\u0001b"), "readable"],
		["a control character by reference", around("a&#27;b"), "readable"],
		["5 MB", around("a".repeat(5_000_000)), "readable"],
		["nested 1,000 deep", xml(`${"<array>".repeat(1_000)}${"</array>".repeat(1_000)}`), "readable"],
		["a key twice", xml("<dict><key>a</key><true/><key>a</key><true/></dict>"), "readable"],
		["a binary property list", binary, "readable"],
		["UTF-16", Buffer.from(`\ufeff${xml("<dict/>")}`, "utf16le"), "readable"],
		[
			"an entity from elsewhere",
			`<!DOCTYPE plist SYSTEM "file:///etc/passwd" [<!ENTITY a SYSTEM "x">]>${xml("<dict/>")}`,
			"readable",
		],
		["no dictionary", xml("<array/>"), "readable"],
		["nothing", "", "readable"],
		["DER that is no SignedData", new Uint8Array([0x30, 0x03, 0x02, 0x01, 0x01]), "readable"],
		["half of a signed one", new Uint8Array([0x30, 0x82, 0x10, 0x00, 0x06]), "readable"],
		["a PayloadUUID twice", twin({ PayloadUUID: webClip().PayloadUUID }), "twins"],
		["a PayloadIdentifier twice", twin({ PayloadIdentifier: "com.example.clip" }), "twins"],
		["an MDM payload", document(profile([payload("com.apple.mdm", {})])), "management"],
	])("is refused when it has %s", async (_, bytes, rule) => {
		expect(await run(["lint", file("hostile.mobileconfig", bytes), "--json"])).toBe(1);
		const { findings } = JSON.parse(written.out);
		expect(findings.map((finding: { rule: string }) => finding.rule)).toContain(rule);
	});

	it("is read when the same characters are written as XML wants them", async () => {
		expect(await run(["lint", file("escaped.mobileconfig", around("a ]]&gt; &amp; &lt;b&gt;"))])).toBe(0);
	});

	it("tells how to convert a binary property list", () => {
		expect(() => readProfileFile(binary)).toThrow(/plutil -convert xml1/);
	});

	it("is refused when it is longer than any profile", () => {
		const long = new Uint8Array(5 * 1024 * 1024);
		expect(() => readProfileFile(long)).toThrow(expect.objectContaining({ code: "too_large" }));
	});
});

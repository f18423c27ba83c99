/** The reader of .mobileconfig files: what XML allows in a property list, and nothing else, within bounds. */
import { describe, expect, it } from "@jest/globals";
import { propertyList } from "../../lib/profile/property-list.ts";
import { propertyListLimits, readPropertyList } from "../../lib/profile/property-list-reader.ts";
import { hasPlistlib, readWithPlistlib, tagged } from "./profile-plistlib.ts";

const head = '<?xml version="1.0" encoding="UTF-8"?>\n';
const doctype =
	'<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n';
const encode = (text: string) => new TextEncoder().encode(text);
const document = (body: string, before = head + doctype) => encode(`${before}<plist version="1.0">${body}</plist>\n`);
const withPlistlib = hasPlistlib ? it : it.skip;

describe("a property list's values", () => {
	it.each<[string, string, unknown]>([
		["a string", "<string> a\tb </string>", " a\tb "],
		["an empty string", "<string/>", ""],
		["references", "<string>&lt;&amp;&gt;&quot;&apos;&#65;&#x1F600;</string>", "<&>\"'A\u{1F600}"],
		["a reference that a reference gave", "<string>&amp;lt;</string>", "&lt;"],
		["CDATA", "<string>a<![CDATA[<b>&amp;]]>c</string>", "a<b>&amp;c"],
		["line ends", "<string>a\r\nb\rc</string>", "a\nb\nc"],
		["a comment between", "<!-- one --><array><!-- two --><true/><!-- three --></array>", [true]],
		["a boolean with an end tag", "<false></false>", false],
		["white space inside tags", "<array ><string >a</string ><true /></array >", ["a", true]],
		["integers", "<array><integer>-42</integer><integer> +7 </integer></array>", [-42, 7]],
		["reals", "<array><real>1.5e3</real><real>.5</real></array>", [1500, 0.5]],
		["a real as JavaScript writes it", "<real>0.0000012345678901234567</real>", 0.0000012345678901234567],
		["a date", "<date>2026-11-22T08:30:00Z</date>", new Date(Date.UTC(2026, 10, 22, 8, 30))],
		["data over lines", "<data>\n\tAQID\n\tBA==\n</data>", new Uint8Array([1, 2, 3, 4])],
		[
			"keys of all kinds",
			"<dict><key>Key Type</key><string>RSA</string><key>é</key><true/></dict>",
			{
				"Key Type": "RSA",
				é: true,
			},
		],
	])("reads %s", (_, body, expected) => {
		const value = readPropertyList(document(body));
		expect(tagged(value)).toEqual(tagged(expected));
	});

	it.each([
		["without a declaration and DOCTYPE", ""],
		["with a byte order mark", `\ufeff${head}`],
		["with single quotes", "<?xml version='1.0' encoding='utf-8' standalone='yes'?>"],
		["with a comment before and after DOCTYPE", `<!-- a -->${doctype}<!-- b -->`],
		["with DOCTYPE alone", "<!DOCTYPE plist>"],
	])("reads a document %s", (_, before) => {
		expect(readPropertyList(document("<string>a</string>", before))).toBe("a");
	});

	it("knows no key by inheritance", () => {
		const dict = readPropertyList(document("<dict><key>__proto__</key><dict/><key>constructor</key><true/></dict>"));
		expect(Object.getPrototypeOf(dict)).toBeNull();
		expect(Object.keys(dict)).toEqual(["__proto__", "constructor"]);
	});

	withPlistlib("reads what the writer wrote as plistlib does", () => {
		const root = { a: "]]> & <b>\u{1F600}", b: [1, 2.5, -3], c: { d: new Uint8Array(100), e: new Date(0), f: false } };
		const xml = propertyList(root);
		expect(tagged(readPropertyList(xml))).toEqual(readWithPlistlib(xml));
		expect(tagged(readPropertyList(xml))).toEqual(tagged(root));
	});
});

describe("a property list", () => {
	const deep = (levels: number) => document("<array>".repeat(levels) + "</array>".repeat(levels));

	it.each<[string, Uint8Array]>([
		["empty", encode("")],
		["text", encode("hello")],
		["a bare '&'", document("<string>a & b</string>")],
		["']]>' in text", document("<string>a ]]> b</string>")],
		["a control character", document("<string>a\u0001b</string>")],
		["a control character by reference", document("<string>&#1;</string>")],
		["a control character in CDATA", document("<string><![CDATA[\u0000]]></string>")],
		["half a surrogate pair by reference", document("<string>&#xD800;</string>")],
		["an unknown entity", document("<string>&nbsp;</string>")],
		["an entity of its own", document("<string>&a;</string>", '<!DOCTYPE plist [<!ENTITY a "b">]>')],
		["CDATA without end", document("<string><![CDATA[a</string>")],
		["a comment without end", document("<array><!-- a</array>")],
		["'--' in a comment", document("<array><!-- a -- b --></array>")],
		["an attribute", document('<string a="b">c</string>')],
		["an unknown element", document("<set/>")],
		["a key twice", document("<dict><key>a</key><true/><key>a</key><true/></dict>")],
		["an empty key", document("<dict><key/><true/></dict>")],
		["a key without a value", document("<dict><key>a</key></dict>")],
		["a value without a key", document("<dict><true/></dict>")],
		["crossed tags", document("<array><dict></array></dict>")],
		["a processing instruction inside", document("<array><?a b?></array>")],
		["hexadecimal", document("<integer>0x10</integer>")],
		["an integer that JavaScript cannot hold", document("<integer>9007199254740993</integer>")],
		["an infinite real", document("<real>1e999</real>")],
		["31 February", document("<date>2026-02-31T00:00:00Z</date>")],
		["data that is none", document("<data>A===</data>")],
		["two roots", document("<true/><true/>")],
		["cut short", encode(`${head}<plist version="1.0"><dict>`)],
		["something after it", encode(`${head}<plist version="1.0"><true/></plist>x`)],
		["not UTF-8", new Uint8Array([...encode("<plist><string>"), 0xff])],
		["another encoding", document("<true/>", '<?xml version="1.0" encoding="ISO-8859-1"?>')],
		["nested 33 deep", deep(33)],
		["nested 1,000 deep", deep(1_000)],
		["nested 1,000,000 deep", encode(`<plist>${"<array>".repeat(500_000)}`)],
		["of more than 100,000 elements", document(`<array>${"<true/>".repeat(propertyListLimits.nodes)}</array>`)],
	])("is refused when it is or has: %s", (_, bytes) => {
		expect(() => readPropertyList(bytes)).toThrow(expect.objectContaining({ name: "OtaError", code: "malformed" }));
	});

	it("is refused when it is longer than 4 MiB", () => {
		const bytes = document(`<string>${"a".repeat(propertyListLimits.bytes)}</string>`);
		expect(() => readPropertyList(bytes)).toThrow(expect.objectContaining({ code: "too_large" }));
	});

	it("nested 32 deep is read", () => {
		expect(readPropertyList(deep(32))).toBeInstanceOf(Array);
	});

	it("is told by line and column, and never by what stands there", () => {
		const bytes = document("<dict>\n\t<key>Password</key>\n\t<string>hunter2 & more</string>\n</dict>", "");
		expect(() => readPropertyList(bytes)).toThrow(/^Property list, line 3, column 10: an '&'/);
		expect(() => readPropertyList(bytes)).not.toThrow(/hunter2/);
	});
});

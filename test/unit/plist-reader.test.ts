import { describe, expect, it } from "@jest/globals";
import { plistLimits, readPlist } from "../../lib/apple/plist-reader.ts";

const head = '<?xml version="1.0" encoding="UTF-8"?>\n';
const doctype =
	'<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n';

function plist(body: string, before = head + doctype): Uint8Array {
	return new TextEncoder().encode(`${before}<plist version="1.0">${body}</plist>\n`);
}
const dict = (body: string) => plist(`<dict>${body}</dict>`);
const entry = (value: string) => dict(`<key>a</key>${value}`);

function refusal(bytes: Uint8Array): unknown {
	try {
		readPlist(bytes);
	} catch (error) {
		return error;
	}
	return "accepted";
}
const malformed = expect.objectContaining({ name: "OtaError", code: "malformed" });

describe("readPlist: values", () => {
	it.each<[string, string, unknown]>([
		["a string", "<string>iPhone15,2</string>", "iPhone15,2"],
		["an empty string", "<string></string>", ""],
		["an empty string, short form", "<string/>", ""],
		["white space in a string", "<string> a\tb </string>", " a\tb "],
		["line ends in a string, as XML reads them", "<string>a\r\nb\rc</string>", "a\nb\nc"],
		["the five entities", "<string>&lt;&amp;&gt;&quot;&apos;</string>", "<&>\"'"],
		["what an entity gave, not read again", "<string>&amp;lt;&#38;amp;</string>", "&lt;&amp;"],
		["character references", "<string>&#65;&#x42;&#x1F600;&#13;</string>", "AB\u{1F600}\r"],
		["letters of all scripts", "<string>Jürgen 日本 \u{1F600}</string>", "Jürgen 日本 \u{1F600}"],
		["an integer", "<integer>-42</integer>", -42],
		["the largest safe integer", "<integer>9007199254740991</integer>", Number.MAX_SAFE_INTEGER],
		["a real", "<real>1.5e3</real>", 1500],
		["true", "<true/>", true],
		["false", "<false/>", false],
		["a date", "<date>2026-11-22T08:30:00Z</date>", new Date(Date.UTC(2026, 10, 22, 8, 30))],
		["data over several lines", "<data>\n\tAQID\n\tBA==\n</data>", new Uint8Array([1, 2, 3, 4])],
		["empty data", "<data/>", new Uint8Array()],
		["an array", "<array><integer>1</integer> <string>b</string></array>", [1, "b"]],
		["an empty array", "<array/>", []],
	])("reads %s", (_, xml, value) => {
		expect(readPlist(entry(xml)).a).toEqual(value);
	});

	it("reads nested dictionaries without a prototype", () => {
		const read = readPlist(dict("<key>a</key><dict><key>b</key><dict/></dict>"));
		expect(Object.getPrototypeOf(read)).toBeNull();
		expect(Object.getPrototypeOf(read.a)).toBeNull();
		expect(JSON.stringify(read)).toBe('{"a":{"b":{}}}');
	});

	it.each([
		["no XML declaration", doctype],
		["the DTD of Apple Inc", head + doctype.replace("Apple", "Apple Inc")],
		["the DTD of Apple Computer", head + doctype.replace("Apple", "Apple Computer")],
		["the DTD over https", head + doctype.replace("http:", "https:")],
	])("reads a document with %s", (_, before) => {
		expect(readPlist(plist("<dict><key>a</key><true/></dict>", before)).a).toBe(true);
	});
});

describe("readPlist: refusals", () => {
	it.each<[string, Uint8Array]>([
		["nothing", new Uint8Array()],
		["white space alone", new TextEncoder().encode(" \n")],
		["JSON", new TextEncoder().encode('{"UDID":"0"}')],
		["OpenStep", new TextEncoder().encode('{ UDID = "0"; }')],
		["a binary property list", new TextEncoder().encode("bplist00\u00d1\u0001\u0002")],
		["a byte order mark", plist("<dict/>", `\ufeff${head}${doctype}`)],
		["UTF-16", new Uint8Array(Buffer.from(`${head}${doctype}<plist version="1.0"><dict/></plist>`, "utf16le"))],
		["bytes that are not UTF-8", new Uint8Array([...entry("<string>"), 0xff, 0xfe])],
		["an overlong UTF-8 form", Buffer.concat([Buffer.from(head + doctype), Buffer.from([0xc0, 0xbc])])],
		["another encoding", plist("<dict/>", head.replace("UTF-8", "ISO-8859-1") + doctype)],
		["no DOCTYPE", plist("<dict/>", head)],
		["two DOCTYPEs", plist("<dict/>", head + doctype + doctype)],
		["a foreign DTD", plist("<dict/>", head + doctype.replace("www.apple.com", "evil.example"))],
		["an internal subset", plist("<dict/>", head + doctype.replace(">", ' [<!ENTITY e "x">]>'))],
		["a comment before the root", plist("<dict/>", `${head}<!-- -->${doctype}`)],
		["a comment in a key", dict("<key>a<!-- -->b</key><true/>")],
		["a comment in a string", entry("<string>a<!-- -->b</string>")],
		["CDATA", entry("<string><![CDATA[a]]></string>")],
		["a processing instruction", dict("<?php echo 1 ?>")],
		["a second XML declaration", plist("<dict/>", head + head + doctype)],
		["an unknown entity", entry("<string>&nbsp;</string>")],
		["an entity without its end", entry("<string>&amp</string>")],
		["NUL by reference", entry("<string>&#0;</string>")],
		["a surrogate by reference", entry("<string>&#xD800;</string>")],
		["a noncharacter by reference", entry("<string>&#xFFFE;</string>")],
		["a noncharacter of a higher plane", entry("<string>&#x1FFFF;</string>")],
		["a reference beyond Unicode", entry("<string>&#x110000;</string>")],
		["a long reference", entry("<string>&#00000000000065;</string>")],
		["a control character", entry("<string>\u0001</string>")],
		["a literal noncharacter", entry("<string>\uffff</string>")],
		["]]> in text", entry("<string>]]></string>")],
		["an attribute", entry('<string a="b">x</string>')],
		["a namespace", entry("<p:string>x</p:string>")],
		["an unknown element", entry("<null/>")],
		["an element in upper case", entry("<STRING>x</STRING>")],
		["another plist version", new TextEncoder().encode(`${head}${doctype}<plist version="2.0"><dict/></plist>`)],
		["an array as root", plist("<array/>")],
		["a string as root", plist("<string>a</string>")],
		["no root", plist("")],
		["two roots", plist("<dict/><dict/>")],
		["text beside elements", dict("a<key>a</key><true/>")],
		["something after the end", Buffer.concat([dict(""), Buffer.from("<a/>")])],
		["NUL after the end", Buffer.concat([dict(""), Buffer.from([0])])],
		["a document cut short", dict("<key>a</key><string>b</string>").subarray(0, -20)],
		["a key without value", dict("<key>a</key>")],
		["a value without key", dict("<string>a</string>")],
		["a key twice", dict("<key>a</key><true/><key>a</key><false/>")],
		["a key twice, once by reference", dict("<key>a</key><true/><key>&#97;</key><false/>")],
		["an empty key", dict("<key></key><true/>")],
		["a key with a space", dict("<key>Key Type</key><true/>")],
		["a key of 65 characters", dict(`<key>${"a".repeat(65)}</key><true/>`)],
		["the key __proto__", dict("<key>__proto__</key><dict/>")],
		["the key constructor", dict("<key>constructor</key><dict/>")],
		["the key toString", dict("<key>toString</key><true/>")],
		["a key in an array", entry("<array><key>a</key></array>")],
		["true with content", entry("<true>1</true>")],
		["an integer of letters", entry("<integer>one</integer>")],
		["a hexadecimal integer", entry("<integer>0x10</integer>")],
		["an empty integer", entry("<integer/>")],
		["an inexact integer", entry("<integer>9007199254740993</integer>")],
		["a real that is infinite", entry("<real>1e999</real>")],
		["a real that is no number", entry("<real>nan</real>")],
		["a date that does not exist", entry("<date>2026-02-31T00:00:00Z</date>")],
		["a date without zone", entry("<date>2026-02-01T00:00:00</date>")],
		["data with padding inside", entry("<data>AQ==AQ==</data>")],
		["data with loose bits", entry("<data>AR==</data>")],
		["data of another alphabet", entry("<data>_-8=</data>")],
		["data with a reference to white space", entry("<data>AQ&#13;ID</data>")],
	])("refuses %s", (_, bytes) => {
		expect(refusal(bytes)).toEqual(malformed);
	});

	it("never repeats what it read", () => {
		expect(String(refusal(entry("<string>s3cret&bad;</string>")))).not.toContain("s3cret");
	});
});

describe("readPlist: limits", () => {
	const nested = (depth: number) => entry("<array>".repeat(depth - 1) + "</array>".repeat(depth - 1));
	const many = (count: number) => dict(Array.from({ length: count }, (_, i) => `<key>k${i}</key><true/>`).join(""));

	it("reads 8 containers deep and refuses 9", () => {
		expect(refusal(nested(plistLimits.depth))).toBe("accepted");
		expect(refusal(nested(plistLimits.depth + 1))).toEqual(malformed);
	});

	it("reads 200 elements and refuses more", () => {
		expect(refusal(many(99))).toBe("accepted");
		expect(refusal(many(100))).toEqual(malformed);
	});

	it("reads 16 KiB and refuses one byte more", () => {
		const overhead = entry("<string></string>").length;
		expect(refusal(entry(`<string>${"a".repeat(plistLimits.bytes - overhead)}</string>`))).toBe("accepted");
		expect(refusal(entry(`<string>${"a".repeat(plistLimits.bytes - overhead + 1)}</string>`))).toEqual(malformed);
	});

	it.each<[string, string]>([
		["open brackets", "<"],
		["open containers", "<array>"],
		["ampersands", "&"],
		["references", "&#65;"],
		["white space", " "],
		["spaces in a declaration", "<?xml "],
		["base64 digits", "<data>A"],
	])("answers at once for 16 KiB of %s", (_, unit) => {
		const room = plistLimits.bytes - 200;
		for (const body of [unit.repeat(room / unit.length), `<string>${unit.repeat(room / unit.length)}</string>`]) {
			const bytes = entry(body);
			const took = Array.from({ length: 3 }, () => {
				const start = performance.now();
				refusal(bytes);
				return performance.now() - start;
			});
			expect(Math.min(...took)).toBeLessThan(50);
		}
	});

	it("survives the loss or change of any one byte", () => {
		const whole = dict(
			"<key>UDID</key><string>a&amp;b</string><key>C</key><data>AQID</data><key>D</key><array><real>1.5</real></array>",
		);
		const good = whole.subarray(0, -1);
		for (let at = 0; at < good.length; at += 1) {
			const changed = Uint8Array.from(good);
			changed[at] = (changed[at] ?? 0) ^ 0x20;
			const cut = good.subarray(0, at);
			for (const bytes of [changed, cut]) expect([malformed, "accepted"]).toContainEqual(refusal(bytes));
			expect(refusal(cut)).toEqual(malformed);
		}
	});
});

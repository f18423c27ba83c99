// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of payloads look like that.
/** Documents as YAML: what is read, what is refused and where, and that writing loses nothing. */
import { describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { asOtaError } from "../../lib/errors.ts";
import type { ProfileDocument } from "../../lib/profile/document.ts";
import { documentYaml, readDocumentYaml } from "../../lib/profile/document-yaml.ts";
import { documentWith, wifi } from "./document-samples.ts";

const whole = `name: office
priority: 10
for: everyone
except:
  - user: [mallory@example.com, "42"]
updateAfterDays: 90
profile:
  ConsentText: {default: Agree?, de: Einverstanden?}
  PayloadDisplayName: Office
  RemovalDate: 2027-01-01T00:00:00Z
payloads:
  - name: wifi
    for:
      - group: staff
        platform: [iPhone, iPad]
        claim: {department: [sales, 7, true]}
        model: "iPhone15,*"
        os: ">=17"
        device: F2LXK1ABCDEF
    except: []
    payload:
      PayloadType: com.apple.wifi.managed
      Password: \${secret.wifi.Password}
      Certificate: !!binary MAA=
      SSID_STR: "2027-01-01"
secrets: {wifi.Password: 3}
`;
const document: ProfileDocument = {
	name: "office",
	priority: 10,
	for: "everyone",
	except: [{ user: ["mallory@example.com", "42"] }],
	updateAfterDays: 90,
	profile: {
		ConsentText: { default: "Agree?", de: "Einverstanden?" },
		PayloadDisplayName: "Office",
		RemovalDate: new Date(Date.UTC(2027, 0, 1)),
	},
	payloads: [
		{
			name: "wifi",
			for: [
				{
					group: ["staff"],
					platform: ["iPhone", "iPad"],
					claim: { department: ["sales", 7, true] },
					model: ["iPhone15,*"],
					os: ">=17",
					device: ["F2LXK1ABCDEF"],
				},
			],
			except: [],
			payload: {
				PayloadType: "com.apple.wifi.managed",
				Password: "${secret.wifi.Password}",
				Certificate: new Uint8Array([0x30, 0]),
				SSID_STR: "2027-01-01",
			},
		},
	],
	secrets: { "wifi.Password": 3 },
};

function refusal(text: string): { code: string; lines: string[] } {
	try {
		readDocumentYaml(text);
		return { code: "accepted", lines: [] };
	} catch (error) {
		const { code, message } = asOtaError(error);
		return { code, lines: message.split("\n") };
	}
}

const withPayload = (payload: string) => `name: a\npayloads:\n  - name: w\n    payload: ${payload}\n`;
const withRule = (rule: string) => `name: a\npayloads: []\nfor: [${rule}]\n`;

describe("a document", () => {
	it("is read with all that it may have", () => {
		expect(readDocumentYaml(whole)).toEqual(document);
	});

	it("needs its name and payloads alone", () => {
		expect(readDocumentYaml("name: a\npayloads: []")).toEqual(documentWith([], { name: "a", for: [] }));
	});

	it("is written in one order, without its defaults", () => {
		expect(documentYaml(documentWith([{ name: "w", payload: { B: 1, PayloadType: "x", A: [{ d: 2, c: 1 }] } }]))).toBe(
			`name: office
for: everyone
payloads:
  - name: w
    payload:
      PayloadType: x
      A:
        - c: 1
          d: 2
      B: 1
`,
		);
	});

	it("is read back equal, and written again in the same words", () => {
		const text = documentYaml(document);
		expect(readDocumentYaml(text)).toEqual(document);
		expect(documentYaml(readDocumentYaml(text))).toBe(text);
	});

	it("writes what is shared in full, without aliases", () => {
		const rules = [{ group: ["staff"] }];
		const text = documentYaml(documentWith([{ name: "w", payload: wifi() }], { for: rules, except: rules }));
		expect(text).not.toMatch(/[&*]/);
	});
});

describe("a value of a payload", () => {
	const values = {
		texts: [
			"2027-01-01",
			"2027-01-01T00:00:00Z",
			"true",
			"no",
			"~",
			"",
			"null",
			"010",
			"0x1f",
			"1e3",
			".inf",
			"1:30",
			"-0",
		],
		marks: [
			"]]> & <b>",
			"- a",
			"# b",
			"a: b",
			"a # b",
			"*a",
			"&a",
			"!a",
			"%a",
			"@a",
			"`a",
			"'",
			'"',
			"<<",
			"---",
			"...",
			"? a",
		],
		blanks: [
			" a ",
			"a\tb",
			"a\n",
			"\na",
			"a\n\n",
			" a\n  b\n",
			"a\r\nb",
			"\u0085\u2028\ufeff",
			"\u{1F600}",
			"x".repeat(300),
		],
		variables: ["${secret.a}", "$${a}", "${"],
		numbers: [0, -1, 1.5, 1e-7, Number.MAX_SAFE_INTEGER, 123456789.125],
		dates: [new Date(0), new Date(Date.UTC(2027, 1, 28, 23, 59, 59)), new Date("0001-01-01T00:00:00Z")],
		data: [new Uint8Array(), new Uint8Array([0]), new Uint8Array(500).map((_, index) => index & 0xff)],
		others: [true, false, [], {}, [[], [{}]]],
		keys: {
			"1": 1,
			"a b": 2,
			"a.b": 3,
			"2027-01-01": 4,
			true: 5,
			"": undefined,
			__proto: 6,
			"<<": 7,
			"*": 8,
			"a: b": 9,
		},
	};
	const { "": _, ...keys } = values.keys;
	const payload = { ...values, keys, PayloadType: "x" };

	it("keeps its type and every character", () => {
		const text = documentYaml(documentWith([{ name: "w", payload }]));
		expect(readDocumentYaml(text).payloads[0]?.payload).toEqual(payload);
	});

	it("stays a text where it is one for readers of YAML 1.1", () => {
		const text = documentYaml(documentWith([{ name: "w", payload: { PayloadType: "x", texts: values.texts } }]));
		expect(parse(text, { version: "1.1" }).payloads[0].payload.texts).toEqual(values.texts);
	});

	it("may be named like a property of every object", () => {
		const read = readDocumentYaml(withPayload("{__proto__: {a: 1}, constructor: b}"));
		const kept = read.payloads[0]?.payload ?? {};
		expect(Object.keys(kept)).toEqual(["__proto__", "constructor"]);
		expect(readDocumentYaml(documentYaml(read))).toEqual(read);
	});

	it.each([
		["2027-01-01", "2027-01-01T00:00:00.000Z"],
		["2027-01-01T12:30:00+02:00", "2027-01-01T10:30:00.000Z"],
		["2024-02-29", "2024-02-29T00:00:00.000Z"],
	])("%s is a date", (text, date) => {
		expect(readDocumentYaml(withPayload(`{A: ${text}}`)).payloads[0]?.payload.A).toEqual(new Date(date));
	});
});

describe("what is wrong in a document", () => {
	it.each([
		["nothing at all", "", /^The document has no keys/],
		["a list", "- a", /^The document has no keys/],
		["no name", "payloads: []", /^name: is missing/],
		["no payloads", "name: a", /^payloads: is missing/],
		[
			"a key that nobody knows",
			"name: a\npayloads: []\nprio: 1",
			/^prio: is no key here; known are name, priority, for/,
		],
		["a name with a blank", "name: a b\npayloads: []", /^name: is no name/],
		["a name that is a number", "name: 42\npayloads: []", /^name: .*in quotes/],
		["a priority out of range", "name: a\npayloads: []\npriority: 1001", /^priority: .*-1000 to 1000/],
		["a priority in quotes", 'name: a\npayloads: []\npriority: "1"', /^priority: needs a whole number/],
		["updateAfterDays of none", "name: a\npayloads: []\nupdateAfterDays: 0", /^updateAfterDays: .*1 to 3650/],
		["another audience", "name: a\npayloads: []\nfor: staff", /^for: needs everyone, or a list/],
		["an audience that is one rule", "name: a\npayloads: []\nfor: {group: a}", /^for: needs everyone, or a list/],
		["exceptions that are no list", "name: a\npayloads: []\nexcept: everyone", /^except: needs a list of rules/],
		["a rule that is a text", withRule("staff"), /^for\[0\]: is no rule/],
		[
			"a rule with a key that nobody knows",
			withRule("{groups: a}"),
			/^for\[0\]\.groups: is no key here; known are group, user/,
		],
		["a group that is a number", withRule("{group: 7}"), /^for\[0\]\.group: .*in quotes/],
		["a group without a value", withRule("{group: }"), /^for\[0\]\.group: needs a text/],
		["no groups", withRule("{group: []}"), /^for\[0\]\.group: is empty/],
		["a user in a list in a list", withRule("{user: [[a]]}"), /^for\[0\]\.user\[0\]: needs a text/],
		["a platform of none", withRule("{platform: [iPad, Phone]}"), /^for\[0\]\.platform\[1\]: .*known are iPhone, iPad/],
		["a version that is a number", withRule("{os: 17}"), /^for\[0\]\.os: .*in quotes/],
		["a version that is none", withRule('{os: "~17"}'), /^for\[0\]\.os: is no condition.*>=17\.2 <19/],
		["a claim that is a list", withRule("{claim: [a]}"), /^for\[0\]\.claim: needs names of claims/],
		["a claim's date", withRule("{claim: {a: 2027-01-01}}"), /^for\[0\]\.claim\.a: needs a text, a number/],
		["outer keys that are a text", "name: a\npayloads: []\nprofile: a", /^profile: needs Apple's keys/],
		[
			"PayloadContent outside",
			"name: a\npayloads: []\nprofile: {PayloadContent: []}",
			/^profile\.PayloadContent: .*payloads/,
		],
		["payloads that are no list", "name: a\npayloads: {}", /^payloads: needs a list/],
		["a payload that is a text", "name: a\npayloads: [wifi]", /^payloads\[0\]: is no payload/],
		["a payload without a name", "name: a\npayloads: [{payload: {}}]", /^payloads\[0\]\.name: is missing/],
		["a payload without keys", "name: a\npayloads: [{name: a}]", /^payloads\[0\]\.payload: is missing/],
		[
			"a payload for everyone",
			"name: a\npayloads: [{name: a, for: everyone, payload: {}}]",
			/^payloads\[0\]\.for: .*leave it out/,
		],
		[
			"a rule of a payload",
			"name: a\npayloads: [{name: a, for: [{os: a}], payload: {}}]",
			/^payloads\[0\]\.for\[0\]\.os: /,
		],
		[
			"two payloads of a name",
			"name: a\npayloads: [1, {name: a, payload: {}}, {name: a, payload: {}}]",
			/^payloads\[2\]\.name: is another/m,
		],
		["a key without a value", withPayload("{A: [{B: }]}"), /^payloads\[0\]\.payload\.A\[0\]\.B: has no value/],
		["an empty key", withPayload('{A: {"": 1}}'), /^payloads\[0\]\.payload\.A: has a key that is empty/],
		["a key that is a list", withPayload("{? [a] : 1}"), /^payloads\[0\]\.payload: a key that is no text/],
		[
			"a number that is inexact",
			withPayload("{A: 9007199254740993}"),
			/^payloads\[0\]\.payload\.A: needs a whole number up to/,
		],
		["a number without end", withPayload("{A: .inf}"), /^payloads\[0\]\.payload\.A: needs a number/],
		["a control character", withPayload('{A: "\\0"}'), /^payloads\[0\]\.payload\.A: has a control character/],
		["half a character", withPayload('{A: "\\ud800"}'), /^payloads\[0\]\.payload\.A: has a control character/],
		["a day that no month has", withPayload("{A: 2027-02-30}"), /^line 4, column 18: .*dates are/],
		["data that is no base64", withPayload("{A: !!binary a*b}"), /^line 4, column 18: .*base64/],
		["a name that is off", "name: off\npayloads: []", /^line 1, column 7: a word that is true or false .*in quotes$/],
		["a network that is Yes", withPayload("{SSID_STR: Yes}"), /^line 4, column 25: a word that is true .*in quotes$/],
		["an N", withPayload("{A: N}"), /^line 4, column 18: a word that is true .*in quotes$/],
		["a time", withPayload("{A: 12:30:00}"), /^line 4, column 18: a number for some .*in quotes$/],
		["digits in groups", withPayload("{A: 1_000}"), /^line 4, column 18: a number for some .*in quotes$/],
		["an octal number", withPayload("{A: 0o17}"), /^line 4, column 18: a number for some .*in quotes$/],
		["a day that is none", withPayload("{A: 2027-02-31}"), /^line 4, column 18: no value of its kind: dates are/],
		["a tag of its own", withPayload("{A: !a b}"), /^line 4, column 18: .*in quotes/],
		["a set", withPayload("{A: !!set {b}}"), /^payloads\[0\]\.payload\.A: a key without a colon/],
		["pairs", withPayload("{A: !!pairs [{b: 1}]}"), /^payloads\[0\]\.payload\.A\[0\]: has no value/],
		["a key twice", withPayload("{A: 1, B: 2, A: 3}"), /^payloads\[0\]\.payload\.A: is there twice/],
		["a key twice in two ways", withPayload('{1: 1, "1": 2}'), /^payloads\[0\]\.payload\.1: is there twice/],
		["a key of ours twice", "name: a\npayloads: []\nname: b", /^name: is there twice/],
		["a secret without a version", "name: a\npayloads: []\nsecrets: {a: latest}", /^secrets\.a: needs a whole number/],
		["secrets that are a list", "name: a\npayloads: []\nsecrets: [a]", /^secrets: needs names of secrets/],
		["an alias of nothing", withPayload("{A: *b}"), /^payloads\[0\]\.payload\.A: an alias of nothing/],
		["a tab", "name: a\n\tpayloads: []", /^line 2, column 1: indented with a tab/],
		["a second document", "name: a\n---\nname: b", /^line 2, column 1: a second document/],
		["two colons", "name: a: b", /^line 1, column 7: a second/],
		["a quote without end", 'name: "a', /^line 1, column 9: /],
		["a comparison without quotes", "name: a\npayloads: []\nfor:\n  - os: >=17", /^line 4, column 10: .*in quotes/],
	])("%s is told with its place", (_, text, words) => {
		const { code, lines } = refusal(text);
		expect(code).toBe("malformed");
		expect(lines.join("\n")).toMatch(words);
	});

	it("is told all at once, a line each, up to twenty", () => {
		expect(refusal("name: a b\npriority: x\nfor: [{group: 1}, {os: 1}]\npayloads: [1]").lines).toHaveLength(5);
		const many = `name: a\npayloads: [${Array.from({ length: 50 }, () => "1").join(",")}]`;
		expect(refusal(many).lines).toHaveLength(21);
		expect(refusal(many).lines.at(-1)).toBe("and 30 more");
	});

	it.each([
		"*hunter2",
		"!hunter2 a",
		"hunter2: b: c",
		"@hunter2",
		'"hunter2',
		"2027-02-31 # hunter2",
		"&hunter2 *hunter2",
		'"\\hunter2"',
	])("says nothing of the value %s", (value) =>
		expect(JSON.stringify(refusal(withPayload(`\n      Password: ${value}`)))).not.toContain("hunter2"),
	);
});

describe("a hostile document", () => {
	const nine = (name: string) => `[${Array.from({ length: 9 }, () => name).join(", ")}]`;
	const laughs = Array.from({ length: 8 }, (_, at) => `      k${at}: &a${at} ${nine(at === 0 ? "x" : `*a${at - 1}`)}`);
	const blanks = (at: number) => " ".repeat(at);
	it.each([
		["of 5 MB", "a".repeat(5_000_000), "too_large"],
		["nested 1,000 times", withPayload(`{A: ${"[".repeat(1_000)}${"]".repeat(1_000)}}`), "malformed"],
		[
			"nested 1,000 times in lines",
			Array.from({ length: 1_000 }, (_, at) => `${blanks(at)}a:`).join("\n"),
			"malformed",
		],
		["nested 4 million times", "[".repeat(4_000_000), "malformed"],
		["of dashes", "- ".repeat(1_000_000), "malformed"],
		["of quotes", withPayload('"'.repeat(1_000_000)), "malformed"],
		["of anchors", withPayload("&a ".repeat(100_000)), "malformed"],
		["of a million laughs", withPayload(`\n${laughs.join("\n")}`), "malformed"],
		["that holds itself", withPayload("&a {A: *a}"), "malformed"],
		["with more aliases than people write", withPayload(`{A: &a b, B: [${"*a, ".repeat(101)}]}`), "malformed"],
		[
			"of 200,000 keys",
			withPayload(`{${Array.from({ length: 200_000 }, (_, at) => `k${at}: 1`).join(", ")}}`),
			"malformed",
		],
		["of 1,001 payloads", `name: a\npayloads: [${"{name: a, payload: {}}, ".repeat(1_001)}]`, "malformed"],
		["with a key of a megabyte", withPayload(`{? ${"a".repeat(1_000_000)} : 1}`), "malformed"],
	])("%s is refused within seconds", (_, text, code) => {
		const start = performance.now();
		expect(refusal(text).code).toBe(code);
		expect(performance.now() - start).toBeLessThan(3_000);
	});

	it("of megabytes of one text is read", () => {
		const [payload] = readDocumentYaml(withPayload(`{A: "${"x".repeat(3_000_000)}"}`)).payloads;
		expect(payload?.payload.A).toHaveLength(3_000_000);
	});

	it("may use a few aliases, which are values of their own", () => {
		const [payload] = readDocumentYaml(withPayload("{A: &a {B: 1}, C: [*a, *a]}")).payloads;
		expect(payload?.payload).toEqual({ A: { B: 1 }, C: [{ B: 1 }, { B: 1 }] });
	});
});

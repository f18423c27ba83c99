// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of documents look like that.
/** The people and devices of a trial before a publication, and what they find. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { run } from "../../bin/commands/profile.ts";
import { trialSubjects } from "../../bin/profile-trial-subjects.ts";
import type { ProfileDocument, Rule } from "../../lib/profile/document.ts";
import { documentYaml } from "../../lib/profile/document-yaml.ts";
import { matches } from "../../lib/profile/rules.ts";
import { type OperatorDesk, operatorDesk } from "../harness/operator-desk.ts";
import { clip, documentOf } from "../harness/profile-examples.ts";
import { wifi } from "./document-samples.ts";

describe("a publication", () => {
	let desk: OperatorDesk;
	const type = (...args: string[]) => desk.type(run, ...args);
	function imported(document: ProfileDocument) {
		const path = join(desk.folder, `${document.name}.yaml`);
		writeFileSync(path, documentYaml(document));
		return type("import", path, "--publish");
	}
	beforeEach(async () => {
		desk = await operatorDesk();
	});
	afterEach(() => desk.leave());

	const acme = {
		...{
			PayloadType: "com.apple.security.acme",
			DirectoryURL: "https://acme.example/",
			ClientIdentifier: "${device.serial}",
		},
		...{ KeyType: "ECSECPrimeRandom", KeySize: 256, HardwareBound: true, Subject: [] },
	};
	const eap = (text: string) => ({
		PayloadCertificateUUID: text,
		EAPClientConfiguration: { AcceptEAPTypes: [13] },
	});

	it("is, for devices without a type, without what refers to that", async () => {
		const document = documentOf("h-a", {
			acme,
			wifi: wifi({ SSID_STR: "H", ...eap("${payload.acme}") }),
			clip: clip("h"),
		});
		const { code, err } = await imported(document);
		expect([code, err]).toEqual([0, ""]);
		const { out } = await type("render", "--user", "a@example.com", "--product", "iPhone9,1", "--os", "15.8");
		expect([out.includes("webClip"), out.includes("acme"), out.includes("<string>H</string>")]).toEqual([
			true,
			false,
			false,
		]);
	});

	it("is refused for what fails only in versions before a type came", async () => {
		const own = { PayloadIdentifier: "com.example.h" };
		const high = documentOf("h-high", { acme: { ...acme, ...own } }, { priority: 2 });
		const middle = documentOf("h-middle", { c: clip("h-middle", own) }, { priority: 1 });
		for (const each of [high, middle]) expect((await imported(each)).code).toBe(0);
		const low = documentOf("h-low", {
			identity: { PayloadType: "com.apple.security.scep", PayloadContent: { URL: "https://scep.example/" }, ...own },
			wifi: wifi({ SSID_STR: "Low", ...eap("${payload.identity}") }),
		});
		const refused = await imported(low);
		expect([refused.code, refused.err]).toEqual([
			1,
			expect.stringMatching(/iPhone, version 15\.9: payload h-low\.wifi .*refers to a com\.apple\.webClip/),
		]);
		expect(refused.err).not.toMatch(/version 27/);
	});

	it("is refused for what it does with a profile for a group that its own rules do not name", async () => {
		const own = { PayloadIdentifier: "com.example.i" };
		const other = documentOf("i-a", { c: clip("i", own) }, { priority: 1, for: [{ group: ["i"], claim: { i: [1] } }] });
		expect((await imported(other)).code).toBe(0);
		const ca = { PayloadType: "com.apple.security.root", PayloadContent: "${certificate.root}", ...own };
		const anchor = {
			EAPClientConfiguration: { AcceptEAPTypes: [13], PayloadCertificateAnchorUUID: ["${payload.ca}"] },
		};
		const payloads = [
			{ name: "ca", payload: ca },
			{ name: "wifi", payload: wifi({ SSID_STR: "I", ...anchor }) },
			// Whom this one passes by gets the others all the same.
			{ name: "guest", payload: clip("guest"), except: [{ group: ["i"] }] },
		];
		const tried = documentOf("i-b", payloads);
		const refused = await imported(tried);
		expect([refused.code, refused.err]).toEqual([
			1,
			expect.stringMatching(/i-b\.wifi .*refers to a com\.apple\.webClip/),
		]);
	});
});

const rulesOf = ({ for: audience, payloads }: ProfileDocument): Rule[] => [
	...(audience === "everyone" ? [] : audience),
	...payloads.flatMap((payload) => payload.for ?? []),
];

describe("the people and devices of a trial", () => {
	const rules: Rule[] = [
		{ group: ["staff"], user: ["ana@example.com"] },
		{ claim: { site: ["Berlin", "Lisbon"], level: [3] }, model: ["iPhone15,*"] },
		{ os: ">=17.2 <19", device: ["C39VK7XQ0D91"] },
		{ platform: ["Mac"], group: ["it"], os: "<15" },
	];

	it("are there for each rule of a profile and of its payloads", () => {
		const subjects = trialSubjects(documentOf("p", { c: clip("a") }, { for: rules }), []);
		expect(rules.map((rule) => subjects.some((subject) => matches(rule, subject)))).toEqual([true, true, true, true]);
		const payloads = rules.map((rule, index) => ({ name: `c${index}`, for: [rule], payload: clip("a") }));
		const ofPayloads = trialSubjects(documentOf("p", payloads), []);
		expect(rules.map((rule) => ofPayloads.some((subject) => matches(rule, subject)))).toEqual([true, true, true, true]);
	});

	it("are one for many payloads with the same rules", () => {
		const payloads = Array.from({ length: 200 }, (_, at) => ({
			name: `c${at}`,
			for: [{ group: ["a"] }],
			payload: clip("a"),
		}));
		const last = { name: "last", for: [{ group: ["last"] }], payload: clip("b") };
		const subjects = trialSubjects(documentOf("p", [...payloads, last]), []);
		expect(subjects.map(({ user }) => user.groups.join())).toEqual(
			["a,last", "a", "last"].flatMap((groups) => [groups, groups, groups]),
		);
	});

	it("are of no group that is excepted, and have every claim that is named", () => {
		const document = documentOf(
			"p",
			{ c: clip("${user.claims.a}") },
			{ for: [{ group: ["a", "b"] }], except: [{ group: ["b"] }] },
		);
		for (const { user } of trialSubjects(document, [documentOf("q", { c: clip("${user.claims.b}") })])) {
			expect([user.groups, Object.keys(user.claims)]).toEqual([["a"], ["a", "b"]]);
		}
	});

	const others = [
		documentOf("q", { c: clip("q") }, { for: [{ group: ["q"], claim: { site: ["Berlin"] } }, { group: ["p"] }] }),
		documentOf("r", [{ name: "c", payload: clip("r"), for: [{ user: ["r@example.com"], os: "<17" }] }]),
		documentOf("s", { c: clip("s") }, { for: [{ user: ["s@example.com"] }, { group: ["no"] }] }),
	];

	it("fit the rules of all other profiles too, together where they do not contradict", () => {
		const tried = documentOf(
			"p",
			{ c: clip("p") },
			{ for: [{ group: ["p"], os: ">=17" }], except: [{ group: ["no"] }] },
		);
		const subjects = trialSubjects(tried, others);
		const [rule = {}] = rulesOf(tried);
		const [q = {}, , r = {}, s = {}, no = {}] = others.flatMap(rulesOf);
		const isThereFor = (...all: Rule[]) => subjects.some((subject) => all.every((each) => matches(each, subject)));
		expect([isThereFor(rule, q), isThereFor(rule, q, { user: ["r@example.com"] })]).toEqual([true, true]);
		expect([isThereFor(rule, s), isThereFor(no)]).toEqual([true, false]);
		expect(isThereFor(r)).toBe(false);
		expect(trialSubjects(documentOf("p", { c: clip("p") }), others).some((subject) => matches(r, subject))).toBe(true);
		expect(subjects.filter(({ user }) => user.groups.join() === "p").length).toBeGreaterThan(0);
	});

	it.each<[string, Rule]>([
		["a person", { user: ["s@example.com"] }],
		["a device", { device: ["C39VK7XQ0D91"] }],
		["a claim", { claim: { site: ["Berlin"] } }],
		["a group", { group: ["s"] }],
	])("are not whom the profile excepts for another's sake: %s", (_, rule) => {
		const tried = documentOf("p", { c: clip("p") }, { except: [rule] });
		const other = documentOf("q", { c: clip("q") }, { for: [rule] });
		expect(trialSubjects(tried, [other]).filter((subject) => matches(rule, subject))).toEqual([]);
	});

	it("have besides today's version those at which a type of any profile came, one person alone", () => {
		const other = documentOf("q", { relay: { PayloadType: "com.apple.relay.managed" } });
		const tried = documentOf("p", { acme: { PayloadType: "com.apple.security.acme" }, c: clip("a") });
		const versions = (product: string) =>
			trialSubjects(tried, [other])
				.filter(({ device }) => device.PRODUCT?.startsWith(product))
				.map(({ osVersion }) => osVersion);
		expect(versions("iPhone")).toEqual(["27.0", "17.0", "16.9", "16.0", "15.9"]);
		expect(versions("iPad")).toEqual(versions("iPhone"));
		expect(versions("Mac")).toEqual(["27.0", "14.0", "13.9", "13.1", "13.0"]);
		expect(new Set(trialSubjects(tried, [other]).map(({ user }) => JSON.stringify(user))).size).toBe(1);
	});

	it("are few, however many rules there are", () => {
		const many = Array.from({ length: 1_000 }, (_, index) => ({ group: [`g${index}`], user: [`u${index}`] }));
		const tried = documentOf("p", { c: clip("a") }, { for: many });
		expect(trialSubjects(tried, []).length).toBeLessThan(150);
		expect(trialSubjects(tried, [documentOf("q", { c: clip("b") }, { for: many })]).length).toBeLessThan(150);
	});
});

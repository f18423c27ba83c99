// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of payloads look like that.
import { describe, expect, it } from "@jest/globals";
import { type Assignment, assign } from "../../lib/profile/assign.ts";
import type { DocumentPayload, ProfileDocument } from "../../lib/profile/document.ts";
import { lintDocument } from "../../lib/profile/document-lint.ts";
import type { PropertyListDict } from "../../lib/profile/property-list.ts";
import { templatesDocument } from "../../lib/profile/templates-document.ts";
import { assigned, candidates, clip, composed, documentOf, now, subjectWith } from "../harness/profile-examples.ts";

const names = ({ payloads }: Assignment) => payloads.map(({ profile, payload }) => `${profile}/${payload.name}`);
const lines = ({ trace }: Assignment) =>
	trace.map(({ profile, payload, counts, words }) => {
		return `${counts ? "+" : "-"} ${profile}${payload === null ? "" : `/${payload}`}: ${words}`;
	});
const staff = [{ group: ["staff"] }];
const guests = [{ group: ["guests"] }];

describe("assign", () => {
	it("orders by priority, then by name, with the template files below all", () => {
		const templates = templatesDocument([
			{ name: "b", payload: clip("tb") },
			{ name: "a", payload: clip("ta") },
		]);
		const low = documentOf("low", { z: clip("lz"), y: clip("ly") }, { priority: -1000 });
		const high = documentOf("y", { x: clip("yx") }, { priority: 5 });
		const assignment = assigned(
			templates,
			low,
			documentOf("b", { x: clip("bx") }),
			documentOf("a", { x: clip("ax") }),
			high,
		);
		expect(names(assignment)).toEqual(["y/x", "a/x", "b/x", "low/z", "low/y", "templates/a", "templates/b"]);
		expect(assignment.contents).toBe("y@5 a@4 b@3 low@2 templates@1");
		expect([...assignment.documents.keys()]).toEqual(["y", "a", "b", "low", "templates"]);
	});

	it("tells that what ends one of several profiles ends them all", () => {
		const RemovalDate = new Date(now.getTime() + 1000);
		const guest = documentOf("guest", { a: clip("a") }, { profile: { RemovalDate } });
		const told = "+ guest: RemovalDate: removes what the other profiles give as well";
		expect(lines(assigned(guest, documentOf("p", { b: clip("b") })))).toContain(told);
		expect(lines(assigned(guest))).not.toContain(told);
	});

	const ended = new Date(now.getTime() - 1);
	it.each<[string, Partial<ProfileDocument>, string]>([
		["everyone", {}, "+ p: is for everyone"],
		["one whose second rule holds", { for: [...guests, ...staff] }, "+ p: rule 2 holds"],
		["nobody", { for: [] }, "- p: is for nobody"],
		["others", { for: guests }, "- p: no rule holds: nearest is rule 1, group: is in none of guests"],
		[
			"others, of whom the nearest is told",
			{
				for: [
					{ group: ["x"], platform: ["Mac"] },
					{ group: ["staff"], os: ">99" },
				],
			},
			"- p: no rule holds: nearest is rule 2, os: the version is not known, or not >99",
		],
		["all but some", { except: [...guests, ...staff] }, "- p: exception 2 holds"],
		["staff but some", { for: staff, except: guests }, "+ p: rule 1 holds"],
		["a time that has passed", { profile: { RemovalDate: ended } }, "- p: its RemovalDate has passed"],
		["a time that passes now", { profile: { RemovalDate: now } }, "- p: its RemovalDate has passed"],
		["another kind of device", { profile: { TargetDeviceType: 5 } }, "- p: its TargetDeviceType is another kind"],
		["this kind of device", { profile: { TargetDeviceType: 1 } }, "+ p: is for everyone"],
		["any kind of device", { profile: { TargetDeviceType: 0 } }, "+ p: is for everyone"],
		["a time before", { profile: { PayloadExpirationDate: ended } }, "- p: its PayloadExpirationDate has passed"],
	])("gives a profile for %s, or tells why not", (_, rest, line) => {
		const assignment = assigned(documentOf("p", { a: clip("a") }, rest));
		expect(lines(assignment)[0]).toBe(line);
		expect(names(assignment)).toEqual(line.startsWith("+") ? ["p/a"] : []);
		expect(assignment.contents).toBe(line.startsWith("+") ? "p@1" : "");
	});

	it.each<[Partial<DocumentPayload>, string]>([
		[{}, "+ p/a: is for whoever gets the profile"],
		[{ for: staff }, "+ p/a: rule 1 holds"],
		[{ for: guests }, "- p/a: no rule holds: nearest is rule 1, group: is in none of guests"],
		[{ for: [] }, "- p/a: no rule holds: there is none"],
		[{ except: staff }, "- p/a: exception 1 holds"],
	])("gives a payload by its own rules: %j", (rules, line) => {
		const assignment = assigned(documentOf("p", [{ name: "a", payload: clip("a"), ...rules }]));
		expect(lines(assignment)[1]).toBe(line);
		if (line.startsWith("-")) {
			expect(lines(assignment)[0]).toBe("- p: is for everyone, but none of its payloads counts");
			expect(assignment.documents.size).toBe(0);
		}
	});

	it("refuses two profiles of one name", () => {
		const twins = candidates(documentOf("p", {}), documentOf("p", {}));
		expect(() => assign(twins, subjectWith(), now)).toThrow(expect.objectContaining({ code: "config" }));
	});

	it("takes the least of the days until an update, of the profiles that give something", () => {
		const days = (name: string, updateAfterDays: number | null, rest = {}) =>
			documentOf(name, { a: clip(name) }, { updateAfterDays, ...rest });
		expect(assigned(days("a", 90), days("b", 30), days("c", null), days("d", 1, { for: [] })).updateAfterDays).toBe(30);
		expect(assigned(days("a", null)).updateAfterDays).toBeNull();
	});

	it("gives the same for the same, whatever the order of the candidates", () => {
		const all = candidates(
			documentOf("a", { x: clip("1"), y: clip("2") }, { profile: { PayloadDisplayName: "A" } }),
			documentOf("b", { x: clip("1") }, { priority: 9, profile: { PayloadDisplayName: "B" } }),
			documentOf("c", { x: clip("2") }, { for: guests }),
		);
		const once = assign(all, subjectWith(), now);
		expect(assign([...all].reverse(), subjectWith(), now)).toEqual(once);
		expect(assign(all, subjectWith(), now)).toEqual(once);
	});
});

describe("a conflict", () => {
	const der = new Uint8Array([0x30, 1]);
	const of = (type: string, keys: PropertyListDict): PropertyListDict => ({ PayloadType: type, ...keys });
	const mail = (keys: PropertyListDict) =>
		of("com.apple.mail.managed", { IncomingMailServerHostName: "imap", ...keys });

	it.each<[string, PropertyListDict, PropertyListDict, string]>([
		["a type", of("com.apple.domains", {}), of("com.apple.domains", { A: 1 }), "a device has one payload of this type"],
		[
			"an identifier",
			clip("1", { PayloadIdentifier: "A.b" }),
			clip("2", { PayloadIdentifier: "a.B" }),
			"PayloadIdentifier",
		],
		[
			"a network",
			of("com.apple.wifi.managed", { SSID_STR: "n" }),
			of("com.apple.wifi.managed", { SSID_STR: "n" }),
			"SSID_STR",
		],
		["a web clip", clip("1"), clip("1", { FullScreen: true }), "the same URL and Label"],
		[
			"a certificate",
			of("com.apple.security.root", { PayloadContent: der }),
			of("com.apple.security.pem", { PayloadContent: Uint8Array.from(der) }),
			"the same certificate",
		],
		[
			"a mailbox",
			mail({ EmailAddress: "${user.email}" }),
			mail({ EmailAddress: "${user.email}" }),
			"IncomingMailServerHostName",
		],
		[
			"a VPN",
			of("com.apple.vpn.managed", { UserDefinedName: "v" }),
			of("com.apple.vpn.managed", { UserDefinedName: "v" }),
			"UserDefinedName",
		],
		[
			"a calendar",
			of("com.apple.caldav.account", { CalDAVHostName: "c", CalDAVUsername: "u" }),
			of("com.apple.caldav.account", { CalDAVHostName: "c", CalDAVUsername: "u" }),
			"CalDAVHostName",
		],
	])("about %s is won by the higher one, and told", (_, one, other, words) => {
		const assignment = assigned(documentOf("low", { b: one }), documentOf("high", { a: other }, { priority: 1 }));
		expect(names(assignment)).toEqual(["high/a"]);
		expect([...assignment.left]).toEqual([["low/b", "high/a"]]);
		expect(lines(assignment)[3]).toContain("- low/b: high/a counts: ");
		expect(lines(assignment)[3]).toContain(words);
		expect(assignment.contents).toBe("high@2");
	});

	it.each<[string, PropertyListDict, PropertyListDict]>([
		[
			"networks of two names",
			of("com.apple.wifi.managed", { SSID_STR: "n" }),
			of("com.apple.wifi.managed", { SSID_STR: "N" }),
		],
		["networks without a name", of("com.apple.wifi.managed", {}), of("com.apple.wifi.managed", {})],
		["mailboxes of two people", mail({ EmailAddress: "a@b.c" }), mail({ EmailAddress: "b@b.c" })],
		["web clips to two places", clip("1"), clip("1", { URL: "https://example.org/" })],
		[
			"secrets of one name in two profiles",
			of("com.apple.security.pkcs12", { PayloadContent: "${secret.identity}" }),
			of("com.apple.security.pkcs12", { PayloadContent: "${secret.identity}" }),
		],
		["types that a device may have twice", of("com.apple.font", {}), of("com.apple.font", {})],
		["types that nobody knows", of("toString", {}), of("toString", {})],
	])("is not: %s", (_, one, other) => {
		const assignment = assigned(documentOf("a", { x: one }), documentOf("b", { x: other }));
		expect(names(assignment)).toEqual(["a/x", "b/x"]);
	});

	it.each<[string, ProfileDocument, ProfileDocument, string[]]>([
		[
			"a template file whose identifier is a profile's",
			templatesDocument([{ name: "office.wifi", payload: clip("t") }]),
			documentOf("office", { wifi: clip("o") }),
			["office/wifi"],
		],
		[
			"names of which case alone is the difference",
			documentOf("office", { wifi: clip("1") }),
			documentOf("Office", { WIFI: clip("2") }),
			["Office/WIFI"],
		],
	])("is about the identifier that is made: %s", (_, one, other, given) => {
		const assignment = assigned(one, other);
		expect(names(assignment)).toEqual(given);
		expect(lines(assignment).at(-1)).toContain(`${given[0]} counts: the same PayloadIdentifier`);
		expect(composed(assignment)).toHaveLength(1);
	});

	it("is settled inside of a profile by its order, and only among what is for the device", () => {
		const assignment = assigned(
			documentOf("p", [
				{ name: "guests", payload: clip("1"), for: guests },
				{ name: "one", payload: clip("1") },
				{ name: "two", payload: clip("1") },
			]),
		);
		expect(names(assignment)).toEqual(["p/one"]);
		expect([...assignment.left]).toEqual([["p/two", "p/one"]]);
	});
});

describe("the keys around the payloads", () => {
	const outerOf = (...profiles: PropertyListDict[]) =>
		assigned(...profiles.map((profile, index) => documentOf(`p${index}`, { a: clip(String(index)) }, { profile })))
			.outer;
	const [soon, late] = [new Date(now.getTime() + 1_000), new Date(now.getTime() + 2_000)];

	it.each<[string, PropertyListDict[], PropertyListDict]>([
		[
			"the highest profile's name",
			[{}, { PayloadDisplayName: "A" }, { PayloadDisplayName: "B" }],
			{ PayloadDisplayName: "A" },
		],
		["the earliest end", [{ RemovalDate: late }, { RemovalDate: soon }], { RemovalDate: soon }],
		[
			"the earliest update",
			[{ PayloadExpirationDate: soon }, { PayloadExpirationDate: late }],
			{ PayloadExpirationDate: soon },
		],
		["the shortest time", [{ DurationUntilRemoval: 9 }, { DurationUntilRemoval: 3 }], { DurationUntilRemoval: 3 }],
		[
			"that it stays, if any says so",
			[{ PayloadRemovalDisallowed: false }, { PayloadRemovalDisallowed: true }],
			{ PayloadRemovalDisallowed: true },
		],
		[
			"nothing of what makes the profile what it is",
			[
				{
					...{ PayloadIdentifier: "i", PayloadUUID: "u", PayloadType: "t", PayloadVersion: 2 },
					...{ IsEncrypted: true, EncryptedPayloadContent: new Uint8Array(1), PayloadContent: [] },
				},
			],
			{},
		],
		[
			"texts of consent together, each language whole",
			[
				{ ConsentText: { default: "one", de: "eins" } },
				{ ConsentText: { en: "two", fr: "deux" } },
				{ ConsentText: { pt: "tres" } },
			],
			{
				ConsentText: {
					default: "one\n\ntwo\n\ntres",
					de: "eins\n\ntwo\n\ntres",
					en: "one\n\ntwo\n\ntres",
					fr: "one\n\ndeux\n\ntres",
					pt: "one\n\ntwo\n\ntres",
				},
			},
		],
	])("have %s", (_, profiles, outer) => expect(outerOf(...profiles)).toEqual(outer));

	it("tell whose value does not count", () => {
		const named = (name: string) => documentOf(name, { a: clip(name) }, { profile: { PayloadScope: name } });
		expect(lines(assigned(named("a"), named("b")))).toContain("- b: PayloadScope: what a says counts");
	});

	it("are given by no profile that gives no payload: it has none, or they all are for others", () => {
		const bare = documentOf("bare", {}, { profile: { PayloadScope: "User" }, updateAfterDays: 7 });
		const others = documentOf("others", [{ name: "a", payload: clip("a"), for: guests }], {
			profile: { PayloadDescription: "x" },
		});
		const assignment = assigned(bare, others, documentOf("p", { a: clip("a") }));
		expect(lintDocument(bare)).toContainEqual(expect.objectContaining({ rule: "payloads", level: "error" }));
		expect([assignment.outer, assignment.contents, assignment.updateAfterDays]).toEqual([{}, "p@3", null]);
		expect(lines(assignment)[0]).toBe("- bare: is for everyone, but none of its payloads counts");
	});
});

describe("a type that the system does not take", () => {
	const uuid = "4F1E0F0E-0000-4000-8000-00000000000A";
	const acme: PropertyListDict = { PayloadType: "com.apple.security.acme", PayloadUUID: uuid };
	const wifi = (name: string, keys: PropertyListDict): PropertyListDict => ({
		...{ PayloadType: "com.apple.wifi.managed", SSID_STR: name },
		...keys,
	});
	const on = (device: Readonly<Record<string, string>>, ...documents: ProfileDocument[]) =>
		assign(candidates(...documents), subjectWith({}, device), now);
	const old = { PRODUCT: "iPhone9,1", OS_VERSION: "15.8" };

	it.each<[string, PropertyListDict]>([
		["by its name", { PayloadCertificateUUID: "${payload.acme}" }],
		["inside of a text", { Deep: [{ Text: "x ${payload.acme}" }] }],
		["by its PayloadUUID", { Deep: [{ PayloadCertificateUUID: uuid.toLowerCase() }] }],
	])("takes what refers to it along, %s, and what refers to that", (_, keys) => {
		const document = documentOf("p", {
			vpn: { PayloadType: "com.apple.vpn.managed", UserDefinedName: "v", Wifi: "${payload.wifi}" },
			wifi: wifi("n", keys),
			acme,
			clip: clip("a"),
		});
		const assignment = on(old, document);
		expect(names(assignment)).toEqual(["p/clip"]);
		expect(lines(assignment)).toEqual([
			"+ p: is for everyone",
			"- p/vpn: refers to wifi, which is left out",
			"- p/wifi: refers to acme, which iOS 15.8 does not take",
			"- p/acme: iOS 15.8 does not take its type",
			"+ p/clip: is for whoever gets the profile",
		]);
		expect(composed(assignment, { subject: subjectWith({}, old) })).toHaveLength(1);
		expect(names(on({ PRODUCT: "iPhone17,3", OS_VERSION: "27.0" }, document))).toHaveLength(4);
	});

	it.each<[string, DocumentPayload[], string[]]>([
		[
			"only says its UUID inside of a text, or as its own name",
			[
				{ name: "acme", payload: acme },
				{ name: "a", payload: clip(`x ${uuid}`) },
				{ name: "b", payload: clip("b", { PayloadIdentifier: uuid }) },
			],
			["p/a", "p/b"],
		],
		[
			"means another with the same UUID",
			[
				{ name: "acme", payload: acme },
				{ name: "scep", payload: { PayloadType: "com.apple.security.scep", PayloadUUID: uuid } },
				{ name: "wifi", payload: wifi("n", { PayloadCertificateUUID: uuid }) },
			],
			["p/scep", "p/wifi"],
		],
		[
			"refers to what its own rules leave out",
			[
				{ name: "acme", payload: acme, for: guests },
				{ name: "wifi", payload: wifi("n", { PayloadCertificateUUID: "${payload.acme}" }) },
			],
			["p/wifi"],
		],
	])("leaves what %s", (_, payloads, given) => expect(names(on(old, documentOf("p", payloads)))).toEqual(given));

	it("takes along what would have won over a lower profile, which is given then", () => {
		const high = documentOf("high", { acme, wifi: wifi("n", { A: "${payload.acme}" }) }, { priority: 1 });
		const low = documentOf("low", { wifi: wifi("n", {}) });
		expect(names(on(old, high, low))).toEqual(["low/wifi"]);
		expect(on(old, high, low).contents).toBe("low@2");
	});
});

describe("the template files as a profile", () => {
	it.each([
		["a name with a path", [{ name: "../a", payload: clip("a") }]],
		["a name twice", ["a", "a"].map((name) => ({ name, payload: clip("a") }))],
		["a value that is no property list", [{ name: "a", payload: { PayloadType: "x", A: [null] } }]],
	])("refuse %s", (_, templates) => {
		expect(() => templatesDocument(templates)).toThrow(expect.objectContaining({ code: "config" }));
	});
});

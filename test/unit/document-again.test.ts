// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of documents look like that.
/** A profile that was exported, changed and imported: whose payloads are which, and whom they are for. */
import { describe, expect, it } from "@jest/globals";
import type { DocumentPayload } from "../../lib/profile/document.ts";
import { documentAgain } from "../../lib/profile/document-again.ts";
import { profileFromDocument } from "../../lib/profile/document-file.ts";
import type { PropertyListDict } from "../../lib/profile/property-list.ts";
import { documentWith, wifi } from "./document-samples.ts";
import { uuid } from "./lint-examples.ts";

const admins = [{ group: ["admins"] }];
const guest: DocumentPayload = { name: "guest", payload: wifi({ SSID_STR: "Guests" }) };
const admin: DocumentPayload = { name: "admin-lan", for: admins, payload: wifi({ SSID_STR: "Admins" }) };
const clip = {
	name: "help",
	payload: { PayloadType: "com.apple.webClip.managed", URL: "https://a.example/", Label: "a" },
};
const two = documentWith([guest, admin], { name: "two", priority: 4, except: [{ user: ["bob"] }] });

/** The export of a document, each payload as `change` makes it; what it leaves out is not there. */
function changed(
	document: typeof two,
	change: (payload: PropertyListDict, index: number) => PropertyListDict | null,
): PropertyListDict {
	const whole = profileFromDocument(document);
	const payloads = (whole.PayloadContent as readonly PropertyListDict[]).map(change);
	return { ...whole, PayloadContent: payloads.filter((each) => each !== null) };
}
const strange = (payload: PropertyListDict, index: number): PropertyListDict => ({
	...payload,
	PayloadUUID: uuid(`strange-${index}`),
	PayloadIdentifier: `com.example.strange.${index}`,
});
const renamed = { SSID_STR: "Renamed" };

describe("an export that is imported again", () => {
	it("is the document that it was made of, key by key", () => {
		expect(documentAgain(profileFromDocument(two), two)).toEqual(two);
		const own = { PayloadUUID: uuid("own"), PayloadIdentifier: "com.example.own", PayloadVersion: 1 };
		const named = documentWith([{ ...guest, payload: wifi(own) }], { profile: { PayloadDisplayName: "Office" } });
		expect(documentAgain(profileFromDocument(named), named)).toEqual(named);
	});

	it("keeps each payload's name and rules when a network is renamed, in any order", () => {
		const edited = changed(two, (payload) => ({ ...payload, ...renamed }));
		const turned = { ...edited, PayloadContent: [...(edited.PayloadContent as PropertyListDict[])].reverse() };
		expect(documentAgain(edited, two).payloads).toEqual([
			{ name: "guest", payload: wifi(renamed) },
			{ name: "admin-lan", for: admins, payload: wifi(renamed) },
		]);
		expect(documentAgain(turned, two).payloads.map(({ name }) => name)).toEqual(["admin-lan", "guest"]);
	});

	it.each(["PayloadUUID", "PayloadIdentifier"] as const)("knows them when a tool gave each another %s", (key) => {
		const edited = changed(two, (payload, index) => ({ ...payload, [key]: strange({}, index)[key] ?? "" }));
		expect(documentAgain(edited, two).payloads.map(({ name, for: rules }) => [name, rules])).toEqual([
			["guest", undefined],
			["admin-lan", admins],
		]);
	});

	it("gives what is new a name of its own, and no rules", () => {
		const whole = profileFromDocument(two);
		const more = { ...whole, PayloadContent: [wifi(), ...(whole.PayloadContent as PropertyListDict[])] };
		expect(documentAgain(more, two).payloads).toEqual([{ name: "wifi", payload: wifi() }, guest, admin]);
	});

	it("lets what is not there any more go", () => {
		expect(
			documentAgain(
				changed(two, (each, index) => (index === 0 ? each : null)),
				two,
			).payloads,
		).toEqual([guest]);
	});

	it("knows a payload without its names when it alone is of its type", () => {
		const document = documentWith([{ ...admin, name: "wlan" }, clip]);
		const [wlan, help] = documentAgain(changed(document, strange), document).payloads;
		expect(wlan).toMatchObject({ name: "wlan", for: admins });
		expect(help?.name).toBe("help");
	});

	it("names payloads in the document's way where a tool referred to what the export had made", () => {
		const ca = { name: "ca", payload: { PayloadType: "com.apple.security.root", PayloadContent: new Uint8Array([1]) } };
		const document = documentWith([ca, guest]);
		const [root] = profileFromDocument(document).PayloadContent as PropertyListDict[];
		const anchor = { EAPClientConfiguration: { PayloadCertificateAnchorUUID: [root?.PayloadUUID ?? ""] } };
		const edited = changed(document, (payload, index) => (index === 1 ? { ...payload, ...anchor } : payload));
		expect(documentAgain(edited, document).payloads).toEqual([
			ca,
			{
				name: "guest",
				payload: wifi({
					SSID_STR: "Guests",
					EAPClientConfiguration: { PayloadCertificateAnchorUUID: ["${payload.ca}"] },
				}),
			},
		]);
	});
});

describe("a payload with rules that is not found again", () => {
	it.each<[string, PropertyListDict]>([
		["both of its type have lost their names", changed(two, strange)],
		["it alone has", changed(two, (each, index) => (index === 1 ? strange(each, index) : each))],
		["the other one of its type is gone", changed(two, (each, index) => (index === 1 ? strange(each, index) : null))],
	])("is refused when %s, naming it", (_, profile) => {
		expect(() => documentAgain(profile, two)).toThrow(
			expect.objectContaining({ code: "malformed", message: expect.stringMatching(/admin-lan.*YAML/) }),
		);
	});

	it("is refused for its exceptions alone as well", () => {
		const document = documentWith([guest, { name: "b", except: admins, payload: wifi() }]);
		expect(() => documentAgain(changed(document, strange), document)).toThrow(/cannot be told from b,/);
	});

	it("stands in the way of nothing when it has none", () => {
		const plain = documentWith([guest, { ...guest, name: "other" }]);
		expect(documentAgain(changed(plain, strange), plain).payloads.map(({ name }) => name)).toEqual(["wifi", "wifi-2"]);
	});
});

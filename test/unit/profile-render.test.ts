// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of payloads look like that.
import { describe, expect, it } from "@jest/globals";
import { builtInCatalogue } from "../../lib/profile/catalogue/built-in.ts";
import type { ProfileDocument } from "../../lib/profile/document.ts";
import { propertyList } from "../../lib/profile/property-list.ts";
import { renderFinal } from "../../lib/profile/render.ts";
import {
	candidates,
	clip,
	documentOf,
	identifier,
	now,
	rootCertificate,
	subjectWith,
} from "../harness/profile-examples.ts";

const rendered = (...documents: ProfileDocument[]) =>
	renderFinal({
		...{ candidates: candidates(...documents), subject: subjectWith(), now, organization: "Example", identifier },
		...{ baseUrl: "https://ota.example.com", rootCertificate, catalogue: builtInCatalogue },
	});
const wifi = { PayloadType: "com.apple.wifi.managed", SSID_STR: "Office", Password: "${secret.psk}" };
const p12 = { PayloadType: "com.apple.security.pkcs12", PayloadContent: "${secret.p12}", Password: "plain-hunter2" };

describe("what a device would get", () => {
	it("are its payloads, the keys around them and the reasons", () => {
		const outer = { PayloadDisplayName: "${organization}" };
		const result = rendered(
			documentOf("office", { clip: clip("For ${user.name}") }, { profile: outer }),
			documentOf("others", { clip: clip("x") }, { for: [{ group: ["guests"] }] }),
		);
		expect(result.payloads).toMatchObject([
			{ PayloadType: "com.apple.security.scep", PayloadContent: { Challenge: "•••" } },
			{ PayloadIdentifier: `${identifier}.payload.office.clip`, Label: "For Ana" },
		]);
		expect(result.outer).toEqual({ PayloadDisplayName: "Example" });
		expect(result.trace.map(({ profile, payload, counts }) => [profile, payload, counts])).toEqual([
			["office", null, true],
			["office", "clip", true],
			["others", null, false],
		]);
		expect(result.findings).toEqual([]);
	});

	it("shows no secret, neither sealed, nor data, nor plain, and complains of none of them", () => {
		const result = rendered(documentOf("office", { wifi, p12 }, { secrets: { psk: 1, p12: 2 } }));
		expect(result.payloads).toMatchObject([
			{},
			{ SSID_STR: "Office", Password: "•••" },
			{ PayloadContent: "•••", Password: "•••" },
		]);
		expect(result.findings).toEqual([]);
		expect(new TextDecoder().decode(propertyList(result.payloads))).not.toContain("hunter2");
		expect(JSON.stringify(result)).not.toContain("hunter2");
	});

	it("finds a secret that has no value", () => {
		expect(rendered(documentOf("office", { wifi })).findings).toMatchObject([
			{ rule: "secret", level: "error", payload: { index: 1, type: "com.apple.wifi.managed" } },
		]);
	});

	it("warns of what this device does not obey: it takes the profile", () => {
		const restrictions = { PayloadType: "com.apple.applicationaccess", allowSafari: false };
		expect(rendered(documentOf("office", { restrictions })).findings).toMatchObject([
			{ rule: "supervised", level: "warning", path: "allowSafari" },
		]);
	});
});

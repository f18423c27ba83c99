/** What the lint of a profile costs (`npm run bench`): 50 payloads, and the whole way from the file. Nothing is asserted. */
import { afterAll, describe, expect, it } from "@jest/globals";
import { lintProfile } from "../../lib/profile/lint.ts";
import { readProfileFile } from "../../lib/profile/profile-file.ts";
import { type PropertyListValue, propertyList } from "../../lib/profile/property-list.ts";
import { payload, profile, uuid, webClip } from "../unit/lint-examples.ts";
import { quantile, Report } from "./report.ts";

const report = new Report("profile");
afterAll(() => report.write());

/** 10 each of five types, with references, and one of them the type with the most keys. */
const payloads = Array.from({ length: 10 }, (_, index) => [
	payload("com.apple.security.scep", { PayloadContent: { URL: "https://example.com/scep" } }, `identity-${index}`),
	webClip({}, `clip-${index}`),
	payload(
		"com.apple.wifi.managed",
		{
			SSID_STR: `Network ${index}`,
			PayloadCertificateUUID: uuid(`identity-${index}`),
			EAPClientConfiguration: { AcceptEAPTypes: [13], TLSMinimumVersion: "1.2" },
		},
		`wifi-${index}`,
	),
	payload("com.apple.applicationaccess", { allowCamera: false, allowScreenShot: false }, `restrictions-${index}`),
	payload("com.apple.ldap.account", { LDAPAccountHostName: "ldap.example.com" }, `ldap-${index}`),
]).flat();

function times(act: () => unknown): number[] {
	for (let round = 0; round < 50; round += 1) act();
	return Array.from({ length: 200 }, () => {
		const start = performance.now();
		act();
		return performance.now() - start;
	});
}

describe("the lint of a profile of 50 payloads", () => {
	const whole = profile(payloads);
	const xml = propertyList(whole as PropertyListValue);

	it.each([
		["values alone", () => lintProfile(whole)],
		["from the file", () => lintProfile(readProfileFile(xml).profile)],
	])("is measured: %s", (what, act) => {
		expect(act()).toEqual([]);
		const measured = times(act);
		const rounded = (value: number) => Math.round(value * 100) / 100;
		const [p50, p99] = [quantile(measured, 0.5), quantile(measured, 0.99)].map(rounded);
		report.row("Lint of 50 payloads", { what, "p50 ms": p50 ?? 0, "p99 ms": p99 ?? 0 });
	});
});

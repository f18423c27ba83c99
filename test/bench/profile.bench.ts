// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of payloads look like that.
/**
 * What profiles cost (`npm run bench`): the lint of 50 payloads, who gets what among 10,000 rules, and one device's
 * profile from its rules to the signature. Times are not asserted.
 */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { pemCertificates, readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { envelop } from "../../lib/cms/enveloped-data.ts";
import { signData } from "../../lib/cms/sign.ts";
import { assign } from "../../lib/profile/assign.ts";
import { composeOuter, judgeFinal } from "../../lib/profile/compose.ts";
import type { ProfileDocument, Rule } from "../../lib/profile/document.ts";
import { encryptedProfile, finalContent } from "../../lib/profile/final-profile.ts";
import { lintProfile } from "../../lib/profile/lint.ts";
import { readProfileFile } from "../../lib/profile/profile-file.ts";
import { type PropertyListDict, type PropertyListValue, propertyList } from "../../lib/profile/property-list.ts";
import { matches } from "../../lib/profile/rules.ts";
import {
	candidates,
	clip,
	composedWhole,
	documentOf,
	identifier,
	now,
	subjectWith,
	udid,
	variablesOf,
} from "../harness/profile-examples.ts";
import { type SoftwareKeys, softwareKeys } from "../harness/software-keys.ts";
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

const subject = subjectWith();
const median = (values: readonly number[]): number => quantile(values, 0.5);
const rulesOf = (count: number): Rule[] =>
	Array.from({ length: count }, (_, index) => {
		return { group: [`group-${index}`, "staff"], model: [`iPhone*,${index}`, `*${index}`], os: ">=17.2 <19" };
	});

describe("10,000 rules", () => {
	it("are measured: asked for the first time, and again", () => {
		const [first, again]: [number[], number[]] = [[], []];
		for (let round = 0; round < 20; round += 1) {
			const rules = rulesOf(10_000);
			for (const measured of [first, again]) {
				const start = performance.now();
				expect(rules.filter((rule) => matches(rule, subject)).length).toBeLessThan(10);
				measured.push(performance.now() - start);
			}
		}
		report.row("10,000 rules of three conditions", { "first ms": median(first), "again ms": median(again) });
	});

	it("are measured: 100 profiles of 10 payloads, ten rules each", () => {
		const payloads = Array.from({ length: 10 }, (_, index) => {
			return { name: `p${index}`, payload: clip(`clip ${index}`), for: rulesOf(10) };
		});
		const documents = Array.from({ length: 100 }, (_, index) => documentOf(`profile-${index}`, payloads));
		const all = candidates(...documents);
		const measured = times(() => assign(all, subject, now));
		report.row("Assignment of 100 profiles with 10,000 rules", {
			"p50 ms": median(measured),
			"p99 ms": quantile(measured, 0.99),
		});
	});
});

/** 12 payloads: four networks with roots of their own, web clips with variables, a mailbox, a restriction. */
function officeDocument(): ProfileDocument {
	const four = [0, 1, 2, 3];
	const networks = four.map((index) => ({
		name: `wifi-${index}`,
		payload: {
			...{ PayloadType: "com.apple.wifi.managed", SSID_STR: `Office ${index}`, EncryptionType: "WPA2" },
			PayloadCertificateUUID: "${identity.client}",
			EAPClientConfiguration: { AcceptEAPTypes: [13], PayloadCertificateAnchorUUID: [`\${payload.root-${index}}`] },
		},
	}));
	const roots = four.map((index) => ({
		name: `root-${index}`,
		payload: { PayloadType: "com.apple.security.root", PayloadContent: randomBytes(900) },
	}));
	const clips = [0, 1].map((index) => ({ name: `clip-${index}`, payload: clip(`\${user.name} ${index}`) }));
	const mail = {
		...{ PayloadType: "com.apple.eas.account", Host: "mail.example.com", EmailAddress: "${user.email}" },
		...{ SSL: true, UserName: "${user.login}", Password: "${secret.mail}" },
	};
	const restrictions = { PayloadType: "com.apple.applicationaccess", allowScreenShot: false };
	return documentOf(
		"office",
		[
			...[...networks, ...roots, ...clips],
			...[
				{ name: "mail", payload: mail },
				{ name: "restrictions", payload: restrictions },
			],
		],
		{ for: [{ group: ["staff"], os: ">=17" }], profile: { PayloadDisplayName: "${organization}" } },
	);
}

describe("a device's profile of 12 payloads", () => {
	let software: SoftwareKeys;
	let recipient: X509;
	const certificateOf = (pem: string): X509 => readCertificate(pemCertificates(pem)[0] as Uint8Array);
	beforeAll(async () => {
		software = await softwareKeys();
		// RSA-2048, as a device's identity is.
		recipient = certificateOf(software.authorities.ra);
	});
	const office = candidates(officeDocument());
	const secrets = { "office/mail": "password" };

	function compose(): PropertyListDict[] {
		const assignment = assign(office, subject, now);
		const payloads = composedWhole(assignment, { secrets });
		judgeFinal(payloads, composeOuter(assignment, variablesOf(subject)), subject, assignment);
		expect(payloads).toHaveLength(13);
		return payloads;
	}

	function encrypt(content: Uint8Array): Uint8Array {
		return encryptedProfile({
			...{ envelopedData: envelop(content, recipient, "aes-256-cbc", randomBytes), organization: "Example" },
			...{ identifier, uuid: udid, displayName: "Office", expiration: now, targetDeviceType: 1, outer: {} },
		});
	}

	function sign(content: Uint8Array): Promise<Uint8Array> {
		const certificate = certificateOf(software.authorities.profile);
		const signer = { certificate, sign: software.keys.sign.bind(null, "profile") };
		return signData({ content, signer, digest: "sha256", certificates: [certificate], signingTime: now });
	}

	/** Processor time of this process, which has one thread at work. */
	async function cost(act: () => unknown): Promise<number> {
		for (let round = 0; round < 50; round += 1) await act();
		const rounds = 200;
		const before = process.cpuUsage();
		for (let round = 0; round < rounds; round += 1) await act();
		const { user, system } = process.cpuUsage(before);
		return (user + system) / 1_000 / rounds;
	}

	it("is measured", async () => {
		const payloads = compose();
		const content = finalContent(payloads);
		const outer = encrypt(content);
		report.row("One profile of 12 payloads, CPU ms", {
			"assign, compose, judge": await cost(compose),
			"write the content": await cost(() => finalContent(payloads)),
			"encrypt, write the profile": await cost(() => encrypt(content)),
			"sign (RSA-2048 in software)": await cost(() => sign(outer)),
		});
		report.note("The signature is a software key's: with a token, its time is the token's (keys.bench.ts).");
	});
});

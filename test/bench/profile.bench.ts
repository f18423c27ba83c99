// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of payloads look like that.
/**
 * What profiles cost (`npm run bench`): the lint of 50 payloads, who gets what among 10,000 rules, and one device's
 * profile from its rules to the signature. Times are not asserted; what is asked stands beside them.
 */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { pemCertificates, readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { envelop } from "../../lib/cms/enveloped-data.ts";
import { signData } from "../../lib/cms/sign.ts";
import { type Assignment, assign } from "../../lib/profile/assign.ts";
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
import { softwareKeys } from "../harness/software-keys.ts";
import { payload, profile, uuid, webClip } from "../unit/lint-examples.ts";
import { amount, quantile, Report } from "./report.ts";

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
		report.row("10,000 rules of three conditions", {
			"very first ms": first[0] ?? 0,
			"first ms": median(first),
			"again ms": median(again),
			"asked ms": 50,
		});
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
	let recipient: X509;
	beforeAll(async () => {
		const { authorities } = await softwareKeys();
		// RSA-2048, as a device's identity is.
		recipient = readCertificate(pemCertificates(authorities.ra)[0] as Uint8Array);
	});
	const office = candidates(officeDocument());
	const secrets = { "office/mail": "password" };

	function compose(assignment: Assignment): PropertyListDict[] {
		const payloads = composedWhole(assignment, { secrets });
		expect(payloads).toHaveLength(13);
		return payloads;
	}

	const judge = (assignment: Assignment, payloads: readonly PropertyListDict[]): void =>
		judgeFinal(payloads, composeOuter(assignment, variablesOf(subject)), subject, assignment);

	const encrypt = (content: Uint8Array): Uint8Array => envelop(content, recipient, "aes-256-cbc", randomBytes);

	const wrap = (envelopedData: Uint8Array): Uint8Array =>
		encryptedProfile({
			...{ envelopedData, organization: "Example", outer: {} },
			...{ identifier, uuid: udid, displayName: "Office", expiration: now, targetDeviceType: 1 },
		});

	/** All but the key's own work, which is the token's. */
	function sign(content: Uint8Array): Promise<Uint8Array> {
		const signer = { certificate: recipient, sign: () => Promise.resolve(new Uint8Array(256)) };
		return signData({ content, signer, digest: "sha256", certificates: [recipient], signingTime: now });
	}

	/** Processor time of this process, which has one thread at work. */
	async function cost(act: () => unknown): Promise<number> {
		for (let round = 0; round < amount(200); round += 1) await act();
		const rounds = amount(1_000);
		const before = process.cpuUsage();
		for (let round = 0; round < rounds; round += 1) await act();
		const { user, system } = process.cpuUsage(before);
		return (user + system) / 1_000 / rounds;
	}

	it("is measured", async () => {
		const assignment = assign(office, subject, now);
		const payloads = compose(assignment);
		const content = finalContent(payloads);
		const envelopedData = encrypt(content);
		const outer = wrap(envelopedData);
		const parts: [what: string, act: () => unknown][] = [
			["who gets what", () => assign(office, subject, now)],
			["compose", () => compose(assignment)],
			["judge by the lint", () => judge(assignment, payloads)],
			["write the content", () => finalContent(payloads)],
			["encrypt", () => encrypt(content)],
			["write the profile", () => wrap(envelopedData)],
			["sign, without the key's own work", () => sign(outer)],
		];
		let sum = 0;
		for (const [what, act] of parts) {
			const milliseconds = await cost(act);
			sum += milliseconds;
			report.row("One profile of 12 payloads", { what, "CPU ms": milliseconds, "asked ms": null });
		}
		report.row("One profile of 12 payloads", { what: "all of it", "CPU ms": sum, "asked ms": 3 });
		report.note("The key's own work is the token's time (keys.bench.ts).");
	});
});

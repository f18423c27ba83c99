/** A transcript against those who would fool its verification: what they may write, and what gives them away. Software keys. */
import { createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { checkToBeSigned, readIssuer } from "../../hsm/agent/to-be-signed.ts";
import { type CeremonyKey, runCeremony } from "../../lib/ca/ceremony.ts";
import { compareCeremony } from "../../lib/ca/ceremony-compare.ts";
import type { Evidence, FoundKey } from "../../lib/ca/ceremony-evidence.ts";
import { readTranscript } from "../../lib/ca/ceremony-reading.ts";
import { certifySuccessor } from "../../lib/ca/ceremony-successor.ts";
import { signTranscript } from "../../lib/ca/ceremony-transcript.ts";
import type { Clock } from "../../lib/ports.ts";
import { newKeyPair } from "../device/key-pair.ts";

type Role = "root" | "ca" | "ra" | "profile";
const roles: readonly Role[] = ["root", "ca", "ra", "profile"];
const labels = { root: "root-ca", ca: "issuing-ca", ra: "scep-ra", profile: "profile-signing", seal: "seal" } as const;
const privateKeys = new Map<string, KeyObject>();

function ceremonyKey(label: string): CeremonyKey {
	const privateKey = privateKeys.get(label) ?? newKeyPair("rsa", { modulusLength: 2048 }).privateKey;
	privateKeys.set(label, privateKey);
	return {
		label,
		attributes: { class: "private", type: "rsa", size: 2048, CKA_ID: label, ...told },
		publicKey: new Uint8Array(createPublicKey(privateKey).export({ format: "der", type: "spki" })),
		sign: async (hash, message) => sign(hash, message, privateKey),
	};
}
const told = { CKA_SENSITIVE: true, CKA_EXTRACTABLE: false, CKA_SIGN: true, CKA_DECRYPT: false };
const seal = { label: labels.seal, attributes: { class: "secret", type: "aes", size: 256, CKA_ID: "05", ...told } };
const keys = {
	root: ceremonyKey(labels.root),
	ca: ceremonyKey(labels.ca),
	ra: ceremonyKey(labels.ra),
	profile: ceremonyKey(labels.profile),
	seal,
};
const holder = "ota (serial 1)";
const now: Clock = () => new Date("2026-11-22T10:20:30Z");
const ceremony = {
	organization: "Example Corp",
	operator: "root@example",
	token: holder,
	clock: now,
	random: (length: number) => randomBytes(length),
};

/** Certificates by file, as they lie beside the transcript. */
type Files = Record<string, X509Certificate>;
const filesOf = (result: Record<Role, string>): Files =>
	Object.fromEntries(roles.map((role) => [`${role}.pem`, new X509Certificate(result[role])]));

/** Every key on the token, and which the configuration names. */
const found: FoundKey[] = [
	...Object.entries(keys).map(([role, key]) => ({ ...key, token: holder, roles: role === "root" ? [] : [role] })),
	{ ...ceremonyKey("stranger"), token: holder, roles: [] },
];
const configuredKeys = ["ca", "ra", "profile", "seal"];

let genuine: { text: string; files: Files };
beforeAll(async () => {
	const result = await runCeremony({ ...ceremony, keys });
	genuine = { text: result.transcript, files: filesOf(result) };
});

function differences(text: string, files = genuine.files, configured: Partial<Evidence["configured"]> = {}): string[] {
	const { "root.pem": root, "ca.pem": ca, "ra.pem": ra, "profile.pem": profile } = genuine.files;
	return compareCeremony(readTranscript(text), {
		keys: found,
		certificateOf: (file) => files[file] ?? null,
		messageOf: () => null,
		configured: { certificates: { root, ca, ra, profile }, keys: configuredKeys, ...configured },
	});
}

/** The genuine transcript, edited and signed anew by the issuing CA: only what it says can give it away then. */
function resigned(edit: (text: string) => string, by: CeremonyKey = keys.ca): Promise<string> {
	const text = genuine.text.slice(0, genuine.text.indexOf("\nSigned with"));
	const edited = edit(text);
	expect(edited).not.toBe(text);
	return signTranscript(edited, by);
}

/** A text without the section of that title. */
const without = (title: string) => (text: string) =>
	text
		.split("\n\n")
		.filter((block) => !block.startsWith(`${title}\n`))
		.map((block) => block.replace(/\n$/, ""))
		.join("\n\n")
		.concat("\n");

describe("a ceremony's transcript", () => {
	it("is found as it says", () => {
		expect(differences(genuine.text)).toEqual([]);
	});

	it("is signed with the issuing CA's key, which the agent does not do: it begins as no DER SEQUENCE does", () => {
		expect(genuine.text).toMatch(/\nSigned with issuing-ca\n/);
		const issuer = readIssuer(genuine.files["ca.pem"]?.raw ?? new Uint8Array());
		const message = Buffer.from(genuine.text);
		expect(message[0]).not.toBe(0x30);
		expect(() => checkToBeSigned(message, "sha256", issuer, now())).toThrow(
			expect.objectContaining({ code: "hsm_refused" }),
		);
	});

	it.each([
		["has no format", (text: string) => text.replace(/ {2}Format: .*\n/, ""), /it names no format/],
		["was downgraded to format 1", (text: string) => text.replace(/(Format: +)3/, "$11"), /its format is "1", where/],
		["is of format 2", (text: string) => text.replace(/(Format: +)3/, "$12"), /its format is "2", where/],
		["is of no kind", (text: string) => text.replace(/(Kind: +)ceremony/, "$1rehearsal"), /its kind is none of/],
		["begins otherwise", (text: string) => text.replace("Key ceremony", "0"), /it begins with "0\\n/],
		["has a field twice", (text: string) => text.replace(/( {2}Held by: .*\n)/, "$1$1"), /does not belong there/],
		["has an attribute twice", (text: string) => text.replace("CKA_SIGN=", "CKA_ID="), /is there twice/],
		[
			"has a blank line more",
			(text: string) => text.replace("\nIssuing CA\n", "\n\nIssuing CA\n"),
			/does not belong there/,
		],
		[
			"says something behind its signature",
			(text: string) => `${text}\nSeal (AES)\n`,
			/its signature has another form/,
		],
		["is laid out otherwise", (text: string) => text.replace("Held by:       ", "Held by:  "), /lays it out otherwise/],
		["has other line ends", (text: string) => text.replaceAll("\n", "\r\n"), /it begins with/],
		["hides an escape", (text: string) => text.replace("root@", "\u001b[8m"), /it holds what no line of text does/],
		[
			"has a loose signature",
			(text: string) => text.replace(/(Signature: +)./, "$1*"),
			/its signature has another form/,
		],
		["is endless", (text: string) => text + "x".repeat(270_000), /too long/],
	])("is none when it %s", (_name, edit, words) => {
		expect(() => readTranscript(edit(genuine.text))).toThrow(
			expect.objectContaining({ code: "malformed", message: expect.stringMatching(words) }),
		);
	});

	it("was taken without its signature", () => {
		const text = genuine.text.slice(0, genuine.text.indexOf("\nSigned with"));
		expect(differences(text)).toEqual(["the transcript's signature is gone"]);
	});

	it.each([
		["Root CA", /^the transcript's section 1 is not Root CA$/],
		["Issuing CA", /^the transcript's section 2 is not Issuing CA$/],
		["SCEP RA", /^the transcript's section 3 is not SCEP RA$/],
		["Profile Signing", /^the transcript's section 4 is not Profile Signing$/],
		["Seal (AES)", /^the transcript's section 5 is not the seal key's$/],
	])("was taken without the section %s", async (title, words) => {
		expect(differences(await resigned(without(title)))).toContainEqual(expect.stringMatching(words));
	});

	it.each([
		[
			"a section more",
			(text: string) => `${text}\nSeal (RSA)\n  Key label:     stranger\n`,
			/^the transcript has 6 sections/,
		],
		[
			"a section twice",
			(text: string) => `${text}\nRoot CA\n  File:          root.pem\n`,
			/^the transcript has 6 sections/,
		],
		["no file", (text: string) => text.replace(/ {2}File: +root.pem\n/, ""), /^Root CA has no File$/],
		[
			"a file from elsewhere",
			(text: string) => text.replace("ra.pem", "ca.pem"),
			/^SCEP RA names ca\.pem, which is no file/,
		],
		["no fingerprint", (text: string) => text.replace(/ {2}SHA-256: +.*\n/, ""), /^Root CA has no SHA-256$/],
		["no key", (text: string) => text.replace(/ {2}Key label: +scep-ra\n/, ""), /^SCEP RA has no Key label$/],
		[
			"a field of its own",
			(text: string) => text.replace(/( {2}Held by:)/, "  Approved:      yes\n$1"),
			/^the head has Approved, which/,
		],
		["no date", (text: string) => text.replace(/ {2}Held at: .*\n/, ""), /^the head has no Held at$/],
		[
			"another sentence",
			(text: string) => text.replace("All keys were generated", "All keys were checked"),
			/^the sentence below/,
		],
		[
			"another origin",
			(text: string) => text.replace(/( {2}Key label: +scep-ra\n)/, "$1  Key origin:    the moon\n"),
			/^SCEP RA has another Key origin$/,
		],
		[
			"an attribute less",
			(text: string) => text.replace("CKA_EXTRACTABLE=", "CKA_EXTRACTED__="),
			/^Root CA has no attribute CKA_EXTRACTABLE$/,
		],
	])("was taken with %s", async (_name, edit, words) => {
		expect(differences(await resigned(edit))).toContainEqual(expect.stringMatching(words));
	});

	it("names an attribute that the token tells and the transcript does not", async () => {
		const text = await resigned((one) => one.replace("CKA_ID=scep-ra", "CKA_XX=scep-ra"));
		expect(differences(text)).toContain(
			"SCEP RA: CKA_ID of its key scep-ra is scep-ra, the transcript says nothing of it",
		);
	});

	it("names a key that lies on another token than the transcript says", async () => {
		const text = await resigned((one) =>
			one.replace(/(Key label: +scep-ra\n)/, "$1  Key token:     other (serial 2)\n"),
		);
		expect(differences(text)).toEqual([
			"SCEP RA: its key scep-ra is on the token ota (serial 1), the transcript says other (serial 2)",
		]);
	});

	it("was taken with a key in two sections", async () => {
		const digest = /Issuing CA\n[\s\S]*?Key SHA-256: +(\S+)/.exec(genuine.text)?.[1] ?? "";
		const text = await resigned((one) => one.replace(/(SCEP RA\n[\s\S]*?Key SHA-256: +)\S+/, `$1${digest}`));
		expect(differences(text)).toContain("two sections of the transcript have one Key SHA-256");
	});
});

describe("a transcript signed by a key that the transcript itself names", () => {
	it("was taken when the profile signer's key, which signs any text, had signed it", async () => {
		const text = await resigned((one) => one.replace("root@example", "mallory@example"), keys.profile);
		expect(differences(text)).toEqual([
			"the transcript is signed with profile-signing, where it must be the issuing CA's key issuing-ca",
		]);
	});

	it("does not hold under the issuing CA's name either", async () => {
		const text = await resigned((one) => one.replace("root@example", "mallory@example"), {
			...keys.profile,
			label: labels.ca,
		});
		expect(differences(text)).toEqual([
			"the transcript was changed: its signature, made with issuing-ca, does not hold",
		]);
	});

	it("was taken when it told of the profile signer as of the CA, with a chain of its own: the configuration knows better", async () => {
		const { profile: ca, ca: profile } = keys;
		const result = await runCeremony({ ...ceremony, keys: { ...keys, root: ceremonyKey("stranger"), ca, profile } });
		const files = filesOf(result);
		expect(differences(result.transcript, files, { certificates: {}, keys: [] })).toEqual([]);
		expect(differences(result.transcript, files, { certificates: {} })).toEqual([
			"Issuing CA: OTA_CA_KEY is another key; after a rotation, verify the transcript of that",
			"Profile Signing: OTA_PROFILE_KEY is another key; after a rotation, verify the transcript of that",
		]);
		expect(differences(result.transcript, files, { keys: [] })).toEqual([
			"Root CA: OTA_ROOT_CERT is another certificate",
			"Issuing CA: OTA_CA_CERT is another certificate; after a rotation, verify the transcript of that",
			"SCEP RA: OTA_RA_CERT is another certificate; after a rotation, verify the transcript of that",
			"Profile Signing: OTA_PROFILE_CERT is another certificate; after a rotation, verify the transcript of that",
		]);
	});
});

describe("the chain that a transcript tells of", () => {
	/** The transcript of a ceremony whose certificates are another one's, in part. */
	async function mixed(change: Partial<Record<Role, string>>, years = {}): Promise<string[]> {
		const own = await runCeremony({ ...ceremony, keys, years });
		const files = { ...filesOf(own), ...filesOf({ ...own, ...change }) };
		return differences(own.transcript, files, { certificates: {} });
	}

	it("was not looked at: an RA under another CA", async () => {
		const other = await runCeremony({ ...ceremony, keys: { ...keys, ca: ceremonyKey("stranger") } });
		expect(await mixed({ ra: other.ra })).toContain("SCEP RA: the chain does not hold: its issuer did not sign it");
	});

	it("was not looked at: a root that did not sign itself, and the CA not", async () => {
		const other = await runCeremony({ ...ceremony, keys: { ...keys, root: ceremonyKey("stranger") } });
		expect(await mixed({ root: other.ca })).toContain("Root CA: the chain does not hold: is not self-signed");
		expect(await mixed({ root: other.root })).toContain(
			"Issuing CA: the chain does not hold: its issuer did not sign it",
		);
	});

	it("was not looked at: dates beyond the issuer's", async () => {
		const later = await runCeremony({ ...ceremony, keys, clock: () => new Date("2030-11-22T10:20:30Z") });
		expect(await mixed({ profile: later.profile })).toContain(
			"Profile Signing: the chain does not hold: its dates are not within its issuer's",
		);
	});
});

describe("a rotation's transcript", () => {
	let rotated: { text: string; files: Files };
	const successor = (caKey: CeremonyKey) =>
		certifySuccessor({
			...ceremony,
			role: "ra",
			current: genuine.files["ra.pem"] as X509Certificate,
			ca: genuine.files["ca.pem"] as X509Certificate,
			caKey,
			key: ceremonyKey("stranger"),
			file: "ra-20261122.pem",
		});
	beforeAll(async () => {
		const { certificate, transcript } = await successor(keys.ca);
		rotated = { text: transcript, files: { "ra-20261122.pem": new X509Certificate(certificate) } };
	});

	it("is signed with the issuing CA's key, and found as it says", () => {
		expect(rotated.text).toMatch(/ {2}Kind: {10}rotation\n[\s\S]*\nSigned with issuing-ca\n/);
		expect(differences(rotated.text, rotated.files)).toEqual([]);
	});

	it("was signed with the successor itself", async () => {
		const text = rotated.text.slice(0, rotated.text.indexOf("\nSigned with"));
		expect(differences(await signTranscript(text, ceremonyKey("stranger")), rotated.files)).toEqual([
			"the transcript is signed with stranger, where it must be the issuing CA's key issuing-ca",
		]);
	});

	it("cannot pass for a ceremony's, nor a ceremony's for it", async () => {
		const text = rotated.text.slice(0, rotated.text.indexOf("\nSigned with"));
		const ceremonial = await signTranscript(text.replace(/(Kind: +)rotation/, "$1ceremony"), keys.ca);
		expect(differences(ceremonial, rotated.files)).toContain("the transcript's section 1 is not Root CA");
		const rotation = await resigned((one) => one.replace(/(Kind: +)ceremony/, "$1rotation"));
		expect(differences(rotation)).toContain("a rotation has one section, SCEP RA, Profile Signing or OCSP Responder");
	});

	it("is nothing without a CA to hold it against", () => {
		expect(differences(rotated.text, rotated.files, { certificates: {} })).toEqual([
			"OTA_CA_CERT names no certificate: nobody knows which CA the successor must be under",
			"the transcript's signature cannot be checked: the issuing CA's key is not on the token, or not in OTA_CA_CERT",
		]);
	});
});

describe("what a transcript cannot hold", () => {
	it.each([
		["a line break", "ota\n\nSeal (AES)"],
		["blanks at an end", "ota "],
	])("%s is refused", async (_name, token) => {
		await expect(runCeremony({ ...ceremony, keys, token })).rejects.toMatchObject({ code: "config" });
	});
});

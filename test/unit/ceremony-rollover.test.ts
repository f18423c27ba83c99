/** The issuing CA's next generation over software keys: names, announcement, transcript, and what belongs together. */
import { createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { type CeremonyKey, runCeremony } from "../../lib/ca/ceremony.ts";
import { compareCeremony } from "../../lib/ca/ceremony-compare.ts";
import type { Evidence, FoundKey } from "../../lib/ca/ceremony-evidence.ts";
import { nextGeneration } from "../../lib/ca/ceremony-name.ts";
import { readTranscript } from "../../lib/ca/ceremony-reading.ts";
import { type RolloverInput, type RolloverResult, rollOver } from "../../lib/ca/ceremony-rollover.ts";
import { signTranscript } from "../../lib/ca/ceremony-transcript.ts";
import { type Generations, generationFaults } from "../../lib/ca/generation-faults.ts";
import { nextCaFault, readNextCaPem } from "../../lib/ca/next-ca.ts";
import { readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { writeName } from "../../lib/der/name.ts";
import type { SubjectName } from "../../lib/ports.ts";
import { newKeyPair } from "../device/key-pair.ts";

function softwareKey(label: string): CeremonyKey {
	const { privateKey }: { privateKey: KeyObject } = newKeyPair("rsa", { modulusLength: 2048 });
	return {
		label,
		attributes: {
			...{ class: "private", type: "rsa", size: 2048, CKA_ID: label },
			...{ CKA_SENSITIVE: true, CKA_EXTRACTABLE: false, CKA_SIGN: true, CKA_DECRYPT: label === "scep-ra" },
		},
		publicKey: new Uint8Array(createPublicKey(privateKey).export({ format: "der", type: "spki" })),
		sign: async (hash, message) => sign(hash, message, privateKey),
	};
}

const keys = {
	root: softwareKey("root-ca"),
	ca: softwareKey("issuing-ca"),
	ra: softwareKey("scep-ra"),
	profile: softwareKey("profile-signing"),
	ocsp: softwareKey("ocsp"),
	seal: { label: "seal", attributes: { class: "secret", type: "aes", size: 256 } },
};
const next = softwareKey("issuing-ca-20261122");
const holder = "ota (serial 1)";
const common = {
	organization: "Example Corp",
	operator: "root@example",
	token: holder,
	clock: () => new Date("2026-11-22T10:20:30Z"),
	random: (length: number) => randomBytes(length),
};

type Old = Record<"root" | "ca" | "ra" | "profile" | "ocsp", X509Certificate>;
let old: Old;
let input: RolloverInput;
let made: RolloverResult;
let files: Record<string, X509Certificate>;
beforeAll(async () => {
	const held = await runCeremony({ ...common, keys });
	const read = (pem = "") => new X509Certificate(pem);
	old = {
		...{ root: read(held.root), ca: read(held.ca), ra: read(held.ra) },
		...{ profile: read(held.profile), ocsp: read(held.ocsp) },
	};
	input = {
		...common,
		root: old.root,
		by: { rootKey: keys.root },
		current: { ca: old.ca, caKey: keys.ca },
		key: next,
		kept: {
			ra: { key: keys.ra, certificate: old.ra },
			profile: { key: keys.profile, certificate: old.profile },
			ocsp: { key: keys.ocsp, certificate: old.ocsp },
		},
		suffix: "-20261122",
	};
	made = await rollOver(input);
	files = {
		...{ "ca-20261122.pem": read(made.ca), "ra-20261122.pem": read(made.ra) },
		...{ "profile-20261122.pem": read(made.profile), "ocsp-20261122.pem": read(made.ocsp ?? "") },
	};
});

const strict = (certificate: X509Certificate | string | null | undefined): X509 =>
	readCertificate(
		Uint8Array.from(
			new X509Certificate(certificate instanceof X509Certificate ? certificate.raw : (certificate ?? "")).raw,
		),
	);

describe("the name of the next issuing CA", () => {
	const named = (...name: SubjectName) => nextGeneration(writeName(name));
	it.each([
		["Example Issuing CA", "Example Issuing CA G2"],
		["Example Issuing CA G2", "Example Issuing CA G3"],
		["Example Issuing CA G9", "Example Issuing CA G10"],
		["Müller G", "Müller G G2"],
	])("follows %s", (current, following) => {
		const name: SubjectName = [
			["C", "DE"],
			["O", "Example"],
			["CN", current],
		];
		expect(named(...name)).toEqual([
			["C", "DE"],
			["O", "Example"],
			["CN", following],
		]);
	});

	it.each([
		["without a CN", [["O", "Example"]], /it has not one CN/],
		[
			"with two",
			[
				["CN", "a"],
				["CN", "b"],
			],
			/it has not one CN/,
		],
		["that has no room for it", [["CN", "x".repeat(62)]], /is longer than 64 characters/],
	] as [string, SubjectName, RegExp][])("is refused for one %s", (_name, name, words) => {
		expect(() => named(...name)).toThrow(
			expect.objectContaining({ code: "config", message: expect.stringMatching(words) }),
		);
	});
});

describe("a rollover", () => {
	it("is refused with another root's key", async () => {
		await expect(rollOver({ ...input, by: { rootKey: keys.ca } })).rejects.toMatchObject({ code: "config" });
	});

	it("is refused when the old CA's key signs the announcement wrongly", async () => {
		const caKey = { ...keys.ca, sign: keys.profile.sign };
		await expect(rollOver({ ...input, current: { ca: old.ca, caKey } })).rejects.toMatchObject({ code: "hsm_refused" });
	});

	it("does without a responder where there is none", async () => {
		const { ocsp, transcript } = await rollOver({ ...input, kept: { ...input.kept, ocsp: null } });
		expect(ocsp).toBeNull();
		expect(transcript).not.toContain("OCSP Responder");
	});

	it("announces the next CA in the current one's name alone", () => {
		const message = readNextCaPem(made.nextCa);
		const [ra, ca, root] = [strict(made.ra), strict(made.ca), strict(old.root)];
		expect(nextCaFault(message, strict(old.ca), { ra, ca, root })).toBeNull();
		expect(nextCaFault(message, strict(old.ca))).toBeNull();
		expect(nextCaFault(message, ca)).toBe("another certificate than the issuing CA's signed it");
		expect(nextCaFault(message, strict(old.ca), { ra: strict(old.ra), ca, root })).toBe(
			"it tells of other certificates",
		);
		expect(nextCaFault(message.subarray(1), strict(old.ca))).not.toBeNull();
		expect(() => readNextCaPem(made.ca)).toThrow(expect.objectContaining({ code: "malformed" }));
	});
});

describe("a rollover's transcript", () => {
	function differences(text: string, change: Partial<Evidence> = {}, isSwitched = false): string[] {
		const [ca, caOld] = isSwitched ? [next, keys.ca] : [keys.ca, null];
		const roles = new Map<CeremonyKey, string>([
			[keys.ra, "ra"],
			[keys.profile, "profile"],
			[keys.ocsp, "ocsp"],
			[ca, "ca"],
		]);
		if (caOld) roles.set(caOld, "caOld");
		const found: FoundKey[] = [keys.ca, next, keys.ra, keys.profile, keys.ocsp].map((key) => ({
			...key,
			token: holder,
			roles: [roles.get(key) ?? []].flat(),
		}));
		const { root, ca: oldCa } = old;
		const newCa = files["ca-20261122.pem"];
		return compareCeremony(readTranscript(text), {
			keys: found,
			certificateOf: (file) => files[file] ?? null,
			messageOf: () => readNextCaPem(made.nextCa),
			configured: {
				certificates: isSwitched ? { root, ca: newCa, caOld: oldCa } : { root, ca: oldCa },
				keys: [...roles.values()],
			},
			...change,
		});
	}
	/** Edited and signed anew by the old CA. */
	const resigned = (edit: (text: string) => string) => {
		const text = made.transcript.slice(0, made.transcript.indexOf("\nSigned with"));
		expect(edit(text)).not.toBe(text);
		return signTranscript(edit(text), keys.ca);
	};

	it("is signed with the old CA's key, and found as it says before the switch and after it", () => {
		expect(made.transcript).toMatch(/ {2}Kind: {10}rollover\n[\s\S]*\nSigned with issuing-ca\n/);
		expect(differences(made.transcript)).toEqual([]);
		expect(differences(made.transcript, {}, true)).toEqual([]);
	});

	it("is none when the new CA's key signed it: whoever made up a CA would have that", async () => {
		const text = made.transcript.slice(0, made.transcript.indexOf("\nSigned with"));
		const words = "the transcript is signed with issuing-ca-20261122, where it must be the issuing CA's key issuing-ca";
		expect(differences(await signTranscript(text, next))).toEqual([words]);
		expect(differences(await signTranscript(text, next), {}, true)).toEqual([words]);
	});

	it.each([
		[
			"a section less",
			(text: string) => text.replace(/\nProfile Signing\n[\s\S]*?\n\n/, "\n"),
			/^a rollover has the sections/,
		],
		["no announcement", (text: string) => text.replace(/ {2}Next CA: .*\n/, ""), /^the head has no Next CA$/],
		[
			"another announcement",
			(text: string) => text.replace(/(Next SHA-256: +)./, "$1x"),
			/^the message next-ca-\S+ has the SHA-256/,
		],
		[
			"a plan",
			(text: string) => text.replace(/( {2}Next CA:)/, "  Plan SHA-256:  00\n$1"),
			/^the head has Plan SHA-256, which/,
		],
		[
			"an undated file",
			(text: string) => text.replace("ra-20261122.pem", "ra.pem"),
			/^SCEP RA names ra\.pem, which is no file/,
		],
		[
			"another sentence",
			(text: string) => text.replace("was generated inside the token", "was on the token before"),
			/^the sentence below/,
		],
	])("is none with %s", async (_name, edit, words) => {
		expect(differences(await resigned(edit))).toContainEqual(expect.stringMatching(words));
	});

	it("names a message that is not there, and an announcement of other certificates", async () => {
		expect(differences(made.transcript, { messageOf: () => null })).toEqual([
			"the message next-ca-20261122.p7 is not there",
		]);
		const other = await rollOver({ ...input, kept: { ...input.kept, ocsp: null } });
		const digest = /Next SHA-256: +(\S+)/.exec(other.transcript)?.[1] ?? "";
		const text = await resigned((one) => one.replace(/(Next SHA-256: +)\S+/, `$1${digest}`));
		expect(differences(text, { messageOf: () => readNextCaPem(other.nextCa) })).toEqual([
			"the message next-ca-20261122.p7 is not the issuing CA's word on the next one: it tells of other certificates",
		]);
	});

	it("is nothing without a root to hold it against, and names a CA that is under another", async () => {
		const configured = { certificates: { ca: old.ca }, keys: [] };
		expect(differences(made.transcript, { configured })).toContain(
			"OTA_ROOT_CERT names no certificate: nobody knows which root the new issuing CA must be under",
		);
		const stranger = new X509Certificate(
			(await runCeremony({ ...common, keys: { ...keys, root: softwareKey("other") } })).root,
		);
		const foreign = { certificates: { root: stranger, ca: old.ca }, keys: [] };
		expect(differences(made.transcript, { configured: foreign })).toContain(
			"Issuing CA: the chain does not hold: its issuer did not sign it",
		);
	});
});

describe("certificates of two generations", () => {
	const faults = (change: Partial<Record<keyof Generations, X509 | X509[] | Uint8Array | null>> = {}) =>
		generationFaults({
			...{ root: strict(old.root), ca: strict(made.ca), caOld: strict(old.ca), raOld: strict(old.ra) },
			ocsp: [strict(made.ocsp), strict(old.ocsp)],
			nextCa: null,
			...change,
		} as Generations);

	it("belong together after a rollover, before it, and without a generation before", () => {
		expect(faults()).toEqual([]);
		// Announced: the next CA is not known here.
		const nextCa = readNextCaPem(made.nextCa);
		expect(faults({ ca: strict(old.ca), caOld: null, raOld: null, nextCa })).toEqual([]);
		expect(faults({ caOld: null, raOld: null, ocsp: [], root: null })).toEqual([]);
	});

	it.each([
		[
			"a responder for the old CA alone",
			() => ({ ocsp: [strict(old.ocsp)] }),
			/^OTA_OCSP_CERT: none of its certificates/,
		],
		[
			"a responder's place with another key",
			() => ({ ocsp: [strict(made.ocsp), strict(old.ra)] }),
			/^OTA_OCSP_CERT: .* several keys/,
		],
		[
			"a profile signer for a responder",
			() => ({ ocsp: [strict(made.profile)] }),
			/^OTA_OCSP_CERT: its extended key usage/,
		],
		["the same CA twice", () => ({ caOld: strict(made.ca) }), /^OTA_CA_OLD_CERT: it has the key of OTA_CA_CERT/],
		["an old CA that is none", () => ({ caOld: strict(old.profile) }), /^OTA_CA_OLD_CERT: it is no CA/],
		["an old CA of another root", () => ({ root: strict(old.ca) }), /^OTA_CA_OLD_CERT: OTA_ROOT_CERT did not issue it/],
		["an old RA of nobody's", () => ({ raOld: strict(old.root) }), /^OTA_RA_OLD_CERT: neither/],
		[
			"an announcement of the CA that is in use already",
			() => ({ nextCa: readNextCaPem(made.nextCa) }),
			/^OTA_CA_NEXT: another certificate than the issuing CA's signed it; take it away/,
		],
	])("do not belong together: %s", (_name, change, words) => {
		expect(faults(change())).toContainEqual(expect.stringMatching(words));
	});
});

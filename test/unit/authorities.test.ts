import { type KeyObject, randomBytes, sign } from "node:crypto";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { checkResponseData, readResponder } from "../../hsm/agent/response-data.ts";
import { checkToBeSigned, readIssuer } from "../../hsm/agent/to-be-signed.ts";
import { pemCertificates, readCertificate } from "../../lib/cms/certificate.ts";
import { checkAuthorities, type OwnCertificates } from "../../lib/enroll/authorities.ts";
import { ConfigError } from "../../lib/errors.ts";
import type { Keys } from "../../lib/ports.ts";
import { buildCertificate } from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { type SoftwareKeys, softwareKeys } from "../harness/software-keys.ts";

const now = new Date("2026-11-22T12:00:00Z");
const year = 365 * 86_400_000;
let ours: SoftwareKeys;
let theirs: SoftwareKeys;
beforeAll(async () => {
	[ours, theirs] = await Promise.all([softwareKeys(now), softwareKeys(now, "p-256")]);
});

const roles = ["root", "ca", "ra", "profile"] as const;
type Mix = Partial<Record<(typeof roles)[number], SoftwareKeys>>;
function certificates(mix: Mix): OwnCertificates {
	const read = (role: (typeof roles)[number]) => {
		const [der] = pemCertificates((mix[role] ?? ours).authorities[role]);
		return readCertificate(der as Uint8Array);
	};
	const usual = { root: read("root"), ca: read("ca"), ra: read("ra"), profile: read("profile") };
	return { ...usual, ocsp: [], caOld: null, raOld: null, nextCa: null };
}

async function faults(mix: Mix, at = now, keys = ours): Promise<readonly string[]> {
	try {
		await checkAuthorities(certificates(mix), keys.keys, at, randomBytes);
		return [];
	} catch (error) {
		expect(error).toBeInstanceOf(ConfigError);
		return (error as ConfigError).faults;
	}
}

describe("the four certificates", () => {
	it("hold together when they are of one ceremony, with an RSA or an EC issuing CA", async () => {
		expect(await faults({})).toEqual([]);
		const mix = { root: theirs, ca: theirs, ra: theirs, profile: theirs };
		expect(await faults(mix, now, theirs)).toEqual([]);
	});

	it.each([
		["root", ["OTA_CA_CERT"]],
		["ca", ["OTA_CA_CERT", "OTA_RA_CERT", "OTA_PROFILE_CERT"]],
		["ra", ["OTA_RA_CERT"]],
		["profile", ["OTA_PROFILE_CERT"]],
	] as const)("are refused with another ceremony's %s", async (role, named) => {
		expect((await faults({ [role]: theirs })).map((fault) => fault.split(":", 1)[0])).toEqual(named);
	});

	it("are refused when the RA's is not one for an RA", async () => {
		const own = certificates({});
		const wrong = checkAuthorities({ ...own, ra: own.profile }, ours.keys, now, randomBytes);
		await expect(wrong).rejects.toMatchObject({ faults: [expect.stringMatching(/^OTA_RA_CERT: it must be RSA/)] });
	});

	it("are refused when other keys are behind them, each named", async () => {
		const named = (await faults({}, now, theirs)).map((fault) => fault.split(":", 1)[0]);
		expect(named).toEqual(["OTA_CA_CERT", "OTA_RA_CERT", "OTA_PROFILE_CERT"]);
	});

	it("are refused out of their time", async () => {
		expect(await faults({}, new Date(now.getTime() + 3 * year))).toEqual([
			expect.stringContaining("the ra certificate"),
			expect.stringContaining("the profile certificate"),
		]);
		expect(await faults({}, new Date(now.getTime() - year))).toHaveLength(4);
	});
});

describe("the certificates of the generation before, and the responder's", () => {
	const ec = (): KeyObject => newKeyPair("ec", { namedCurve: "P-256" }).privateKey;
	const rsa = (): KeyObject => newKeyPair("rsa", { modulusLength: 2048 }).privateKey;
	const [oldCa, oldRa, responder] = [ec(), rsa(), ec()];
	const dates = { notBefore: new Date(now.getTime() - year), notAfter: new Date(now.getTime() + year) };
	const derOf = (role: "root" | "ca") => pemCertificates(ours.authorities[role])[0] as Uint8Array;
	const ocspUse = { keyUsage: [0], extKeyUsage: ["1.3.6.1.5.5.7.3.9"] };
	const build = (commonName: string, key: KeyObject, issuer: Uint8Array, by: KeyObject, more: object) =>
		buildCertificate({
			subject: [["CN", commonName]],
			key,
			issuer: { certificate: issuer, privateKey: by },
			...dates,
			...more,
		});
	function withMore(more: Partial<Record<"ca" | "ra" | "ocsp", object>> = {}): OwnCertificates {
		const { private: keys } = ours;
		const ca = build("CA before", oldCa, derOf("root"), keys.root, {
			ca: { pathLen: 0 },
			keyUsage: [5, 6],
			...more.ca,
		});
		const ra = build("RA before", oldRa, ca, oldCa, { keyUsage: [0, 2], ...more.ra });
		const answering = [
			build("OCSP", responder, derOf("ca"), keys.ca, { ...ocspUse, ...more.ocsp }),
			build("OCSP", responder, ca, oldCa, ocspUse),
		];
		const ocsp = answering.map(readCertificate);
		return { ...certificates({}), caOld: readCertificate(ca), raOld: readCertificate(ra), ocsp };
	}
	const keysWith = (more: Partial<Record<"caOld" | "raOld" | "ocsp", KeyObject>>): Pick<Keys, "sign"> => ({
		sign: async (role, hash, message) => {
			const all = { ...ours.private, caOld: oldCa, raOld: oldRa, ocsp: responder, ...more };
			return sign(hash, message, all[role]);
		},
	});
	async function faultsOf(own: OwnCertificates, keys = keysWith({}), at = now): Promise<string[]> {
		const failure = await checkAuthorities(own, keys, at, randomBytes).catch((error: unknown) => error);
		return failure === undefined ? [] : [...(failure as ConfigError).faults];
	}

	it("hold together", async () => expect(await faultsOf(withMore())).toEqual([]));

	it.each([
		["caOld", "OTA_CA_OLD_CERT"],
		["raOld", "OTA_RA_OLD_CERT"],
		["ocsp", "OTA_OCSP_CERT"],
	] as const)("are refused with another key behind %s", async (role, name) => {
		const other = role === "raOld" ? rsa() : ec();
		expect(await faultsOf(withMore(), keysWith({ [role]: other }))).toEqual([
			expect.stringMatching(`^${name}: its key is not the one behind `),
		]);
	});

	it("are asked to sign what their roles may: the CA before an empty list, the responder an answer", async () => {
		const { caOld, ocsp, ...usual } = withMore();
		const signed = new Map<string, Uint8Array>();
		const good = keysWith({});
		const watching: Pick<Keys, "sign"> = {
			sign: (role, hash, message) => {
				signed.set(role, message);
				return good.sign(role, hash, message);
			},
		};
		await checkAuthorities({ ...usual, caOld, ocsp }, watching, now, randomBytes);
		const issuer = readIssuer(caOld?.der as Uint8Array);
		expect(() => checkToBeSigned(signed.get("caOld") as Uint8Array, "sha256", issuer, now, "lists")).not.toThrow();
		const known = readResponder(ocsp[0]?.der as Uint8Array);
		expect(() => checkResponseData(signed.get("ocsp") as Uint8Array, known, now)).not.toThrow();
	});

	it("are refused when they are over, with the remedy of each", async () => {
		const over = { notAfter: new Date(now.getTime() - 1000) };
		expect(await faultsOf(withMore({ ca: over, ra: over, ocsp: over }))).toEqual([
			expect.stringMatching(/^the ocsp certificate .*: renew it/),
			expect.stringMatching(/^the caOld certificate .*: leave it out when it is over/),
			expect.stringMatching(/^the raOld certificate .*: leave it out when it is over/),
		]);
	});

	it("are refused when they are for something else", async () => {
		expect(await faultsOf(withMore({ ra: { keyUsage: [0] } }))).toEqual([
			expect.stringMatching(/^OTA_RA_OLD_CERT: it must be RSA/),
		]);
		const [fault] = await faultsOf(withMore({ ocsp: { extKeyUsage: ["1.3.6.1.5.5.7.3.2"] } }));
		expect(fault).toMatch(/^OTA_OCSP_CERT: /);
		const caOld = certificates({ ca: theirs }).ca;
		expect((await faultsOf({ ...certificates({}), caOld })).join()).toMatch(/OTA_CA_OLD_CERT: .*did not issue it/);
	});
});

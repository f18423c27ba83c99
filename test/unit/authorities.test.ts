import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { pemCertificates, readCertificate } from "../../lib/cms/certificate.ts";
import { checkAuthorities, type OwnCertificates } from "../../lib/enroll/authorities.ts";
import { ConfigError } from "../../lib/errors.ts";
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

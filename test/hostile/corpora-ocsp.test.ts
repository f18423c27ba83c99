/** OCSP answers and requests that BoringSSL's authors made: what they find good or revoked we may refuse, never the other way. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "@jest/globals";
import { readOcspResponse } from "../../lib/ca/ocsp-reading.ts";
import { readOcspRequest } from "../../lib/ca/ocsp-request.ts";
import { verifyOcspResponse } from "../../lib/ca/ocsp-verify.ts";
import { readCertificate } from "../../lib/cms/certificate.ts";
import { describeCorpus } from "../vectors/corpora.ts";
import { block } from "../vectors/pem.ts";
import { outcome, Waivers } from "../vectors/waivers.ts";

interface Case {
	file: string;
	revocation: "GOOD" | "REVOKED" | "UNKNOWN";
}

const waivers = new Waivers("ocsp-waivers.json", "responses");

/** The moment and the age at which BoringSSL's own tests judge; their answers are signed over SHA-1. */
const now = new Date("2017-03-05T00:00:00Z");
const rules = { digests: ["sha1", "sha256"], maxAge: 7 * 86_400_000 } as const;

function judged(pem: string): string {
	const der = (kind: string) => block(pem, kind) as Uint8Array;
	return outcome(() => {
		const { status, basic } = readOcspResponse(der("OCSP RESPONSE"));
		if (basic === null) return status;
		const { serialNumber } = readCertificate(der("CERTIFICATE"));
		const issuer = readCertificate(der("CA CERTIFICATE"));
		return verifyOcspResponse(basic, { serialNumber, issuer, now }, rules).status;
	});
}

const expected = { GOOD: "good", REVOKED: "revoked", UNKNOWN: null } as const;

describeCorpus("the OCSP answers of BoringSSL", "boringssl/pki", (root) => {
	const cases: Case[] = JSON.parse(readFileSync(join(root, "boringssl/pki/ocsp.manifest.json"), "utf8"));
	const textOf = (file: string) => readFileSync(join(root, "boringssl/pki/ocsp_unittest", file), "latin1");

	it("are there, and no waiver is for another", () => {
		expect(cases).toHaveLength(36);
		waivers.expectToBeOf(cases.map(({ file }) => file));
	});

	it("have few waivers, and none that accepts", () => {
		waivers.expectRefusals();
		expect(waivers.cases.length).toBeLessThanOrEqual(5);
	});

	it.each(cases.map(({ file, revocation }) => [file, revocation] as const))("%s", (file, revocation) => {
		waivers.expectVerdict(file, expected[revocation], judged(textOf(file)));
	});

	const minimal = cases.filter(({ file }) => file !== "good_response_invalid_serial.pem");
	it.each(minimal.map(({ file }) => file))("%s: its request is about its certificate", (file) => {
		const pem = textOf(file);
		const request = readOcspRequest(block(pem, "OCSP REQUEST") as Uint8Array);
		const { serialNumber } = readCertificate(block(pem, "CERTIFICATE") as Uint8Array);
		expect(request.certIDs.map((certID) => certID.serialNumber)).toEqual([serialNumber]);
	});
});

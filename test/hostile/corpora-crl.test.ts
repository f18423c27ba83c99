/** Revocation lists that BoringSSL's authors made: what they find good or revoked we may refuse, and never the other way. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "@jest/globals";
import { readCertificateList } from "../../lib/ca/crl-reading.ts";
import { revocationOf, verifyCertificateList } from "../../lib/ca/crl-verify.ts";
import { readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { describeCorpus } from "../vectors/corpora.ts";
import { block } from "../vectors/pem.ts";
import { outcome, Waivers } from "../vectors/waivers.ts";

interface Case {
	file: string;
	status: "GOOD" | "REVOKED" | "UNKNOWN";
	verify_time: number;
	max_age: number;
}

const waivers = new Waivers("crl-waivers.json", "lists");

/** The first of the issuers that made the list, as a chain may hold a CA twice while it changes its key. */
function judged(pem: string, { verify_time, max_age }: Case): string {
	const refusals: string[] = [];
	for (const kind of ["CA CERTIFICATE", "CA CERTIFICATE 2"]) {
		const der = block(pem, kind);
		if (der === null) continue;
		const verdict = outcome(() => {
			const certificate = readCertificate(block(pem, "CERTIFICATE") as Uint8Array);
			return status(pem, certificate, readCertificate(der), new Date(verify_time * 1000), max_age * 1000);
		});
		if (["good", "revoked"].includes(verdict)) return verdict;
		refusals.push(verdict);
	}
	return refusals[0] ?? "no issuer";
}

function status(pem: string, certificate: X509, issuer: X509, now: Date, maxAge: number): string {
	const list = readCertificateList(block(pem, "CRL") as Uint8Array);
	verifyCertificateList(list, issuer, now, { maxAge });
	return revocationOf(certificate, list) ? "revoked" : "good";
}

const expected = { GOOD: "good", REVOKED: "revoked", UNKNOWN: null } as const;

describeCorpus("the revocation lists of BoringSSL", "boringssl/pki", (root) => {
	const cases: Case[] = JSON.parse(readFileSync(join(root, "boringssl/pki/crl.manifest.json"), "utf8"));
	const textOf = (file: string) => readFileSync(join(root, "boringssl/pki/crl_unittest", file), "latin1");

	it("are there, and no waiver is for another", () => {
		expect(cases).toHaveLength(66);
		waivers.expectToBeOf(cases.map(({ file }) => file));
	});

	it("have few waivers, and none that accepts", () => {
		waivers.expectRefusals();
		expect(waivers.cases.length).toBeLessThanOrEqual(10);
	});

	it.each(cases.map((entry) => [entry.file, entry] as const))("%s", (file, entry) => {
		waivers.expectVerdict(file, expected[entry.status], judged(textOf(file), entry));
	});
});

const partial = "TBSCertList: partial lists are not read here: 2.5.29.28";
/** Of pyca's lists, what is read and how many it names, or why it is refused. */
const odd: Readonly<Record<string, string>> = {
	"crl_all_reasons.pem": "revokedCertificate: of another issuer",
	"crl_almost_10k.pem": "9999 revoked",
	"crl_bad_version.pem": "TBSCertList: its version is not 2",
	"crl_delta_crl_indicator.pem": "TBSCertList: partial lists are not read here: 2.5.29.27",
	"crl_dup_entry_ext.pem": "Extensions: 2.5.29.21 twice",
	"crl_empty.pem": "0 revoked",
	"crl_empty_no_sequence.der": "0 revoked",
	"crl_ian_aia_aki.pem": "0 revoked",
	"crl_idp_fullname_indirect_crl.pem": partial,
	"crl_idp_fullname_only.pem": partial,
	"crl_idp_fullname_only_aa.pem": partial,
	"crl_idp_fullname_only_user.pem": partial,
	"crl_idp_only_ca.pem": partial,
	"crl_idp_reasons_only.pem": partial,
	"crl_idp_relative_user_all_reasons.pem": partial,
	"crl_idp_relativename_only.pem": partial,
	"crl_inval_cert_issuer_entry_ext.pem": "revokedCertificate: of another issuer",
	"crl_invalid_time.der": "time of an unexpected form",
	"crl_md2_unknown_crit_entry_ext.pem": "revokedCertificate: unknown critical extension 1.2.3.4",
	"crl_no_next_update.pem": "0 revoked",
	"crl_unrecognized_extension.der": "0 revoked",
	"crl_unsupported_reason.pem": "revokedCertificate: CRLReason 12",
	"invalid_signature_crl.pem": "0 revoked",
	"valid_signature_crl.pem": "0 revoked",
};

describeCorpus("the revocation lists of pyca", "pyca/x509/custom", (root) => {
	const folder = join(root, "pyca/x509/custom");
	const files = readdirSync(folder).filter((name) => /^crl_|signature_crl/.test(name));

	it("are there, each with its answer", () => expect(Object.keys(odd).sort()).toEqual(files.sort()));

	it.each(files)("%s", (file) => {
		const bytes = readFileSync(join(folder, file));
		const der = block(bytes.toString("latin1"), "X509 CRL") ?? bytes;
		expect(outcome(() => `${readCertificateList(der).revoked.size} revoked`)).toBe(odd[file]);
	});
});

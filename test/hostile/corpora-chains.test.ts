/** Chains, certificates and raw signatures that BoringSSL's authors made: what they refuse, we refuse. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { readAlgorithm } from "../../lib/cms/algorithms.ts";
import {
	pemCertificates,
	readCertificate,
	readTbsCertificate,
	type TbsCertificate,
	type X509,
} from "../../lib/cms/certificate.ts";
import { type Anchor, type ChainRules, chainFaults } from "../../lib/cms/chain.ts";
import { readCertifiedKey, signatureHolds } from "../../lib/cms/signature.ts";
import { readDer } from "../../lib/der/reader.ts";
import { bitStringOctets } from "../../lib/der/values.ts";
import { describeCorpus } from "../vectors/corpora.ts";
import { block } from "../vectors/pem.ts";
import { outcome, Waivers } from "../vectors/waivers.ts";

const waivers = {
	chains: new Waivers("chain-waivers.json", "chains"),
	certificates: new Waivers("chain-waivers.json", "certificates"),
	signatures: new Waivers("chain-waivers.json", "signatures"),
} as const;
type Corpus = keyof typeof waivers;

const expectVerdict = (corpus: Corpus, name: string, valid: boolean, verdict: string): void =>
	waivers[corpus].expectVerdict(name, valid ? "accepted" : null, verdict);

interface Chain {
	test: string;
	chain: string;
	last_cert_trust: string;
	utc_time: string;
	key_purpose: string;
	valid: boolean;
}

const purposes: Readonly<Record<string, string | null>> = {
	ANY_EKU: null,
	SERVER_AUTH: "1.3.6.1.5.5.7.3.1",
	CLIENT_AUTH: "1.3.6.1.5.5.7.3.2",
	MLS_CLIENT_AUTH: "2.23.146.2.1.4",
	C2PA_MANIFEST: "1.3.6.1.5.5.7.3.36",
	C2PA_TIMESTAMPING: "1.3.6.1.5.5.7.3.8",
};

/** The moment at which BoringSSL's own tests judge by default. */
const defaultTime = "211005120000Z";
function timeOf(text: string): Date {
	const [year, month, day, hour, minute, second] = (text === "DEFAULT" ? defaultTime : text).match(/\d\d/g) ?? [];
	return new Date(`20${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/** The last certificate as an anchor: known by its key alone, or held to what it says of itself. */
function anchorOf(last: X509, trust: string): Anchor | X509 | null {
	if (/CONSTRAINTS|EXPIRATION/.test(trust)) return last;
	const { publicKey, subject, subjectKeyIdentifier: keyIdentifier } = last;
	return trust.startsWith("TRUSTED_ANCHOR") ? { publicKey, subject, keyIdentifier } : null;
}

function judged(root: string, entry: Chain): string {
	const folder = join(root, "boringssl/pki/verify_certificate_chain_unittest", dirname(entry.test));
	return outcome(() => {
		const all = pemCertificates(readFileSync(join(folder, entry.chain), "utf8")).map(readCertificate);
		const anchor = anchorOf(all.at(-1) as X509, entry.last_cert_trust);
		if (anchor === null) return "not an anchor";
		const purpose = purposes[entry.key_purpose.replace(/_STRICT(_LEAF)?$/, "")];
		if (purpose === undefined) throw new Error(`unknown purpose ${entry.key_purpose}`);
		const rules: ChainRules = {
			at: timeOf(entry.utc_time),
			digests: ["sha256", "sha384", "sha512"],
			rsaBits: 1024,
			usage: [],
			purpose,
			isPurposeOfAll: entry.key_purpose.endsWith("_STRICT"),
			longest: 4,
		};
		return chainFaults(all.slice(0, -1), anchor, rules)[0]?.why;
	});
}

describeCorpus("the chains of BoringSSL", "boringssl/pki", (root) => {
	const manifest = join(root, "boringssl/pki/verify_certificate_chain.manifest.json");
	const chains: Chain[] = JSON.parse(readFileSync(manifest, "utf8"));

	it("are there, and no waiver is for another", () => {
		expect(chains).toHaveLength(197);
		waivers.chains.expectToBeOf(chains.map(({ test }) => test));
		waivers.chains.expectRefusals();
	});

	it.each(chains.map((entry) => [entry.test, entry] as const))("%s", (test, entry) => {
		expectVerdict("chains", test, entry.valid, judged(root, entry));
	});
});

/** Everything that is read of a certificate. */
function readAll(certificate: TbsCertificate): void {
	const { serialNumber, keyUsage, basicConstraints, extendedKeyUsage } = certificate;
	const { subjectKeyIdentifier, authorityKeyIdentifier } = certificate;
	const read = [
		serialNumber,
		keyUsage,
		basicConstraints,
		extendedKeyUsage,
		subjectKeyIdentifier,
		authorityKeyIdentifier,
	];
	expect(read).not.toContain(undefined);
}

interface CertificateCase {
	file: string;
	errors: string | null;
}

describeCorpus("the certificates of BoringSSL", "boringssl/pki", (root) => {
	const text = (file: string) => readFileSync(join(root, "boringssl/pki/parse_certificate_unittest", file), "latin1");
	const manifest = join(root, "boringssl/pki/parse_certificate.manifest.json");
	const listed: CertificateCase[] = JSON.parse(readFileSync(manifest, "utf8"));
	const cases = listed.filter(({ file }) => file.endsWith(".pem"));

	it("are there, and no waiver is for another", () => {
		expect(cases.length).toBeGreaterThan(85);
		waivers.certificates.expectToBeOf(cases.map(({ file }) => file));
	});

	it.each(cases.map((entry) => [entry.file, entry] as const))("%s", (file, entry) => {
		const pem = text(file);
		const verdict = outcome(() => {
			const whole = block(pem, "CERTIFICATE");
			if (whole) readAll(readCertificate(whole));
			else readAll(readTbsCertificate(block(pem, "TBS CERTIFICATE") as Uint8Array));
			return undefined;
		});
		expectVerdict("certificates", file, !entry.errors?.includes("ERROR:"), verdict);
	});
});

describeCorpus("the signatures of BoringSSL", "boringssl/pki", (root) => {
	const folder = join(root, "boringssl/pki/verify_signed_data_unittest");
	const manifest = join(root, "boringssl/pki/verify_signed_data.manifest.json");
	const listed: { file: string; valid: boolean }[] = JSON.parse(readFileSync(manifest, "utf8"));
	const cases = new Map(listed.map(({ file, valid }) => [file, valid]));

	it("are there, and no waiver is for another", () => {
		expect(cases.size).toBeGreaterThan(30);
		waivers.signatures.expectToBeOf([...cases.keys()]);
		waivers.signatures.expectRefusals();
	});

	it.each([...cases])("%s", (file, valid) => {
		const pem = readFileSync(join(folder, file), "latin1");
		const [key, algorithm, data, signature] = ["PUBLIC KEY", "ALGORITHM", "DATA", "SIGNATURE"].map(
			(kind) => block(pem, kind) as Uint8Array,
		) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
		const verdict = outcome(() => {
			const octets = bitStringOctets(readDer(signature));
			const holds = signatureHolds(readAlgorithm(readDer(algorithm), "it"), readCertifiedKey(key), data, octets);
			return holds ? undefined : "it does not hold";
		});
		expectVerdict("signatures", file, valid, verdict);
	});
});

describe("the waivers", () => {
	it("are few", () => expect(waivers.chains.cases.length).toBeLessThanOrEqual(50));
});

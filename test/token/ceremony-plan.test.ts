/** `ota ceremony --plan` on a token of the operator's own (SoftHSMv2), from dist/; openssl is the root and the second opinion. */
import { X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { formatUri } from "../../hsm/uri.ts";
import { readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { chainFaults } from "../../lib/cms/chain.ts";
import { ownRules } from "../../lib/enroll/authorities.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { OpenSsl } from "../harness/openssl.ts";
import { runOta } from "../harness/ota-command.ts";
import { makeToken, type TestToken } from "../harness/token.ts";

const directory = mkdtempSync(join(tmpdir(), "ota-plan-"));
const openssl = new OpenSsl();
let token: TestToken;

/** One `ota ...`, with SoftHSM's configuration and nothing else of ours. */
const ota = (args: string[], env: Record<string, string> = {}) =>
	runOta(args, directory, { OTA_DATA_DIR: join(directory, "data"), ...token.env, ...env });

const key = (label: string, type = "rsa-2048") => ({ label, type });
const tokenUri = () => formatUri({ token: token.label, modulePath: token.modulePath, pinFile: token.pinFile });

/** Writes a plan and answers its path; `change` replaces members. */
function plan(name: string, change: object): string {
	const whole = {
		version: 1,
		organization: "Example Corp",
		witnesses: ["A. Auditor", "B. Notary"],
		token: tokenUri(),
		output: name,
		ca: { key: key(`${name}-ca`), years: 4, subject: { C: "DE", O: "Example Corp", CN: "Example Device CA" } },
		ra: { key: key(`${name}-ra`), years: 1 },
		profile: { key: key(`${name}-profile`), years: 1 },
		seal: { key: key(`${name}-seal`, "aes-256") },
		...change,
	};
	const path = join(directory, `${name}.json`);
	writeFileSync(path, JSON.stringify(whole, null, "\t"));
	return path;
}

/** A root of openssl's own, with its key outside any token. */
function makeRoot(name: string): { certificate: string; key: string } {
	const [certificate, secret] = [openssl.output(`${name}.pem`), openssl.output(`${name}.key`)];
	const subject = ["-subj", "/O=Example Corp/CN=Example Offline Root"];
	const extensions = [
		"-addext",
		"basicConstraints=critical,CA:TRUE,pathlen:1",
		"-addext",
		"keyUsage=critical,keyCertSign,cRLSign",
	];
	const made = [
		"-newkey",
		"ec",
		"-pkeyopt",
		"ec_paramgen_curve:P-384",
		"-nodes",
		"-keyout",
		secret,
		"-out",
		certificate,
	];
	openssl.run("req", "-x509", "-days", "3650", ...subject, ...extensions, ...made);
	return { certificate, key: secret };
}

/** What a root does with a request: signs it, with these extensions. */
function issue(
	root: ReturnType<typeof makeRoot>,
	request: string,
	name: string,
	extensions: string,
	days = 1000,
): string {
	const out = openssl.output(`${name}.pem`);
	const file = openssl.file(`${name}.ext`, extensions);
	const signed = [
		"-CA",
		root.certificate,
		"-CAkey",
		root.key,
		"-set_serial",
		"4711",
		"-days",
		String(days),
		"-out",
		out,
	];
	openssl.run("x509", "-req", "-in", request, "-sha256", ...signed, "-extfile", file);
	return out;
}
const goodCa =
	"basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";

beforeAll(async () => {
	token = await makeToken(join(directory, "token"));
});
afterAll(() => {
	rmSync(directory, { recursive: true });
	openssl.remove();
});

describe("a ceremony under a root that is kept elsewhere", () => {
	const output = join(directory, "bank");
	const request = join(output, "ca.csr.pem");
	let root: ReturnType<typeof makeRoot>;
	let file: string;
	let first: ReturnType<typeof ota>;
	beforeAll(() => {
		root = makeRoot("root");
		file = plan("bank", { root: { certificate: root.certificate } });
		first = ota(["ceremony", "--plan", file]);
	});

	it("makes the keys, writes the issuing CA's request and stops", () => {
		expect(first.stderr).toContain("Generating bank-ca (rsa-2048) inside the token ota...");
		expect(first.stderr).not.toContain("Attention");
		expect(first.stdout).toBe(readFileSync(request, "utf8"));
		expect(first.status).toBe(0);
		expect(readdirSync(output).sort()).toEqual(["ca.csr.pem", "ceremony.json"]);
	});

	it("asks, in a request that openssl verifies, for a CA with none below it", () => {
		const text = openssl.run("req", "-in", request, "-verify", "-noout", "-text", "-subject");
		expect(text).toMatch(/subject=C ?= ?DE, O ?= ?Example Corp, CN ?= ?Example Device CA/);
		expect(text).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0\n/);
		expect(text).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
	});

	it("goes on with the same keys when it is begun again", () => {
		const again = ota(["ceremony", "--plan", file]);
		expect(again.stdout).toBe(first.stdout);
		expect(again.stderr).not.toContain("Generating");
		expect(again.status).toBe(0);
	});

	it("handed out a request that somebody had put there: it must be this plan's, for the CA's key, and signed by it", () => {
		const own = readFileSync(request, "utf8");
		for (const [text, words] of [
			[strangeRequest("planted"), "it is for another key than the issuing CA's"],
			[`${own}${own}`, "it is no certification request (PKCS#10)"],
		] as const) {
			writeFileSync(request, text);
			const outcome = ota(["ceremony", "--plan", file]);
			expect(outcome.stderr).toContain(`is not this plan's request: ${words}. Do not have it signed; move it away`);
			expect(outcome.stdout).toBe("");
			expect(outcome.status).toBe(1);
			// Nothing of it is altered either: it is evidence.
			expect(readFileSync(request, "utf8")).toBe(text);
		}
		writeFileSync(request, own);
	});

	it("takes a key that was made just before it was cut short for its own, by its id", () => {
		const notes = JSON.parse(readFileSync(join(output, "ceremony.json"), "utf8"));
		notes.keys.ra.publicKey = null;
		writeFileSync(join(output, "ceremony.json"), JSON.stringify(notes));
		const again = ota(["ceremony", "--plan", file]);
		expect(again.stderr).not.toContain("Generating");
		expect(again.status).toBe(0);
		notes.keys.ra.publicKey = "0".repeat(64);
		writeFileSync(join(output, "ceremony.json"), JSON.stringify(notes));
		expect(ota(["ceremony", "--plan", file]).stderr).toContain(
			"bank-ra is another than the one that this ceremony made",
		);
		notes.keys.ra.publicKey = null;
		writeFileSync(join(output, "ceremony.json"), JSON.stringify(notes));
	});

	it.each([
		[
			"CA:FALSE",
			() => issue(root, request, "leaf", goodCa.replace("CA:TRUE,pathlen:0", "CA:FALSE").replace(/^keyUsage.*\n/m, "")),
			/is no CA/,
		],
		[
			"another pathLenConstraint",
			() => issue(root, request, "path", goodCa.replace("pathlen:0", "pathlen:1")),
			/pathLenConstraint 1 where 0 is required/,
		],
		[
			"no keyUsage for it",
			() => issue(root, request, "usage", goodCa.replace("keyCertSign,cRLSign", "digitalSignature")),
			/lacks keyCertSign or cRLSign/,
		],
		["a longer life than the root's", () => issue(root, request, "long", goodCa, 5000), /outlives the root/],
		["another issuer", () => issue(makeRoot("other"), request, "foreign", goodCa), /is not signed by the root's key/],
		["another key", () => foreignRequest("stranger"), /holds another key than the one in the token/],
	])("refuses a certificate with %s, and makes nothing", (_name, make, words) => {
		const outcome = ota(["ceremony", "--plan", file, "--certificate", make()]);
		expect(outcome.stderr).toMatch(words);
		expect(outcome.status).toBe(1);
		expect(existsSync(join(output, "ra.pem"))).toBe(false);
	});

	/** A request by a key that is not ours, under our name. */
	function strangeRequest(name: string): string {
		const subject = "/C=DE/O=Example Corp/CN=Example Device CA";
		const csr = openssl.output(`${name}.csr`);
		const made = ["-newkey", "rsa:2048", "-nodes", "-keyout", openssl.output(`${name}.key`), "-out", csr];
		openssl.run("req", "-new", ...made, "-subj", subject);
		return readFileSync(csr, "utf8");
	}

	/** A certificate for a key that is not ours, under our name. */
	function foreignRequest(name: string): string {
		strangeRequest(name);
		return issue(root, openssl.output(`${name}.csr`), name, goodCa);
	}

	it("refuses another plan for the keys of this one", () => {
		const changed = plan("bank", { root: { certificate: root.certificate }, organization: "Another Corp" });
		const outcome = ota(["ceremony", "--plan", changed]);
		expect(outcome.stderr).toContain("A ceremony by another plan has begun");
		expect(outcome.status).toBe(1);
		plan("bank", { root: { certificate: root.certificate } });
	});

	describe("once the root has signed", () => {
		let second: ReturnType<typeof ota>;
		beforeAll(() => {
			second = ota(["ceremony", "--plan", file, "--certificate", issue(root, request, "issued", goodCa)]);
		});

		it("certifies RA and profile signer under it, and openssl takes the chains", () => {
			expect(second.stdout).toBe(readFileSync(join(output, "transcript.txt"), "utf8"));
			expect(second.status).toBe(0);
			for (const leaf of ["ra", "profile"]) {
				const chain = [
					"-CAfile",
					join(output, "root.pem"),
					"-untrusted",
					join(output, "ca.pem"),
					join(output, `${leaf}.pem`),
				];
				expect(openssl.run("verify", "-x509_strict", ...chain)).toMatch(/: OK\n$/);
			}
			const { validFrom, validTo } = new X509Certificate(readFileSync(join(output, "ra.pem")));
			expect(Date.parse(validTo) - Date.parse(validFrom)).toBeLessThan(366 * 86_400_000 + 600_000);
		});

		it("leaves chains that the server takes as one ceremony's", () => {
			const [root, ca, ra, profile] = ["root", "ca", "ra", "profile"].map((role) =>
				readCertificate(new X509Certificate(readFileSync(join(output, `${role}.pem`))).raw),
			);
			for (const leaf of [ra, profile]) {
				expect(chainFaults([leaf as X509, ca as X509], root as X509, ownRules)).toEqual([]);
			}
		});

		it("writes what to configure, which the audit finds good", () => {
			const lines = readFileSync(join(output, "ota.env"), "utf8").trim().split("\n");
			const env = Object.fromEntries(
				lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
			);
			expect(Object.keys(env)).toHaveLength(8);
			const audit = ota(["keys", "audit"], env);
			expect(audit.stdout).toMatch(/^ca: good .+\nra: good .+\nprofile: good .+\nseal: good .+\n$/);
			expect(audit.status).toBe(0);
		});

		it("tells in the transcript who, who watched, by which plan, and what the root made; and it verifies", () => {
			expect(second.stdout).toMatch(/ {2}Witnesses: {5}A\. Auditor, B\. Notary\n {2}Plan SHA-256: {2}[0-9a-f]{64}\n/);
			expect(second.stdout).toContain("The root's and the issuing CA's certificate were made elsewhere and checked");
			expect(second.stdout).toContain("CKA_SENSITIVE=true");
			const verify = ota(["ceremony", "verify", join(output, "transcript.txt"), "--token", tokenUri()]);
			expect(verify.stdout).toContain(
				"All is as the transcript says: Root CA, Issuing CA, SCEP RA, Profile Signing, Seal (AES).",
			);
			expect(verify.status).toBe(0);
			const known = new X509Certificate(readFileSync(root.certificate)).fingerprint256;
			expect(verify.stdout).toContain(
				`Nothing of the configuration says which CA is meant. Compare the root's SHA-256 with the one that you know: ${known}\n`,
			);
			const anchored = ota(["ceremony", "verify", join(output, "transcript.txt"), "--token", tokenUri()], {
				OTA_CA_CERT_FILE: join(output, "ca.pem"),
				OTA_RA_CERT_FILE: join(output, "profile.pem"),
			});
			expect(anchored.stdout).toBe(
				"SCEP RA: OTA_RA_CERT is another certificate; after a rotation, verify the transcript of that\n",
			);
			expect(anchored.status).toBe(1);
		});

		it("is over: a third time is refused, and nothing of it changes", () => {
			const before = readFileSync(join(output, "ra.pem"), "utf8");
			const third = ota(["ceremony", "--plan", file]);
			expect(third.stderr).toContain("A ceremony never overwrites");
			expect(third.status).toBe(1);
			expect(readFileSync(join(output, "ra.pem"), "utf8")).toBe(before);
		});
	});
});

describe("a ceremony with a root of its own", () => {
	it("makes all in one go, with a P-256 CA, and a key that was there before where the plan says so", () => {
		ota(["keys", "generate", "--role", "seal", "--label", "old-seal", "--type", "rsa-2048", "--token", tokenUri()]);
		const file = plan("own", {
			root: { key: key("own-root", "p-256"), years: 12 },
			ca: { key: key("own-ca", "p-256"), years: 4 },
			ocsp: { key: key("own-ocsp", "p-256"), years: 1 },
			seal: { key: { ...key("old-seal", "rsa-2048"), existing: true } },
		});
		const outcome = ota(["ceremony", "--plan", file]);
		expect(outcome.status).toBe(0);
		expect(outcome.stdout).toMatch(
			/Seal \(RSA\)\n {2}Key label: {5}old-seal\n {2}Key origin: {4}on the token before\n {2}Key SHA-256: {3}[0-9a-f]{64}\n/,
		);
		const path = (role: string) => join(directory, "own", `${role}.pem`);
		const chain = ["-CAfile", path("root"), "-untrusted", path("ca"), path("ra")];
		expect(openssl.run("verify", "-x509_strict", ...chain)).toMatch(/: OK\n$/);
		const responder = ["-x509_strict", "-purpose", "ocsphelper", ...chain.slice(0, -1), path("ocsp")];
		expect(openssl.run("verify", ...responder)).toMatch(/: OK\n$/);
		const set = readFileSync(join(directory, "own", "ota.env"), "utf8");
		expect(set).toMatch(/^OTA_OCSP_KEY=.*object=own-ocsp[\s\S]*^OTA_OCSP_CERT_FILE=.*ocsp\.pem$/m);
		const verify = ota(["ceremony", "verify", join(directory, "own", "transcript.txt"), "--token", tokenUri()]);
		expect(verify.stdout).toContain(
			"All is as the transcript says: Root CA, Issuing CA, SCEP RA, Profile Signing, OCSP",
		);
		expect(verify.status).toBe(0);
	});
});

describe("a ceremony with keys that have faults", () => {
	const attributes = {
		CKA_SENSITIVE: true,
		CKA_EXTRACTABLE: false,
		CKA_SIGN: true,
		CKA_DECRYPT: false,
		CKA_UNWRAP: false,
	};
	const imported = () => ({ ...key("brought-profile"), existing: true });
	const planned = (name: string, profile: object) =>
		plan(name, {
			root: { key: key(`${name}-root`, "p-256"), years: 12 },
			ca: { key: { ...key("leaky-ca"), existing: true }, years: 4 },
			profile: { key: profile, years: 1 },
		});
	beforeAll(async () => {
		const jwk = newKeyPair("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
		await token.must({ do: "import", label: "brought-profile", jwk, attributes });
		// A key pair brings CKA_SIGN along.
		const { CKA_SIGN: _sign, ...others } = attributes;
		await token.must({ do: "raw", label: "leaky-ca", attributes: { ...others, CKA_EXTRACTABLE: true } });
	});

	it("was only told of an extractable CA key and one made outside, and went on: it stops, with every fault of every key", () => {
		const outcome = ota(["ceremony", "--plan", planned("leaky", imported())]);
		expect(outcome.stderr).toContain("Configuration: 5 fault(s)\n");
		for (const fault of [
			"leaky-ca: CKA_EXTRACTABLE is 1 where 0 is required",
			"leaky-ca: CKA_NEVER_EXTRACTABLE is 0 where 1 is required",
			"brought-profile: CKA_ALWAYS_SENSITIVE is 0 where 1 is required",
			"brought-profile: CKA_NEVER_EXTRACTABLE is 0 where 1 is required",
			"brought-profile: CKA_LOCAL is 0 where 1 is required",
		]) {
			expect(outcome.stderr).toContain(`  - ${fault}`);
		}
		expect(outcome.stderr).not.toMatch(/Generating|Signing/);
		expect(outcome.status).toBe(1);
		expect(readdirSync(join(directory, "leaky"))).toEqual([]);
	});

	it("takes an imported key where the plan says that it is one, and no other fault with it", () => {
		const leaky = ota(["ceremony", "--plan", planned("half", { ...imported(), imported: true })]);
		expect(leaky.stderr).toContain("Configuration: 2 fault(s)\n");
		expect(leaky.status).toBe(1);
		const file = plan("brought", {
			root: { key: key("brought-root", "p-256"), years: 12 },
			ca: { key: key("brought-ca", "p-256"), years: 4 },
			profile: { key: { ...imported(), imported: true }, years: 1 },
		});
		const outcome = ota(["ceremony", "--plan", file]);
		expect(outcome.stderr).toContain("Attention: brought-profile: CKA_LOCAL is 0 where 1 is required");
		expect(outcome.status).toBe(0);
		expect(outcome.stdout).toMatch(
			/Key label: {5}brought-profile\n {2}Key origin: {4}on the token before, imported from outside as the plan says\n/,
		);
		expect(outcome.stdout).toContain("CKA_LOCAL=false");
		const verify = ota(["ceremony", "verify", join(directory, "brought", "transcript.txt"), "--token", tokenUri()]);
		expect(verify.stdout).toContain("All is as the transcript says");
		expect(verify.status).toBe(0);
	});
});

describe("ota ceremony --plan refuses", () => {
	it("a plan with faults, all at once, and makes nothing", () => {
		const file = plan("faulty", {
			token: "pkcs11:token=ota",
			root: { certificate: "nowhere.pem" },
			seal: {},
			extra: 1,
		});
		const outcome = ota(["ceremony", "--plan", file]);
		expect(outcome.stderr).toMatch(/plan\.extra: is not known/);
		expect(outcome.stderr).toMatch(/plan\.token: PKCS#11 URI: module-path is missing/);
		expect(outcome.stderr).toMatch(/plan\.seal\.key: is missing/);
		expect(outcome.status).toBe(1);
		expect(existsSync(join(directory, "faulty"))).toBe(false);
	});

	it("a label that is taken", () => {
		const file = plan("taken", {
			root: { key: key("taken-root"), years: 5 },
			ca: { key: key("own-ca", "p-256"), years: 4 },
		});
		const outcome = ota(["ceremony", "--plan", file]);
		expect(outcome.stderr).toContain("has a private key own-ca already");
		expect(outcome.status).toBe(1);
	});

	it.each([
		["a certificate without a plan", ["--certificate", "x.pem"]],
		["what the plan says itself", ["--plan", "x.json", "--ca-key", "p-256"]],
	])("%s, as a usage error", (_name, args) => {
		const outcome = ota(["ceremony", ...args]);
		expect(outcome.status).toBe(2);
		expect(outcome.stderr).toContain("usage: ota ceremony");
	});
});

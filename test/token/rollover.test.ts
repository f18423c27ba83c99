/** `ota keys rotate --role ca` and `--role ocsp` against a real SoftHSMv2, from dist/; openssl is the offline root and the second opinion. */
import { X509Certificate } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { OpenSsl } from "../harness/openssl.ts";
import { runOta } from "../harness/ota-command.ts";

const directory = mkdtempSync(join(tmpdir(), "ota-rollover-"));
const dataDir = join(directory, "data");
const certs = join(dataDir, "certs");
const openssl = new OpenSsl();

const ota = (args: string[], env: Record<string, string> = {}) =>
	runOta(args, directory, { OTA_DATA_DIR: dataDir, ...env });
const read = (file: string | undefined) => new X509Certificate(readFileSync(file ?? ""));

/** `NAME=value` lines of one step. */
function step(text: string, name: string): Record<string, string> {
	const lines = text.split(/^# /m).find((part) => part.startsWith(name)) ?? "";
	const pairs = lines.split("\n").filter((line) => line.startsWith("OTA_"));
	return Object.fromEntries(pairs.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

let rolled: ReturnType<typeof ota>;
let announced: Record<string, string>;
let switched: Record<string, string>;
let transcript: string;
beforeAll(() => {
	const held = ota(["ceremony", "--organization", "Example Corp"]);
	if (held.status !== 0) throw new Error(held.stderr);
	rolled = ota(["keys", "rotate", "--role", "ca"]);
	announced = step(rolled.stdout, "step 1");
	switched = step(rolled.stdout, "step 2");
	transcript = (switched.OTA_CA_CERT_FILE ?? "").replace(/ca(-[\d-]+)\.pem$/, "rollover$1.transcript.txt");
});
afterAll(() => {
	rmSync(directory, { recursive: true });
	openssl.remove();
});

describe("ota keys rotate --role ca", () => {
	it("makes a dated key and says what to set in two steps, and when the old generation may go", () => {
		expect(rolled.status).toBe(0);
		expect(Object.keys(announced)).toEqual(["OTA_CA_NEXT_FILE", "OTA_OCSP_CERT_FILE"]);
		expect(Object.keys(switched)).toEqual([
			...["OTA_CA_KEY", "OTA_CA_CERT_FILE", "OTA_RA_CERT_FILE", "OTA_PROFILE_CERT_FILE", "OTA_OCSP_CERT_FILE"],
			...["OTA_CA_OLD_KEY", "OTA_CA_OLD_CERT_FILE", "OTA_RA_OLD_CERT_FILE"],
		]);
		expect(switched.OTA_CA_KEY).toMatch(/;object=issuing-ca-\d{8}\?/);
		expect(switched.OTA_CA_OLD_KEY).toMatch(/;object=issuing-ca\?/);
		expect(rolled.stderr).toContain("ota ca devices --on OLD");
		expect(ota(["keys", "audit"]).status).toBe(0);
	});

	it("names the new CA after the old one, under the same root, and openssl takes every chain", () => {
		const [old, ca] = [read(join(certs, "ca.pem")), read(switched.OTA_CA_CERT_FILE)];
		expect(ca.subject).toBe(`${old.subject} G2`);
		expect(ca.publicKey.equals(old.publicKey)).toBe(false);
		const chain = ["-CAfile", join(certs, "root.pem"), "-untrusted", switched.OTA_CA_CERT_FILE ?? ""];
		for (const role of ["RA", "PROFILE"]) {
			const file = switched[`OTA_${role}_CERT_FILE`] ?? "";
			expect(openssl.run("verify", "-x509_strict", ...chain, file)).toMatch(/: OK\n$/);
			const before = read(join(certs, `${role.toLowerCase()}.pem`));
			expect(read(file).publicKey.equals(before.publicKey)).toBe(true);
			expect(read(file).subject).toBe(before.subject);
		}
		const responder = switched.OTA_OCSP_CERT_FILE ?? "";
		expect(openssl.run("verify", "-x509_strict", "-purpose", "ocsphelper", ...chain, responder)).toMatch(/: OK\n$/);
		const bundle = readFileSync(responder, "utf8");
		expect(bundle).toBe(`${read(responder)}${read(join(certs, "ocsp.pem"))}`);
	});

	it("announces RA, CA and root in the current CA's name, as openssl reads it (RFC 8894 section 4.7.1)", () => {
		const file = announced.OTA_CA_NEXT_FILE ?? "";
		const content = openssl.output("next.der");
		const chain = ["-CAfile", join(certs, "root.pem"), "-purpose", "any"];
		openssl.run("cms", "-verify", "-inform", "PEM", "-in", file, ...chain, "-out", content);
		const told = openssl.run("pkcs7", "-inform", "DER", "-in", content, "-print_certs");
		const enclosed = told.match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----\n/g) ?? [];
		const expected = [switched.OTA_RA_CERT_FILE, switched.OTA_CA_CERT_FILE, join(certs, "root.pem")];
		expect(enclosed).toEqual(expected.map((one) => read(one).toString()));
		const outer = openssl.run("pkcs7", "-in", file, "-print_certs");
		expect(outer.match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----\n/g)).toEqual([
			read(join(certs, "ca.pem")).toString(),
		]);
	});

	it("leaves a configuration that the audit takes, and one generation at a time", () => {
		const audit = ota(["keys", "audit"], switched);
		expect(audit.stdout).toMatch(/^ca: good .+issuing-ca-\d{8}[\s\S]+^caOld: good .+object=issuing-ca\?/m);
		expect(audit.status).toBe(0);
		const again = ota(["keys", "rotate", "--role", "ca"], switched);
		expect(again.stderr).toContain("OTA_CA_OLD_KEY is set: the generation before is still served");
		expect(again.status).toBe(1);
	});

	it("leaves a transcript that holds, before the switch and after it", () => {
		const before = ota(["ceremony", "verify", transcript]);
		expect(before.stdout).toMatch(
			/^All is as the transcript says: Issuing CA, SCEP RA, Profile Signing, OCSP Responder\.\n/m,
		);
		expect(before.stdout).toContain("OTA_CA_CERT is not this certificate: here nothing uses the successor.\n");
		expect(before.status).toBe(0);
		expect(ota(["ceremony", "verify", transcript], switched)).toMatchObject({ status: 0, stderr: "" });
	});

	it.each([
		[
			"an announcement of another moment",
			(folder: string, message: string) => cpSync(join(folder, "ca.pem"), join(folder, message)),
			/^the message next-ca\S+ is not there\n$/,
		],
		[
			"a changed announcement",
			(folder: string, message: string) => {
				const text = readFileSync(join(folder, message), "utf8");
				writeFileSync(join(folder, message), text.replace(/.{8}\n-----END/, "AAAAAAAA\n-----END"));
			},
			/^the message next-ca\S+ has the SHA-256 [0-9a-f]{64}, the transcript says /,
		],
	])("names in its transcript %s", (name, change, words) => {
		const folder = join(directory, name);
		cpSync(certs, folder, { recursive: true });
		const message = readdirSync(folder).find((file) => file.startsWith("next-ca")) ?? "";
		change(folder, message);
		const outcome = ota(["ceremony", "verify", join(folder, transcript.slice(certs.length + 1))]);
		expect(outcome.stdout).toMatch(words);
		expect(outcome.status).toBe(1);
	});

	it.each([
		["--certificate with --label", ["--certificate", "x.pem", "--label", "y"]],
		["an elliptic curve that no client needs", ["--type", "p-384"]],
	])("refuses %s as a usage error", (_name, args) => {
		const outcome = ota(["keys", "rotate", "--role", "ca", ...args]);
		expect(outcome.stdout).toBe("");
		expect(outcome.status).toBe(2);
	});
});

describe("an agent with a generation before", () => {
	it("does not start without the old CA's key, which signs its lists", () => {
		const { OTA_CA_OLD_KEY: _, ...lacking } = switched;
		expect(ota(["agent"], lacking)).toMatchObject({
			status: 2,
			stderr: expect.stringMatching(
				/^ {2}- OTA_CA_OLD_CERT is set without OTA_CA_OLD_KEY, which signs its revocation lists/m,
			),
		});
	});

	it("does not start with certificates that do not belong together", () => {
		const { stderr, status } = ota(["agent"], {
			...switched,
			OTA_OCSP_CERT_FILE: join(certs, "ocsp.pem"),
			OTA_CA_OLD_CERT_FILE: join(certs, "ra.pem"),
			OTA_RA_OLD_CERT_FILE: join(certs, "profile.pem"),
		});
		expect(stderr.split("\n")).toEqual([
			"Configuration: 5 fault(s)",
			"  - OTA_OCSP_CERT: none of its certificates is by OTA_CA_CERT; ota keys rotate --role ocsp makes one",
			"  - OTA_CA_OLD_CERT: it is no CA; it must be the issuing CA's before the rollover",
			"  - OTA_CA_OLD_CERT: OTA_ROOT_CERT did not issue it; it must be the issuing CA's before the rollover",
			"  - OTA_RA_OLD_CERT: neither OTA_CA_CERT nor OTA_CA_OLD_CERT issued it; it must be the RA's before the rotation",
			"  - OTA_RA_OLD_CERT holds another key than OTA_RA_CERT; set OTA_RA_OLD_KEY as well.",
			"",
		]);
		expect(status).toBe(2);
	});
});

describe("ota keys rotate --role ocsp", () => {
	it("makes a responder for both generations, each with its transcript", () => {
		const outcome = ota(["keys", "rotate", "--role", "ocsp"], switched);
		expect(outcome.status).toBe(0);
		const set = step(`# all\n${outcome.stdout}`, "all");
		const file = set.OTA_OCSP_CERT_FILE ?? "";
		const old = file.replace(".pem", "-old.pem");
		expect(readFileSync(file, "utf8")).toBe(`${read(file)}${read(old)}`);
		expect(read(file).checkIssued(read(switched.OTA_CA_CERT_FILE))).toBe(true);
		expect(read(old).checkIssued(read(join(certs, "ca.pem")))).toBe(true);
		expect(ota(["keys", "audit"], { ...switched, ...set }).stdout).toContain("\nocsp: good");
		for (const one of [file, old]) {
			const told = ota(["ceremony", "verify", one.replace(".pem", ".transcript.txt")], { ...switched, ...set });
			expect(told.stdout).toContain("All is as the transcript says: OCSP Responder.");
			expect(told).toMatchObject({ status: 0, stderr: "" });
		}
	});

	it("adds one to a data directory of before, under the names that the server looks for", () => {
		const before = join(directory, "before");
		cpSync(dataDir, before, { recursive: true });
		writeFileSync(
			join(before, "softhsm2.conf"),
			readFileSync(join(dataDir, "softhsm2.conf"), "utf8").replace(dataDir, before),
		);
		rmSync(join(before, "certs/ocsp.pem"));
		const env = { OTA_DATA_DIR: before };
		expect(ota(["keys", "audit"], env).stdout).not.toContain("ocsp");
		// The old key is still on the token: another label is taken.
		const outcome = ota(["keys", "rotate", "--role", "ocsp"], env);
		expect(outcome.status).toBe(0);
		expect(read(join(before, "certs", outcome.stdout.match(/ocsp[\d-]*\.pem/)?.[0] ?? "")).subject).toContain(
			"OCSP Responder",
		);
	});
});

describe("a rollover under a root that is kept elsewhere", () => {
	it("writes the request, waits, and goes on with the certificate", () => {
		const offline = join(directory, "offline");
		const env = { OTA_DATA_DIR: offline };
		expect(ota(["ceremony", "--organization", "Example Corp"], env).status).toBe(0);
		// A root of openssl's, and our CA's key under it.
		const [root, secret] = [openssl.output("root.pem"), openssl.output("root.key")];
		const constraints = "basicConstraints=critical,CA:TRUE,pathlen:1";
		const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", secret, "-out", root];
		const usage = "keyUsage=critical,keyCertSign,cRLSign";
		openssl.run(
			"req",
			"-x509",
			"-subj",
			"/CN=Offline",
			"-addext",
			constraints,
			"-addext",
			usage,
			"-days",
			"3650",
			...key,
		);
		const named = { ...env, OTA_ROOT_CERT_FILE: root };
		const first = ota(["keys", "rotate", "--role", "ca"], named);
		expect(first.stderr).toContain("No token has the root's key.");
		expect(first.stdout).toMatch(/^-----BEGIN CERTIFICATE REQUEST-----/);
		const request = join(offline, "certs/ca-next.csr.pem");
		expect(readFileSync(request, "utf8")).toBe(first.stdout);
		expect(openssl.run("req", "-in", request, "-verify", "-noout", "-subject")).toMatch(/Example Corp Issuing CA G2/);
		const again = ota(["keys", "rotate", "--role", "ca"], named);
		expect(again.stderr).toContain("A request waits for its certificate already");
		const issued = (name: string, path: string) => {
			const out = openssl.output(`${name}.pem`);
			const extensions = `basicConstraints=critical,CA:TRUE,pathlen:${path}\n${usage}\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n`;
			const by = ["-CA", root, "-CAkey", secret, "-set_serial", "7", "-days", "1000", "-sha256", "-out", out];
			openssl.run("x509", "-req", "-in", request, ...by, "-extfile", openssl.file(`${name}.ext`, extensions));
			return out;
		};
		const refused = ota(["keys", "rotate", "--role", "ca", "--certificate", issued("long", "1")], named);
		expect(refused.stderr).toContain("pathLenConstraint 1 where 0 is required");
		const foreign = ota(["keys", "rotate", "--role", "ca", "--certificate", root], named);
		expect(foreign.stderr).toContain("is not on the token ota");
		expect([again.status, refused.status, foreign.status]).toEqual([1, 1, 1]);
		const gone = ota(["keys", "rotate", "--role", "ca", "--certificate", issued("good", "0")], named);
		expect(gone.stderr).not.toContain("Generating");
		expect(gone.status).toBe(0);
		const set = step(gone.stdout, "step 2");
		expect(
			openssl.run("verify", "-CAfile", root, "-untrusted", set.OTA_CA_CERT_FILE ?? "", set.OTA_RA_CERT_FILE ?? ""),
		).toMatch(/: OK\n$/);
		expect(ota(["keys", "audit"], { ...named, ...set }).status).toBe(0);
		const told = (set.OTA_CA_CERT_FILE ?? "").replace(/ca(-[\d-]+)\.pem$/, "rollover$1.transcript.txt");
		expect(ota(["ceremony", "verify", told], { ...named, ...set })).toMatchObject({ status: 0, stderr: "" });
	});
});

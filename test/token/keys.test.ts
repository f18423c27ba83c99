/** `ota keys` and `ota ceremony verify` against a real SoftHSMv2, from dist/ in processes of their own. */
import { createHash, X509Certificate } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { findSoftHsmModule } from "../../hsm/provision/softhsm.ts";
import { formatUri } from "../../hsm/uri.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { selfSigned } from "../harness/certificate.ts";
import { OpenSsl } from "../harness/openssl.ts";
import { runOta } from "../harness/ota-command.ts";
import { makeKeys, makeToken, startAgent, type TestToken } from "../harness/token.ts";

const directory = mkdtempSync(join(tmpdir(), "ota-keys-"));
const dataDir = join(directory, "data");
const certs = join(dataDir, "certs");
const openssl = new OpenSsl();

const ota = (args: string[], env: Record<string, string> = {}) =>
	runOta(args, directory, { OTA_DATA_DIR: dataDir, ...env });

/** `NAME=value` lines. */
const variables = (text: string): Record<string, string> =>
	Object.fromEntries(
		text
			.trim()
			.split("\n")
			.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
	);

const pemOf = (file = ""): Uint8Array => new X509Certificate(readFileSync(file)).raw;

beforeAll(() => {
	const outcome = ota(["ceremony", "--organization", "Example Corp"]);
	if (outcome.status !== 0) throw new Error(outcome.stderr);
});
afterAll(() => {
	rmSync(directory, { recursive: true });
	openssl.remove();
});

describe("ota keys list", () => {
	it("tells each key once, with token, type, role, attributes and public key", () => {
		const outcome = ota(["keys", "list", "--json"]);
		expect(outcome.stderr).toBe("");
		const keys = JSON.parse(outcome.stdout) as Record<string, unknown>[];
		expect(keys.map(({ label, type, roles }) => [label, type, roles])).toEqual([
			["issuing-ca", "rsa-2048", ["ca"]],
			["ocsp", "rsa-2048", ["ocsp"]],
			["profile-signing", "rsa-2048", ["profile"]],
			["root-ca", "rsa-2048", []],
			["scep-ra", "rsa-2048", ["ra"]],
			["seal", "aes-256", ["seal"]],
		]);
		const ra = keys.find(({ label }) => label === "scep-ra");
		expect(ra?.attributes).toMatchObject({ CKA_SENSITIVE: true, CKA_EXTRACTABLE: false, CKA_DECRYPT: true });
		const { publicKey } = new X509Certificate(readFileSync(join(certs, "ra.pem")));
		const spki = publicKey.export({ format: "der", type: "spki" });
		expect(ra?.publicKeySha256).toBe(createHash("sha256").update(spki).digest("hex"));
	});

	it("is readable without --json", () => {
		const { stdout, status } = ota(["keys", "list"]);
		expect(status).toBe(0);
		expect(stdout).toMatch(
			/^scep-ra {2}rsa-2048 {2}role ra\n {2}token {7}ota \(serial [0-9a-f]+\)\n {2}id {10}[0-9a-f]{40}\n {2}attributes {2}SENSITIVE=1 EXTRACTABLE=0 {2}.*SIGN DECRYPT/m,
		);
	});

	it("takes a PIN from a file alone, and never repeats one", () => {
		const uri = "pkcs11:token=ota?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-value=19283746";
		const outcome = ota(["keys", "list", "--token", uri]);
		expect(outcome.status).toBe(1);
		expect(outcome.stderr).toContain("pin-source=file:");
		expect(outcome.stdout + outcome.stderr).not.toContain("19283746");
	});
});

describe("ota keys generate", () => {
	it("makes a key that the audit of its role finds good, and never one over another", () => {
		const made = ota(["keys", "generate", "--role", "profile", "--label", "signer-2", "--type", "p-256"]);
		expect(made.status).toBe(0);
		expect(made.stderr).toBe("Generating signer-2 (p-256) inside the token ota...\n");
		expect(made.stdout).toMatch(
			/^pkcs11:token=ota;object=signer-2;id=(%[0-9a-f]{2}){20}\?module-path=.+\npublic key SHA-256 [0-9a-f]{64}\n$/,
		);
		const again = ota(["keys", "generate", "--role", "seal", "--label", "signer-2"]);
		expect(again.status).toBe(1);
		expect(again.stderr).toContain("has a private key signer-2 already");
	});

	it("makes an RSA key that seals, for a token without AES, and the audit takes it", () => {
		const made = ota(["keys", "generate", "--role", "seal", "--label", "rsa-seal", "--type", "rsa-2048"]);
		expect(made.status).toBe(0);
		const audit = ota(["keys", "audit"], { OTA_SEAL_KEY: made.stdout.split("\n")[0] ?? "" });
		expect(audit.stdout).toContain("\nseal: good");
		expect(audit.status).toBe(0);
	});

	it.each([
		["an RA key that is not RSA", ["--role", "ra", "--label", "x", "--type", "p-256"]],
		["an unknown role", ["--role", "admin", "--label", "x"]],
		["no label", ["--role", "ca"]],
		["a flag of another command", ["--role", "ca", "--label", "x", "--json"]],
		["a PIN", ["--role", "ca", "--label", "x", "--pin", "1234"]],
	])("refuses %s as a usage error", (_name, args) => {
		const outcome = ota(["keys", "generate", ...args]);
		expect(outcome.status).toBe(2);
		expect(outcome.stderr).toContain("usage: ota keys");
		expect(outcome.stdout).toBe("");
	});
});

describe("ota keys audit", () => {
	it("is content with what the ceremony made", () => {
		const outcome = ota(["keys", "audit"]);
		expect(outcome.stdout).toMatch(/^ca: good .+\nra: good .+\nprofile: good .+\nseal: good .+\nocsp: good .+\n$/);
		expect(outcome.status).toBe(0);
	});

	it("names every attribute that is wrong, keys in two roles, and foreign certificates", async () => {
		const token = await makeToken(join(directory, "wrong"));
		await makeKeys(token);
		const attributes = {
			CKA_SENSITIVE: false,
			CKA_EXTRACTABLE: true,
			CKA_UNWRAP: true,
			CKA_DECRYPT: true,
			CKA_DERIVE: false,
		};
		await token.must({ do: "raw", label: "loose", attributes });
		const outcome = ota(["keys", "audit", "--json"], {
			...token.env,
			OTA_CA_KEY: token.uri("loose"),
			OTA_RA_KEY: token.uri("ra"),
			OTA_PROFILE_KEY: token.uri("ra"),
			OTA_SEAL_KEY: token.uri("nobody"),
		});
		expect(outcome.status).toBe(1);
		const report = JSON.parse(outcome.stdout) as { role: string; faults: string[] }[];
		const faults = Object.fromEntries(report.map((one) => [one.role, one.faults]));
		expect(faults.ca).toEqual(
			expect.arrayContaining([
				"CKA_SENSITIVE is 0 where 1 is required",
				"CKA_EXTRACTABLE is 1 where 0 is required",
				"CKA_ALWAYS_SENSITIVE is 0 where 1 is required",
				"CKA_NEVER_EXTRACTABLE is 0 where 1 is required",
				"CKA_MODIFIABLE is 1 where 0 is required",
				"CKA_UNWRAP is 1 where 0 is required",
				"CKA_DECRYPT is 1 where 0 is required",
				"its certificate holds another key",
				"its signature does not verify with its certificate",
			]),
		);
		expect(faults.profile).toEqual(
			expect.arrayContaining([
				"it is the ra key as well; each role needs its own",
				"CKA_DECRYPT is 1 where 0 is required",
			]),
		);
		expect(faults.seal).toEqual(["there is no key nobody"]);
	});
});

describe("one key in two roles", () => {
	it("was found by its name alone: under two names, on two tokens, or as an RSA seal key, it is found by its public half", async () => {
		const token = await makeToken(join(directory, "twice"));
		const { ca, ra } = await makeKeys(token);
		expect(ca).not.toEqual(ra);
		const jwk = newKeyPair("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
		const attributes = { CKA_SENSITIVE: true, CKA_EXTRACTABLE: false, CKA_SIGN: true, CKA_DECRYPT: true };
		await token.must({ do: "import", label: "one", jwk, attributes });
		await token.must({ do: "import", label: "other", jwk, attributes });
		// A second token in the same directory; its PIN is the first one's.
		await token.must({ do: "init", label: "elsewhere", soPin: "87654321" });
		const elsewhere = { ...token, uri: (object: string) => token.uri(object).replace("token=ota", "token=elsewhere") };
		await token.must({ do: "import", token: "elsewhere", label: "third", jwk, attributes });
		const outcome = ota(["keys", "audit", "--json"], {
			...token.env,
			OTA_CA_KEY: token.uri("ca"),
			OTA_RA_KEY: token.uri("one"),
			OTA_PROFILE_KEY: token.uri("other"),
			OTA_SEAL_KEY: elsewhere.uri("third"),
		});
		const report = JSON.parse(outcome.stdout) as { role: string; faults: string[] }[];
		const shared = report.map(({ role, faults }) => [
			role,
			faults.filter((fault) => /each role needs its own/.test(fault)),
		]);
		expect(shared).toEqual([
			["ca", []],
			["ra", []],
			["profile", ["it is the ra key as well; each role needs its own"]],
			["seal", ["it is the profile key as well; each role needs its own"]],
			["ocsp", []],
		]);
		expect(report.find(({ role }) => role === "seal")?.faults).toContain("CKA_LOCAL is 0 where 1 is required");
		expect(outcome.status).toBe(1);
	});
});

describe("ota keys rotate", () => {
	let rotated: ReturnType<typeof ota>;
	let set: Record<string, string>;
	beforeAll(() => {
		rotated = ota(["keys", "rotate", "--role", "ra"]);
		set = variables(rotated.stdout);
	});

	it("makes a dated key beside the old one and says what to set, and when the old one may go", () => {
		expect(rotated.status).toBe(0);
		expect(Object.keys(set)).toEqual(["OTA_RA_KEY", "OTA_RA_CERT_FILE", "OTA_RA_OLD_KEY", "OTA_RA_OLD_CERT_FILE"]);
		expect(set.OTA_RA_KEY).toMatch(/;object=scep-ra-\d{8}\?/);
		expect(set.OTA_RA_OLD_KEY).toMatch(/;object=scep-ra\?/);
		expect(rotated.stderr).toContain("take the two away and destroy the old key");
		const labels = (JSON.parse(ota(["keys", "list", "--json"]).stdout) as { label: string }[]).map(
			({ label }) => label,
		);
		expect(labels).toEqual(expect.arrayContaining(["scep-ra", expect.stringMatching(/^scep-ra-\d{8}$/)]));
	});

	it("certifies it under the same name, and openssl agrees", () => {
		const file = set.OTA_RA_CERT_FILE ?? "";
		const chain = ["-CAfile", join(certs, "root.pem"), "-untrusted", join(certs, "ca.pem"), file];
		expect(openssl.run("verify", "-x509_strict", ...chain)).toMatch(/: OK\n$/);
		const [old, successor] = [join(certs, "ra.pem"), file].map((path) => new X509Certificate(readFileSync(path)));
		expect(successor?.subject).toBe(old?.subject);
		expect(successor?.publicKey.equals(old?.publicKey as never)).toBe(false);
		expect(openssl.run("x509", "-in", file, "-noout", "-ext", "keyUsage")).toMatch(
			/critical\s+Digital Signature, Key Encipherment\n/,
		);
	});

	it("leaves a configuration that the audit and the agent take", async () => {
		const audit = ota(["keys", "audit"], set);
		expect(audit.stdout).toMatch(/^ra: good[\s\S]*^raOld: good/m);
		expect(audit.status).toBe(0);
		const certificate = new X509Certificate(readFileSync(set.OTA_RA_CERT_FILE ?? "")).raw;
		const token = { env: { SOFTHSM2_CONF: join(dataDir, "softhsm2.conf") } } as unknown as TestToken;
		const agent = await startAgent({
			dir: join(directory, "r"),
			token,
			roles: {
				ra: { uri: set.OTA_RA_KEY ?? "", certificate },
				raOld: { uri: set.OTA_RA_OLD_KEY ?? "", certificate: pemOf(set.OTA_RA_OLD_CERT_FILE) },
			},
		});
		await agent.stop();
	});

	it("leaves a transcript that holds", () => {
		const transcript = (set.OTA_RA_CERT_FILE ?? "").replace(".pem", ".transcript.txt");
		const outcome = ota(["ceremony", "verify", transcript]);
		expect(outcome.stdout).toContain("All is as the transcript says: SCEP RA.");
		expect(outcome.stdout).toContain("OTA_RA_CERT is not this certificate: here nothing uses the successor.\n");
		expect(outcome.status).toBe(0);
		expect(ota(["ceremony", "verify", transcript], set)).toMatchObject({ status: 0, stderr: "" });
		expect(readFileSync(transcript, "utf8")).toMatch(/\n {2}Kind: {10}rotation\n[\s\S]+\nSigned with issuing-ca\n/);
		// Under another CA it is nobody's successor.
		const foreign = ota(["ceremony", "verify", transcript], { OTA_CA_CERT_FILE: join(certs, "root.pem") });
		expect(foreign.stdout).toMatch(/^SCEP RA: the chain does not hold: it names another issuer$/m);
		expect(foreign.stdout).toMatch(/^the transcript's signature cannot be checked: the issuing CA's key is not on/m);
		expect(foreign.status).toBe(1);
	});

	it("leaves a ceremony's transcript that says so, once the successor is configured", () => {
		const outcome = ota(["ceremony", "verify", join(certs, "transcript.txt")], set);
		expect(outcome.stdout).toBe(
			"SCEP RA: OTA_RA_CERT is another certificate; after a rotation, verify the transcript of that\n" +
				"SCEP RA: OTA_RA_KEY is another key; after a rotation, verify the transcript of that\n",
		);
		expect(outcome.status).toBe(1);
	});

	it("numbers the second of one day, and goes on from the rotated key", () => {
		const outcome = ota(["keys", "rotate", "--role", "ra"], set);
		expect(outcome.status).toBe(0);
		expect(variables(outcome.stdout).OTA_RA_KEY).toMatch(/;object=scep-ra-\d{8}-2\?/);
	});

	it("certifies a key that the vendor's tool made, when it is of a kind that fits", () => {
		ota(["keys", "generate", "--role", "profile", "--label", "signer-3", "--type", "rsa-2048"]);
		const outcome = ota(["keys", "rotate", "--role", "profile", "--label", "signer-3"]);
		expect(outcome.stderr).not.toMatch(/Generating|Attention/);
		expect(variables(outcome.stdout).OTA_PROFILE_KEY).toContain(";object=signer-3?");
		expect(ota(["keys", "audit"], variables(outcome.stdout)).status).toBe(0);
		const elliptic = ota(["keys", "rotate", "--role", "profile", "--label", "signer-2"]);
		expect(elliptic.stderr).toContain("signer-2 is p-256, not RSA");
		const same = ota(["keys", "rotate", "--role", "profile", "--label", "profile-signing"]);
		expect(same.stderr).toContain("the key that the configuration names already");
		expect([elliptic.status, same.status]).toEqual([1, 1]);
	});

	it.each([
		["the issuing CA's key", "issuing-ca", /issuing-ca is the label of OTA_CA_KEY/],
		["the RA's key", "scep-ra", /scep-ra is the label of OTA_RA_KEY/],
		["the seal key", "seal", /seal is the label of OTA_SEAL_KEY/],
		["the root's key, which only a certificate names", "root-ca", /root-ca is the key of OTA_ROOT_CERT/],
	])("took another role's key for the successor: %s", (_name, label, words) => {
		const before = readdirSync(certs);
		const outcome = ota(["keys", "rotate", "--role", "profile", "--label", label]);
		expect(outcome.stderr).toMatch(words);
		expect(outcome.stdout).toBe("");
		expect(outcome.status).toBe(1);
		expect(readdirSync(certs)).toEqual(before);
	});

	it("certified a key whose attributes are another role's: every fault is told, and nothing is signed", () => {
		const before = readdirSync(certs);
		// A profile signer's, which cannot decrypt.
		const outcome = ota(["keys", "rotate", "--role", "ra", "--label", "signer-3"]);
		expect(outcome.stderr).toContain("signer-3: CKA_DECRYPT is 0 where 1 is required");
		expect(outcome.stderr).not.toContain("Signing its certificate");
		expect(outcome.status).toBe(1);
		expect(readdirSync(certs)).toEqual(before);
	});

	it("was certified by whatever key OTA_CA_KEY named: an extractable one certifies nothing", async () => {
		const token = await makeToken(join(directory, "leaky"));
		const { ra } = await makeKeys(token);
		const attributes = { CKA_SENSITIVE: true, CKA_EXTRACTABLE: true, CKA_DECRYPT: false, CKA_UNWRAP: false };
		await token.must({ do: "raw", label: "loose", attributes });
		const spki = Buffer.from(String(await token.must({ do: "publicKey", label: "loose" })), "hex");
		const certificate = async (label: string, publicKey: Uint8Array) =>
			openssl.file(`${label}.pem`, new X509Certificate(await selfSigned(token, label, publicKey)).toString());
		const outcome = ota(["keys", "rotate", "--role", "ra", "--out", join(directory, "leaky")], {
			...token.env,
			OTA_CA_KEY: token.uri("loose"),
			OTA_RA_KEY: token.uri("ra"),
			OTA_PROFILE_KEY: token.uri("profile"),
			OTA_SEAL_KEY: token.uri("seal"),
			OTA_CA_CERT_FILE: await certificate("loose", spki),
			OTA_RA_CERT_FILE: await certificate("ra", ra),
		});
		expect(outcome.stderr).toContain("loose: CKA_EXTRACTABLE is 1 where 0 is required");
		expect(outcome.stderr).not.toContain("Generating");
		expect(outcome.status).toBe(1);
	});

	it.each(["root", "seal", "admin"])("refuses %s as a usage error, and makes nothing", (role) => {
		const outcome = ota(["keys", "rotate", "--role", role]);
		expect(outcome.status).toBe(2);
		expect(outcome.stdout).toBe("");
	});

	it("makes nothing when the CA's certificate is not the CA key's", () => {
		const before = ota(["keys", "list"]).stdout;
		const outcome = ota(["keys", "rotate", "--role", "profile"], { OTA_CA_CERT_FILE: join(certs, "root.pem") });
		expect(outcome.status).toBe(1);
		expect(outcome.stderr).toContain("OTA_CA_CERT holds another key");
		expect(ota(["keys", "list"]).stdout).toBe(before);
	});
});

describe("ota ceremony verify", () => {
	const path = join(certs, "transcript.txt");
	/** A transcript that somebody edited, with the certificates beside it. */
	function edited(name: string, edit: (text: string) => string, remove?: string): ReturnType<typeof ota> {
		const folder = join(directory, name);
		mkdirSync(folder);
		cpSync(certs, folder, { recursive: true });
		const text = readFileSync(path, "utf8");
		expect(edit(text) === text).toBe(remove !== undefined);
		writeFileSync(join(folder, "transcript.txt"), edit(text));
		if (remove) rmSync(join(folder, remove));
		return ota(["ceremony", "verify", join(folder, "transcript.txt")]);
	}

	it("is content with the ceremony that was held, and says who held it and when", () => {
		const outcome = ota(["ceremony", "verify", path]);
		expect(outcome.stderr).toBe("");
		expect(outcome.stdout).toMatch(
			/^All is as the transcript says: Root CA, Issuing CA, SCEP RA, Profile Signing, OCSP Responder, Seal \(AES\)\.\nHeld at 20\S+Z by \S+@\S+, token ota \(serial [0-9a-f]+\)\.\n$/,
		);
		expect(outcome.status).toBe(0);
	});

	it.each([
		[
			"who",
			(text: string) => text.replace(/(Held by: +).*/, "$1mallory@example"),
			/^the transcript was changed: its signature/m,
		],
		["when", (text: string) => text.replace(/(Held at: +)20/, "$119"), /^the transcript was changed: its signature/m],
		[
			"an attribute",
			(text: string) => text.replace("CKA_SENSITIVE=true", "CKA_SENSITIVE=false"),
			/^Root CA: CKA_SENSITIVE of its key root-ca is true, the transcript says false$/m,
		],
		[
			"a public key",
			(text: string) => text.replace(/(Key SHA-256: +)[0-9a-f]{8}/, "$100000000"),
			/^Root CA: the public key of root-ca on the token is [0-9a-f]{64}, the transcript says 00000000/m,
		],
		[
			"a fingerprint",
			(text: string) => text.replace(/( SHA-256: +)[0-9A-F]{2}:[0-9A-F]{2}/, "$100:00"),
			/^Root CA: its certificate's SHA-256 is /m,
		],
		[
			"a label",
			(text: string) => text.replace(/(Key label: +)seal/, "$1strongbox"),
			/^Seal \(AES\): no token has its key strongbox$/m,
		],
		[
			"a signature that is gone",
			(text: string) => text.slice(0, text.indexOf("\nSigned with")),
			/^the transcript's signature is gone$/m,
		],
	])("names a difference: %s", (name, edit, words) => {
		const outcome = edited(`edited ${name}`, edit);
		expect(outcome.stdout).toMatch(words);
		expect(outcome.status).toBe(1);
	});

	it("names a certificate that is not there", () => {
		const outcome = edited("missing", (text) => text, "ra.pem");
		expect(outcome.stdout).toBe("SCEP RA: its certificate ra.pem is not there\n");
		expect(outcome.status).toBe(1);
	});

	it("took a transcript of a format without signature: any but today's is no transcript", () => {
		const old = (text: string) =>
			text
				.slice(0, text.indexOf("\nSigned with"))
				.replace(/^ {2}(Format|Kind|File): .*\n/gm, "")
				.replace(/^( {2}Attributes: +class=\S+ type=\S+) size=\S+ (CKA_ID=\S+).*\n(?: {17}.*\n)*/gm, "$1 $2\n");
		const outcome = edited("old", old);
		expect(outcome.stdout).toBe("");
		expect(outcome.stderr).toBe(
			"This is not a ceremony's transcript: it names no format, where this version reads format 3 alone.\n",
		);
		expect(outcome.status).toBe(1);
	});

	it("took a transcript that the web process had the agent sign: no key but the issuing CA's counts, and the agent signs no text with it", async () => {
		const roles = { ca: "issuing-ca", profile: "profile-signing" } as const;
		const pem = (role: keyof typeof roles) => new X509Certificate(readFileSync(join(certs, `${role}.pem`))).raw;
		const modulePath = (await findSoftHsmModule()) ?? undefined;
		const uri = (object: string) => formatUri({ token: "ota", object, modulePath, pinFile: join(dataDir, "pin") });
		const agent = await startAgent({
			dir: join(directory, "f"),
			token: { env: { SOFTHSM2_CONF: join(dataDir, "softhsm2.conf") }, uri },
			roles: {
				ca: { uri: uri(roles.ca), certificate: pem("ca") },
				profile: { uri: uri(roles.profile), certificate: pem("profile") },
			},
		});
		try {
			const text = readFileSync(path, "utf8");
			const forged = text.slice(0, text.indexOf("\nSigned with")).replace(/(Held by: +).*/, "$1mallory@example");
			const octets = Buffer.from(forged);
			await expect(agent.keys.sign("ca", "sha256", octets)).rejects.toMatchObject({ code: "hsm_refused" });
			const lines = Buffer.from(await agent.keys.sign("profile", "sha256", octets))
				.toString("base64")
				.match(/.{1,92}/g);
			const signed = `${forged}\nSigned with profile-signing\n  Signature:     ${lines?.join(`\n${" ".repeat(17)}`)}\n`;
			const outcome = edited("forged", () => signed);
			expect(outcome.stdout).toBe(
				"the transcript is signed with profile-signing, where it must be the issuing CA's key issuing-ca\n",
			);
			expect(outcome.status).toBe(1);
			const renamed = edited("renamed", () => signed.replace("with profile-signing", "with issuing-ca"));
			expect(renamed.stdout).toMatch(
				/^the transcript was changed: its signature, made with issuing-ca, does not hold$/m,
			);
			expect(renamed.status).toBe(1);
		} finally {
			await agent.stop();
		}
	});

	it("names a certificate that is another than the configuration's", () => {
		const outcome = ota(["ceremony", "verify", path], { OTA_ROOT_CERT_FILE: join(certs, "profile.pem") });
		expect(outcome.stdout).toBe("Root CA: OTA_ROOT_CERT is another certificate\n");
		expect(outcome.status).toBe(1);
	});

	it.each([
		["a file that is no transcript", [join(certs, "ca.pem")], 1],
		["a file that is not there", [join(certs, "nothing.txt")], 1],
		["no file", [], 2],
	])("refuses %s", (_name, args, status) => {
		const outcome = ota(["ceremony", "verify", ...args]);
		expect(outcome.status).toBe(status);
		expect(outcome.stdout).toBe("");
	});
});

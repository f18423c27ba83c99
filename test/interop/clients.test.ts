/** Clients and readers that nobody here wrote, against the server as `npm run up` has it. */
import { createPublicKey, X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { enrollScep, httpTransport, pemOf } from "../device/index.ts";
import { CertificateServer } from "./certificate-server.ts";
import { Certmonger } from "./certmonger.ts";
import { describeUnless, lackOf, runProgram, runWell } from "./programs.ts";
import { type Held, lackOfStrongSwan, StrongSwan } from "./strongswan.ts";

const lacks = {
	strongSwan: lackOfStrongSwan(),
	certmonger: lackOf(["certmonger", "getcert"], "certmonger"),
	micromdm: lackOf(["scepclient"], "scep"),
	openssl: lackOf(["openssl"], "openssl"),
	gnuTls: lackOf(["certtool", "ocsptool"], "gnutls-bin"),
};

let server: CertificateServer;
let strongSwan: StrongSwan;
let certmonger: Certmonger;
/** What the clients got a year ago. */
const old: Partial<Record<"strongSwan" | "legacy" | "certmonger" | "keeper", Held>> = {};
/** Paths of two certificates of a year ago. */
let [good, revoked] = ["", ""];

beforeAll(async () => {
	server = await CertificateServer.start();
	strongSwan = new StrongSwan(server);
	[good, revoked] = [await enrollMachine("good.example.com"), await enrollMachine("revoked.example.com")];
	server.ota("revoke", "--serial", read(revoked).serialNumber, "--reason", "keyCompromise");
	if (lacks.strongSwan === null) {
		await strongSwan.fetchAuthorities();
		old.strongSwan = await enrollStrongSwan("strongswan.example.com", {});
		old.legacy = await enrollStrongSwan("legacy.example.com", { isLegacy: true });
	}
	if (lacks.certmonger === null) {
		certmonger = new Certmonger(server);
		await certmonger.connect();
		old.certmonger = await certmonger.request("certmonger", server.challenge("certmonger.example.com"));
		old.keeper = await certmonger.request("keeper", server.challenge("keeper.example.com"));
		for (const name of ["certmonger", "keeper"]) await certmonger.status(name, /status: MONITORING/);
	}
	await server.startToday();
});

afterAll(async () => {
	await certmonger?.stop();
	await server?.stop();
});

/** What a client got a year ago. */
function held(client: keyof typeof old): Held {
	const found = old[client];
	if (!found) throw new Error(`${client} did not enroll`);
	return found;
}

const read = (path: string): X509Certificate => new X509Certificate(readFileSync(path));

/** By the emulated device's SCEP client, so that there are certificates to judge where no other client is. */
async function enrollMachine(name: string): Promise<string> {
	const payload = {
		url: server.scep,
		name: "",
		subject: [["CN", name]] as const,
		subjectAltName: undefined,
		challenge: server.challenge(name),
		keySize: 2048,
		keyUsage: 5,
		caFingerprint: undefined,
		payloadUUID: "",
		dictionary: {},
	};
	const { certificate } = await enrollScep({ transport: httpTransport(), payload });
	return server.file(`${name}.pem`, pemOf(certificate));
}

async function enrollStrongSwan(name: string, how: { isLegacy?: boolean }): Promise<Held> {
	const key = await strongSwan.key(name);
	const { code, stdout, stderr } = await strongSwan.enroll(key, "strongswan", {
		challenge: server.challenge(name),
		...how,
	});
	if (code !== 0) throw new Error(`strongSwan does not enroll:\n${stderr}`);
	return { certificate: server.file(`${name}.pem`, stdout), key };
}

describeUnless(lacks.strongSwan, "strongSwan's pki", () => {
	it("tells root, issuing CA and RA apart, and trusts them", async () => {
		const said = await strongSwan.fetchAuthorities();
		expect(said).toMatch(/Root CA cert "O=Example, CN=Example Root CA"[\s\S]+written to/);
		expect(said).toMatch(/Sub CA cert is trusted/);
		expect(said).toMatch(/RA cert is trusted/);
	});

	it("enrolled with an operator's challenge, under the operator's names", () => {
		const certificate = read(held("strongSwan").certificate);
		expect(certificate.subject).toMatch(/^CN=strongswan\.example\.com$/m);
		expect(certificate.subject).not.toMatch(/CH/);
		expect(certificate.subjectAltName).toBe("DNS:strongswan.example.com");
		expect(certificate.publicKey.equals(publicKeyOf(held("strongSwan").key))).toBe(true);
	});

	it("renews with RenewalReq, without a challenge and without an approval", async () => {
		const key = await strongSwan.key("strongswan-new");
		const { code, stdout, stderr } = await strongSwan.enroll(key, "strongswan", { old: held("strongSwan") });
		expect([code, stderr]).toEqual([0, expect.stringContaining("Issued certificate is trusted")]);
		await expectRenewed(read(held("strongSwan").certificate), new X509Certificate(stdout), key, 17);
	});

	it("is refused a second renewal of one certificate", async () => {
		const key = await strongSwan.key("strongswan-other");
		const { code, stdout, stderr } = await strongSwan.enroll(key, "strongswan", { old: held("strongSwan") });
		expect([code, stdout, stderr]).toEqual([expect.any(Number), "", expect.stringMatching(/badRequest|not permitted/)]);
		expect(code).not.toBe(0);
	});

	it("polls with CertPoll until an operator approves", async () => {
		const key = await strongSwan.key("strongswan-patient");
		const challenge = server.challenge("patient.example.com");
		const [{ code, stdout, stderr }] = await Promise.all([
			strongSwan.enroll(key, "patient", { challenge }),
			server.decide("approve"),
		]);
		expect([code, stderr]).toEqual([0, expect.stringContaining("SCEP request pending, polling")]);
		expect(new X509Certificate(stdout).subject).toMatch(/^CN=patient\.example\.com$/m);
	});

	it("is told when the operator refuses", async () => {
		const key = await strongSwan.key("strongswan-refused");
		const challenge = server.challenge("refused.example.com");
		const [{ code, stdout, stderr }] = await Promise.all([
			strongSwan.enroll(key, "refused", { challenge }),
			server.decide("refuse"),
		]);
		expect([code === 0, stdout]).toEqual([false, ""]);
		expect(stderr).toMatch(/request pending, polling[\s\S]+badRequest/);
	});

	it("enrolled with 3DES and SHA-1 where OTA_LEGACY_SCEP takes them, and is refused elsewhere", async () => {
		expect(read(held("legacy").certificate).subject).toMatch(/^CN=legacy\.example\.com$/m);
		const key = await strongSwan.key("strongswan-legacy");
		const challenge = server.challenge("legacy-2.example.com");
		const { code, stderr } = await strongSwan.enroll(key, "legacy", { challenge, isLegacy: true });
		expect([code === 0, stderr]).toEqual([false, expect.stringContaining("badAlg")]);
	});

	it("is told of a wrong challenge", async () => {
		const key = await strongSwan.key("strongswan-guess");
		const { code, stdout, stderr } = await strongSwan.enroll(key, "guess", { challenge: "0".repeat(64) });
		expect([code === 0, stdout]).toEqual([false, ""]);
		expect(stderr).toMatch(/not permitted|badRequest/);
	});

	it("finds a certificate good by OCSP, at the address that stands in it", async () => {
		const { code, stderr } = await strongSwan.verify(good);
		expect([code, stderr]).toEqual([0, expect.stringContaining("certificate status is good")]);
	});

	it("finds a revoked certificate revoked", async () => {
		const { code, stderr } = await strongSwan.verify(revoked);
		expect([code === 0, stderr]).toEqual([false, expect.stringMatching(/certificate was revoked.*key compromise/)]);
	});
});

describeUnless(lacks.certmonger, "certmonger's daemon", () => {
	it("enrolled with an operator's challenge, under the operator's names", () => {
		const certificate = read(held("certmonger").certificate);
		expect(certificate.subject).toMatch(/^CN=certmonger\.example\.com$/m);
		expect(certificate.publicKey.equals(publicKeyOf(held("certmonger").key))).toBe(true);
	});

	it("renews with a new key, though it still sends its spent challenge", async () => {
		const before = read(held("certmonger").certificate);
		await certmonger.getcert("rekey", "-i", "certmonger", "-w", "--wait-timeout=10");
		const said = await certmonger.status("certmonger", /status: MONITORING/);
		expect(said).not.toContain("ca-error");
		await expectRenewed(before, read(held("certmonger").certificate), held("certmonger").key, 19);
	});

	it("renews with the key that it has", async () => {
		const { certificate, key } = held("keeper");
		const before = read(certificate);
		await certmonger.getcert("resubmit", "-i", "keeper", "-w", "--wait-timeout=10");
		const said = await certmonger.status("keeper", /status: MONITORING/);
		expect(said).not.toContain("ca-error");
		await expectRenewed(before, read(certificate), key, 19);
	});

	it("waits for an operator, and fetches what was approved", async () => {
		const { certificate, key } = await certmonger.request("patient", server.challenge("patient-2.example.com"));
		await server.decide("approve");
		await certmonger.status("patient", /status: CA_WORKING/);
		expect(existsSync(certificate)).toBe(false);
		await certmonger.getcert("refresh", "-i", "patient");
		await certmonger.status("patient", /status: MONITORING/);
		expect(read(certificate).subject).toMatch(/^CN=patient-2\.example\.com$/m);
		expect(read(certificate).publicKey.equals(publicKeyOf(key))).toBe(true);
	});

	it("is told of a wrong challenge", async () => {
		const { certificate } = await certmonger.request("guess", "0".repeat(64));
		await certmonger.status("guess", /status: CA_REJECTED[\s\S]+not permitted/);
		expect(existsSync(certificate)).toBe(false);
	});
});

describeUnless(lacks.micromdm, "micromdm's scepclient", () => {
	it("knows single DES and SHA-1 alone: it is refused with badAlg, and its challenge is not spent", async () => {
		const challenge = server.challenge("des.example.com");
		const [key, certificate] = [server.path("des.key"), server.path("des.pem")];
		const files = ["-private-key", key, "-certificate", certificate];
		const { code, stdout, stderr } = await runProgram("scepclient", [
			...["-server-url", server.scep, "-challenge", challenge],
			...files,
		]);
		expect([code === 0, `${stdout}${stderr}`]).toEqual([false, expect.stringContaining("failInfo: badAlg (0)")]);
		expect(existsSync(certificate)).toBe(false);
		expect(await server.isSpent(challenge)).toBe(false);
	});
});

describeUnless(lacks.openssl, "openssl", () => {
	it("verifies the revocation list of each certificate's own address", async () => {
		const list = await fetchList(good);
		const printed = await runWell("openssl", [
			"crl",
			"-in",
			list,
			"-verify",
			"-CAfile",
			server.certificate("ca"),
			"-text",
		]);
		expect(printed.stderr).toContain("verify OK");
		expect(printed.stdout).toMatch(/Version 2 \(0x1\)[\s\S]+X509v3 CRL Number/);
		expect(printed.stdout).toMatch(
			new RegExp(`Serial Number: 0*${read(revoked).serialNumber}[\\s\\S]+CRL Reason Code: *\\n *Key Compromise`),
		);
	});

	it("verifies a certificate strictly, with its list fetched by itself", async () => {
		const args = ["verify", "-x509_strict", "-crl_check", "-crl_download", "-CAfile", server.certificate("root")];
		const untrusted = ["-untrusted", server.certificate("ca")];
		expect((await runWell("openssl", [...args, ...untrusted, good])).stdout).toContain(": OK");
		const { code, stderr } = await runProgram("openssl", [...args, ...untrusted, revoked]);
		expect([code === 0, stderr]).toEqual([false, expect.stringContaining("certificate revoked")]);
	});

	it.each([
		["sha1", []],
		["sha256", ["-sha256"]],
	])("asks by OCSP with a nonce, certID by %s", async (_, hash) => {
		const said = await ocsp(...hash, "-cert", good, "-cert", revoked);
		expect(said.stderr).toContain("Response verify OK");
		expect(said.stderr).not.toContain("WARNING");
		expect(said.stdout).toMatch(/good\.example\.com\.pem: good/);
		expect(said.stdout).toMatch(/revoked\.example\.com\.pem: revoked[\s\S]+Reason: keyCompromise/);
	});

	it("verifies an OCSP answer that was fetched by GET", async () => {
		const [request, response] = [server.path("ocsp.req"), server.path("ocsp.resp")];
		const named = ["-issuer", server.certificate("ca"), "-cert", good];
		await runWell("openssl", ["ocsp", ...named, "-no_nonce", "-reqout", request]);
		const base64 = encodeURIComponent(readFileSync(request).toString("base64"));
		const answer = await fetch(`${ocspAddress(good)}/${base64}`);
		expect(answer.headers.get("content-type")).toBe("application/ocsp-response");
		server.file("ocsp.resp", new Uint8Array(await answer.arrayBuffer()));
		const trust = ["-CAfile", server.certificate("root"), "-verify_other", server.certificate("ca")];
		const said = await runWell("openssl", ["ocsp", ...named, ...trust, "-respin", response]);
		expect([said.stderr, said.stdout]).toEqual([
			expect.stringContaining("Response verify OK"),
			expect.stringContaining(": good"),
		]);
	});
});

describeUnless(lacks.gnuTls, "GnuTLS", () => {
	it("reads a certificate and verifies its chain", async () => {
		const { stdout } = await runWell("certtool", ["--certificate-info", "--infile", good]);
		expect(stdout).toMatch(/TLS WWW Client/);
		expect(stdout).toContain(`${server.url}/crl/`);
		expect(stdout).toContain(`${server.url}/ocsp`);
		const chain = server.file("chain.pem", [good, server.certificate("ca")].map((path) => readFileSync(path)).join(""));
		const args = ["--verify", "--load-ca-certificate", server.certificate("root"), "--infile", chain];
		expect((await runWell("certtool", args)).stdout).toContain("Chain verification output: Verified.");
	});

	it("verifies the revocation list", async () => {
		const args = ["--verify-crl", "--load-ca-certificate", server.certificate("ca"), "--infile", await fetchList(good)];
		expect((await runWell("certtool", args)).stdout).toContain("Verification output: Verified.");
	});

	it("asks by OCSP at the address that stands in the certificate", async () => {
		const args = ["--ask", "--load-issuer", server.certificate("ca"), "--load-trust", server.certificate("ca")];
		const asked = await runProgram("ocsptool", [...args, "--load-cert", good]);
		expect(asked.stdout).toMatch(/Certificate Status: good/);
		expect(`${asked.stdout}${asked.stderr}`).toContain("Verifying OCSP Response: Success.");
		expect((await runProgram("ocsptool", [...args, "--load-cert", revoked])).stdout).toMatch(
			/Certificate Status: revoked/,
		);
	});
});

/** The public half of a key in a PEM file. */
const publicKeyOf = (path: string) => createPublicKey(readFileSync(path));

/** The list at the address in a certificate, as a PEM file. */
async function fetchList(certificate: string): Promise<string> {
	const { stdout } = await runWell("openssl", ["x509", "-in", certificate, "-noout", "-ext", "crlDistributionPoints"]);
	const answer = await fetch(/URI:(\S+)/.exec(stdout)?.[1] ?? "");
	expect(answer.headers.get("content-type")).toBe("application/pkix-crl");
	const der = server.file("list.crl", new Uint8Array(await answer.arrayBuffer()));
	await runWell("openssl", ["crl", "-inform", "DER", "-in", der, "-out", server.path("list.pem")]);
	return server.path("list.pem");
}

const ocspAddress = (certificate: string): string =>
	/OCSP - URI:(\S+)/.exec(read(certificate).infoAccess ?? "")?.[1] ?? "";

/** `openssl ocsp` at the address in a certificate. */
function ocsp(...args: readonly string[]) {
	const trust = ["-CAfile", server.certificate("root"), "-verify_other", server.certificate("ca")];
	const where = ["-url", ocspAddress(good), "-issuer", server.certificate("ca")];
	return runWell("openssl", ["ocsp", ...where, ...trust, ...args]);
}

/** For this key, by this messageType. */
async function expectRenewed(before: X509Certificate, after: X509Certificate, key: string, messageType: number) {
	expect(after.subject).toBe(before.subject);
	expect(after.subjectAltName).toBe(before.subjectAltName);
	expect(after.serialNumber).not.toBe(before.serialNumber);
	expect(Date.parse(after.validTo)).toBeGreaterThan(Date.parse(before.validTo));
	expect(after.publicKey.equals(publicKeyOf(key))).toBe(true);
	expect(await server.messageType(after.serialNumber)).toBe(messageType);
}

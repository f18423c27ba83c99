/** The emulated device's SCEP client: Apple's choices in tables, its messages against openssl, its judgement of replies. */
import { spawnSync } from "node:child_process";
import { createHash, createPublicKey, type KeyObject, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
	acceptCertRep,
	ber,
	buildCertificate,
	buildEnvelopedData,
	buildPkcsReq,
	buildSignedData,
	checkFingerprint,
	chooseCapabilities,
	DeviceError,
	enrollScep,
	openEnvelopedData,
	type PkcsReq,
	pemOf,
	pkiOperation,
	readCertificate,
	readScepPayload,
	type ScepServer,
	type SignedDataOptions,
	scepUrl,
	selectAuthorities,
	selectFrom,
	transactionIdOf,
	verifySignedData,
} from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";

interface Pair {
	certificate: Uint8Array;
	privateKey: KeyObject;
}

const newKey = (bits = 1024): KeyObject => newKeyPair("rsa", { modulusLength: bits }).privateKey;
const dates = { notBefore: new Date("2026-01-01"), notAfter: new Date("2036-01-01") };
const at = new Date("2026-11-22");

function make(commonName: string, issuer: Pair | undefined, more: object, key = newKey()): Pair {
	const options = { subject: [["CN", commonName]] as const, key, ...dates, ...(issuer ? { issuer } : {}), ...more };
	return { certificate: buildCertificate(options), privateKey: key };
}

let root: Pair;
let ca: Pair;
let ra: Pair;
let deviceKey: KeyObject;
let server: ScepServer;

beforeAll(() => {
	root = make("Root", undefined, { ca: {}, keyUsage: [5, 6] });
	ca = make("Issuing CA", root, { ca: { pathLen: 0 }, keyUsage: [5, 6] });
	ra = make("RA", ca, { keyUsage: [0, 2] }, newKey(2048));
	deviceKey = newKey();
	server = {
		authorities: selectFrom([ra.certificate, ca.certificate, root.certificate]),
		capabilities: chooseCapabilities("AES\nSHA-256\nPOSTPKIOperation\n"),
	};
});

describe("the choice among capabilities", () => {
	it.each<[string, string, string, string, boolean]>([
		["LF", "AES\nSHA-256\nSHA-512\nPOSTPKIOperation\n", "sha512", "aes-128-cbc", true],
		["CR LF", "SHA-256\r\nAES\r\n", "sha256", "aes-128-cbc", false],
		["CR alone", "SHA-1\rPOSTPKIOperation", "sha1", "des-ede3-cbc", true],
		["SHA-256 before SHA-1", "SHA-1\nSHA-256\nDES3\n", "sha256", "des-ede3-cbc", false],
		["a trailing blank breaks an item", "SHA-512 \nSHA-256\nAES \n", "sha256", "des-ede3-cbc", false],
		["letters' case counts", "sha-512\nSHA-1\naes\npostpkioperation\n", "sha1", "des-ede3-cbc", false],
		["SCEPStandard and SHA-384 are ignored", "SCEPStandard\nSHA-384\nSHA-1\n", "sha1", "des-ede3-cbc", false],
	])("%s", (_name, text, digest, cipher, post) => {
		expect(chooseCapabilities(text)).toMatchObject({ digest, cipher, post });
	});

	it.each(["", "AES\nPOSTPKIOperation\nSCEPStandard\n", "SHA-256 \n"])("no digest in %j is error 22006", (text) => {
		expect(() => chooseCapabilities(text)).toThrow(/22006/);
	});
});

describe("the choice of the RA", () => {
	const bag = (certificates: Uint8Array[]): Uint8Array =>
		buildSignedData({ content: new Uint8Array(0), detached: true, signers: [], certificates, encoding: "der" });

	it("is the first certificate below the top that may sign and encipher keys", () => {
		const second = make("RA 2", ca, { keyUsage: [0, 2] });
		const chosen = selectFrom([ca.certificate, ra.certificate, root.certificate, second.certificate]);
		expect([chosen.ra, chosen.top]).toEqual([ra.certificate, root.certificate]);
		const message = bag([ra.certificate, ca.certificate, root.certificate]);
		expect(selectAuthorities(message, "application/x-x509-ca-ra-cert").ra).toEqual(ra.certificate);
	});

	it("takes a lone certificate as it is", () => {
		const alone = selectAuthorities(root.certificate, "application/x-x509-ca-cert");
		expect([alone.ra, alone.top]).toEqual([root.certificate, root.certificate]);
	});

	it("passes over certificates without keyUsage, with one of the bits, and the top itself", () => {
		const bare = make("no keyUsage", ca, {});
		const signing = make("sign only", ca, { keyUsage: [0] });
		const enciphering = make("encipher only", ca, { keyUsage: [2] });
		const top = make("Top", undefined, { ca: {}, keyUsage: [0, 2, 5, 6] });
		const below = make("Below", top, { keyUsage: [0] });
		const useless = [bare, signing, enciphering].map((one) => one.certificate);
		expect(() => selectFrom([...useless, ca.certificate, root.certificate])).toThrow(/there is no RA/);
		expect(selectFrom([...useless, ra.certificate, ca.certificate, root.certificate]).ra).toEqual(ra.certificate);
		expect(() => selectFrom([top.certificate, below.certificate])).toThrow(/there is no RA/);
	});

	it("refuses two tops, and a chain with a link missing", () => {
		const stranger = make("Stranger", undefined, { ca: {}, keyUsage: [5, 6] });
		expect(() => selectFrom([ra.certificate, ca.certificate, root.certificate, stranger.certificate])).toThrow(
			/one top/,
		);
		expect(() => selectFrom([ra.certificate, root.certificate])).toThrow(/one top/);
	});

	it("compares CAFingerprint with the top certificate, SHA-1 alone", () => {
		const digest = (name: string, der: Uint8Array): Uint8Array => createHash(name).update(der).digest();
		expect(() => checkFingerprint(root.certificate, digest("sha1", root.certificate))).not.toThrow();
		expect(() => checkFingerprint(root.certificate, digest("sha1", ca.certificate))).toThrow(/not that of/);
		expect(() => checkFingerprint(root.certificate, digest("sha256", root.certificate))).toThrow(/20 bytes/);
	});
});

describe("the URL", () => {
	it("loses its whole query and gets message=<Name>", () => {
		const payload = { url: "https://ota.example.com/scep?kept=no", name: "Example CA & Co" };
		expect(scepUrl(payload, "GetCACert")).toBe(
			"https://ota.example.com/scep?operation=GetCACert&message=Example%20CA%20%26%20Co",
		);
		expect(scepUrl({ ...payload, name: "" }, "GetCACaps")).toMatch(/\?operation=GetCACaps&message=$/);
	});

	it("carries base64 with raw + and / by GET, and the bytes themselves by POST", async () => {
		const message = Uint8Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? 0xfb : 0xff));
		const requests: Request[] = [];
		const transport = async (request: Request): Promise<Response> => {
			requests.push(request);
			return new Response(Uint8Array.of(1), { headers: { "content-type": "application/x-pki-message" } });
		};
		await pkiOperation(transport, "https://ota.example.com/scep", message, false);
		await pkiOperation(transport, "https://ota.example.com/scep", message, true);
		const [get, post] = requests as [Request, Request];
		const base64 = Buffer.from(message).toString("base64");
		expect(base64).toMatch(/[+]/);
		expect(base64).toMatch(/[/]/);
		expect(get.url).toBe(`https://ota.example.com/scep?operation=PKIOperation&message=${base64}`);
		expect([post.method, post.headers.get("content-type")]).toEqual(["POST", "application/x-pki-message"]);
		expect(new Uint8Array(await post.arrayBuffer())).toEqual(message);
	});

	it.each(["application/x-pki-message; charset=utf-8", "text/html", ""])("refuses Content-Type %j", async (type) => {
		const transport = async (): Promise<Response> =>
			new Response(Uint8Array.of(1), { headers: type ? { "content-type": type } : {} });
		const answer = pkiOperation(transport, "https://ota.example.com/scep", Uint8Array.of(1), true);
		await expect(answer).rejects.toThrow(/exactly application\/x-pki-message/);
	});
});

describe("a PKCSReq", () => {
	let dir: string;
	beforeAll(() => {
		dir = mkdtempSync(join(tmpdir(), "device-scep-"));
		writeFileSync(join(dir, "ra.pem"), pemOf(ra.certificate));
		writeFileSync(join(dir, "ra.key"), ra.privateKey.export({ type: "pkcs8", format: "pem" }));
	});
	afterAll(() => rmSync(dir, { recursive: true }));
	const openssl = (args: string[], input: Uint8Array): Buffer =>
		spawnSync("openssl", args, { cwd: dir, input, stdio: ["pipe", "pipe", "pipe"] }).stdout;
	const text = (csr: Uint8Array): string => openssl(["req", "-inform", "DER", "-noout", "-text"], csr).toString();

	it("is verified, decrypted and read by openssl", () => {
		const request = buildPkcsReq({
			key: deviceKey,
			recipients: [ra.certificate],
			subject: [
				["O", "Example"],
				["CN", "alice"],
			],
			challenge: "s3cret",
			subjectAltName: { rfc822Name: "alice@example.com" },
		});
		const content = openssl(["cms", "-verify", "-inform", "DER", "-noverify", "-binary"], request.message);
		const decrypt = ["cms", "-decrypt", "-inform", "DER", "-binary", "-recip", "ra.pem", "-inkey", "ra.key"];
		expect(openssl(decrypt, content).equals(request.csr)).toBe(true);
		const words = text(request.csr);
		expect(words).toContain("Subject: O = Example, CN = alice");
		expect(words).toMatch(/challengePassword\s*:s3cret/);
		expect(words).toContain("Digital Signature, Key Encipherment");
		expect(words).toContain("email:alice@example.com");
	});

	it("has messageType 19, a nonce of 16 bytes, and the SHA-1 of the PKCS#1 key as transactionID", () => {
		const request = buildPkcsReq({ key: deviceKey, recipients: [ra.certificate] });
		const pkcs1 = createPublicKey(deviceKey).export({ type: "pkcs1", format: "der" });
		expect(request.transactionID).toBe(createHash("sha1").update(pkcs1).digest("hex").toUpperCase());
		expect(request.senderNonce).toHaveLength(16);
		const attributes = verifySignedData(request.message, "test").attributes;
		const value = (arc: number): string =>
			Buffer.from(attributes.get(`2.16.840.1.113733.1.9.${arc}`)?.[0]?.raw ?? []).toString("latin1");
		expect(value(2)).toBe("\x13\x0219");
		expect(value(7)).toBe(`\x13\x28${transactionIdOf(deviceKey)}`);
	});

	it.each([
		["iphone", /^CN=[0-9A-F-]{36}$/, [0, 2]],
		["mac", /^CN=MDM SCEP SIGNER$/, [0]],
	] as const)("is signed by the throw-away certificate of an %s", (signerStyle, subject, usage) => {
		const { signer } = buildPkcsReq({ key: deviceKey, recipients: [ra.certificate], signerStyle });
		const fields = readCertificate(signer.certificate);
		expect(fields.x509.subject).toMatch(subject);
		expect([...(fields.keyUsage ?? [])]).toEqual(usage);
		expect(fields.x509.verify(createPublicKey(deviceKey))).toBe(true);
	});

	it("takes any string type, several values or none as challenge", () => {
		const challenge = (["utf8", "printable", "ia5", "teletex", "bmp", "universal"] as const).map((type) => ({
			text: "abc",
			type,
		}));
		const base = { key: deviceKey, recipients: [ra.certificate] };
		const attribute = text(buildPkcsReq({ ...base, challenge }).csr);
		expect(attribute).toContain("challengePassword");
		expect(attribute.match(/:abc/g)?.length).toBeGreaterThanOrEqual(4);
		expect(text(buildPkcsReq(base).csr)).not.toContain("challengePassword");
		const { csr } = buildPkcsReq({ ...base, challenge: [{ text: "abc", type: "universal" }] });
		expect(Buffer.from(csr).includes(Buffer.from(ber.string("abc", "universal")))).toBe(true);
		expect(Buffer.from(ber.string("ab", "universal")).toString("hex")).toBe("1c080000006100000062");
	});

	it("may carry somebody else's public key, whose possession it cannot prove", () => {
		const publicKey = createPublicKey(ca.privateKey);
		const { csr } = buildPkcsReq({ key: deviceKey, publicKey, recipients: [ra.certificate] });
		const said = (input: Uint8Array): string =>
			spawnSync("openssl", ["req", "-inform", "DER", "-noout", "-verify"], { input }).stderr.toString();
		expect(said(csr)).toMatch(/verify failure/);
		expect(said(buildPkcsReq({ key: deviceKey, recipients: [ra.certificate] }).csr)).toMatch(/verify OK/);
	});

	it("bends: no signer, two signers, another bag, missing and doubled attributes, a trailing byte", () => {
		const base = { key: deviceKey, recipients: [ra.certificate] };
		const judge = (message: Uint8Array) => () => verifySignedData(message, "test");
		expect(judge(buildPkcsReq({ ...base, noSigner: true }).message)).toThrow(/not 0/);
		expect(judge(buildPkcsReq({ ...base, secondSigner: ra }).message)).toThrow(/not 2/);
		expect(judge(buildPkcsReq({ ...base, certificates: [ra.certificate] }).message)).toThrow(/not in the message/);
		expect(judge(buildPkcsReq({ ...base, signerInfo: { corruptSignature: true } }).message)).toThrow(/does not hold/);
		expect(judge(buildPkcsReq({ ...base, trailing: Uint8Array.of(0) }).message)).toThrow(/after the message/);
		expect(judge(buildPkcsReq({ ...base, signerInfo: { duplicate: ["messageType"] } }).message)).toThrow(/twice/);
		const lacking = buildPkcsReq({ ...base, signerInfo: { omit: ["senderNonce"] } });
		expect([...verifySignedData(lacking.message, "test").attributes.keys()]).not.toContain("2.16.840.1.113733.1.9.5");
		const short = buildPkcsReq({ ...base, messageType: "18", transactionID: "x", senderNonce: Uint8Array.of(1) });
		expect(short.transactionID).toBe("x");
	});
});

/** A CertRep as a server would make it, with whatever a test changes. */
interface Reply {
	pkiStatus?: string;
	messageType?: string;
	recipientNonce?: Uint8Array;
	signer?: Pair;
	inner?: Uint8Array[];
	attributes?: SignedDataOptions["signers"][number]["attributes"];
	failInfo?: string;
}

function certRep(request: PkcsReq, reply: Reply = {}): Uint8Array {
	const status = reply.pkiStatus ?? "0";
	const bag = buildSignedData({
		content: new Uint8Array(0),
		detached: true,
		signers: [],
		certificates: reply.inner ?? [issue()],
		encoding: "der",
	});
	const content = buildEnvelopedData({ content: bag, recipients: [request.signer.certificate], encoding: "der" });
	const signer = reply.signer ?? ra;
	const printable = (text: string): Uint8Array[] => [ber.string(text, "printable")];
	return buildSignedData({
		content: status === "0" ? content : new Uint8Array(0),
		signers: [
			{
				certificate: signer.certificate,
				key: signer.privateKey,
				attributes: [
					{ name: "messageType", values: printable(reply.messageType ?? "3") },
					{ name: "pkiStatus", values: printable(status) },
					{ name: "transactionID", values: printable(request.transactionID) },
					{ name: "recipientNonce", values: [ber.octetString(reply.recipientNonce ?? request.senderNonce)] },
					{ name: "senderNonce", values: [ber.octetString(new Uint8Array(randomBytes(16)))] },
					...(reply.failInfo ? [{ name: "failInfo" as const, values: printable(reply.failInfo) }] : []),
					...(reply.attributes ?? []),
				],
			},
		],
		certificates: [signer.certificate, ca.certificate],
		encoding: "der",
	});
}

const issue = (key = deviceKey, issuer = ca): Uint8Array =>
	make("alice", issuer, { keyUsage: [0, 2] }, key).certificate;

describe("a CertRep", () => {
	const judge = (reply: Reply): ReturnType<typeof acceptCertRep> => {
		const request = buildPkcsReq({ key: deviceKey, recipients: [ra.certificate], signerStyle: "mac" });
		return acceptCertRep(certRep(request, reply), request, deviceKey, server, at);
	};

	it("gives the identity with its chain up to the top", () => {
		const identity = judge({});
		expect(readCertificate(identity.certificate).x509.subject).toBe("CN=alice");
		expect(identity.chain).toEqual([ca.certificate, root.certificate]);
	});

	it("is refused when anything is not as Apple's client needs it", () => {
		const twin = make("RA", ca, { keyUsage: [0, 2] });
		const stranger = make("Stranger", undefined, { ca: {}, keyUsage: [5, 6] });
		const utf8Status = { name: "failInfo" as const, values: [ber.string("2", "utf8")] };
		const cases: [Reply, RegExp][] = [
			[{ signer: twin }, /not the RA or CA/],
			[{ messageType: "19" }, /must be 3/],
			[{ recipientNonce: new Uint8Array(16) }, /recipientNonce is not ours/],
			[{ pkiStatus: "1" }, /must be 0, 2 or 3/],
			[{ pkiStatus: "2" }, /must say its failInfo/],
			[{ pkiStatus: "2", attributes: [utf8Status] }, /failInfo must be a PrintableString/],
			[{ pkiStatus: "3" }, /pending/],
			[{ inner: [ca.certificate, issue()] }, /not for this device's key/],
			[{ inner: [issue(deviceKey, stranger)] }, /does not chain/],
			[{ inner: [] }, /carries no certificate/],
		];
		for (const [reply, words] of cases) {
			expect(() => judge(reply)).toThrow(DeviceError);
			expect(() => judge(reply)).toThrow(words);
		}
	});

	it("tells a refusal by its failInfo", () => {
		const failInfoText = { name: "failInfoText" as const, values: [ber.string("The challenge is not valid.")] };
		const refusal = ((): unknown => {
			try {
				return judge({ pkiStatus: "2", failInfo: "2", attributes: [failInfoText] });
			} catch (error) {
				return error;
			}
		})();
		expect(refusal).toBeInstanceOf(DeviceError);
		expect(refusal).toMatchObject({ failInfo: 2, message: expect.stringContaining("badRequest (2): The challenge") });
	});
});

describe("the enrollment of a payload", () => {
	it("asks for certificates and capabilities twice, and makes a new key for each attempt", async () => {
		const payload = readScepPayload(
			{
				PayloadType: "com.apple.security.scep",
				PayloadVersion: 1,
				PayloadIdentifier: "com.example.scep",
				PayloadUUID: "8B9E7D0C-0000-4000-8000-000000000000",
				PayloadContent: {
					URL: "https://ota.example.com/scep",
					Name: "Example",
					Subject: [[["O", "Example"]], [["CN", "alice"]]],
					Challenge: "s3cret",
					Keysize: 1024,
					"Key Type": "RSA",
					"Key Usage": 5,
				},
			},
			"test",
		);
		const asked: string[] = [];
		const transactions = new Set<string>();
		const transport = async (request: Request): Promise<Response> => {
			const operation = new URL(request.url).searchParams.get("operation") ?? "";
			asked.push(`${request.method} ${operation}`);
			const reply = (body: Uint8Array, type: string): Response =>
				new Response(new Uint8Array(body), { headers: { "content-type": type } });
			if (operation === "GetCACaps") return reply(Buffer.from("AES\nSHA-256\nPOSTPKIOperation\n"), "text/plain");
			if (operation === "GetCACert") {
				const certificates = [ra.certificate, ca.certificate, root.certificate];
				const content = new Uint8Array(0);
				const bag = buildSignedData({ content, detached: true, signers: [], certificates, encoding: "der" });
				return reply(bag, "application/x-x509-ca-ra-cert");
			}
			const verified = verifySignedData(new Uint8Array(await request.arrayBuffer()), "server");
			const csr = openEnvelopedData(verified.content ?? new Uint8Array(0), ra, "server").content;
			expect(Buffer.from(csr).includes("s3cret")).toBe(true);
			const key = readCertificate(verified.signer).x509.publicKey;
			const transactionID = transactionIdOf(key);
			transactions.add(transactionID);
			const nonce = verified.attributes.get("2.16.840.1.113733.1.9.5")?.[0]?.raw.slice(2);
			const answered = {
				transactionID,
				senderNonce: nonce ?? new Uint8Array(0),
				signer: { certificate: verified.signer },
			};
			const issued = buildCertificate({ subject: [["CN", "alice"]], key, issuer: ca, ...dates, keyUsage: [0, 2] });
			return reply(certRep(answered as PkcsReq, { inner: [issued] }), "application/x-pki-message");
		};
		const first = await enrollScep({ transport, payload, at });
		const second = await enrollScep({ transport, payload, at });
		expect(asked.slice(0, 5)).toEqual([
			"GET GetCACert",
			"GET GetCACaps",
			"GET GetCACert",
			"GET GetCACaps",
			"POST PKIOperation",
		]);
		expect(transactions.size).toBe(2);
		expect(first.certificate).not.toEqual(second.certificate);
	});
});

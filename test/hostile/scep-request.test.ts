/** /scep under attack: the request inside the envelope, its challenge, and many at once; and the operations over HTTP. */
import { createHash, generatePrimeSync, type KeyObject, randomBytes, X509Certificate } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { Certificate } from "pkijs";
import {
	ber,
	type DeviceSession,
	issueDeviceIdentity,
	type Name,
	oids,
	type PkcsReqOptions,
	publicKeyInfo,
} from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { rsaKey } from "../device/rsa-keys.ts";
import { bytesOf, cpuTime, failInfo, payloadOf, ScepAttacker } from "./scep-attacker.ts";

const { badAlg, badMessageCheck, badRequest } = failInfo;

let attacker: ScepAttacker;
beforeAll(async () => {
	attacker = await ScepAttacker.start();
});
afterEach(() => {
	attacker.ota.clock.offset = 0;
});
afterAll(async () => {
	// Whatever was refused with this challenge, it is as good as on the first day.
	await attacker.issued(attacker.request(), attacker.spare);
});

const failureOf = async (bend: Partial<PkcsReqOptions>, key = attacker.spare) =>
	(await attacker.failure(attacker.request(bend, key))).failInfo;

const hashOf = (key: KeyObject): string => createHash("sha256").update(publicKeyInfo(key)).digest("hex");
const certificatesOf = (key: KeyObject) =>
	[...attacker.ota.memory.certificates.values()].filter(({ publicKeyHash }) => publicKeyHash === hashOf(key));

/** What the server chose for this device's owner, and nothing else. */
function expectOwnNames(certificate: X509Certificate, session: DeviceSession): void {
	const subject = ["O=Example & Söhne", "CN=alice@example.com", `serialNumber=${session.serialNumber}`];
	expect(certificate.subject.split("\n")).toEqual(subject);
	expect(certificate.subjectAltName).toBe("email:alice@example.com");
	expect(certificate.ca).toBe(false);
	expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.4"]);
	const { extensions = [] } = Certificate.fromBER(new Uint8Array(certificate.raw));
	const arcs = ["14", "15", "17", "19", "31", "35", "37"].map((arc) => `2.5.29.${arc}`);
	const expected = ["1.3.6.1.5.5.7.1.1", ...arcs];
	expect(extensions.map(({ extnID }) => extnID).sort()).toEqual(expected);
	const usage = extensions.find(({ extnID }) => extnID === oids.keyUsage)?.extnValue.valueBlock.valueHexView;
	expect(Buffer.from(usage ?? []).toString("hex")).toBe("030205a0");
}

describe("a certification request", () => {
	it("S21 for somebody else's public key, or with a broken signature, is a badMessageCheck", async () => {
		expect(await failureOf({ publicKey: attacker.other })).toBe(badMessageCheck);
		expect(await failureOf({ corruptSignature: true })).toBe(badMessageCheck);
	});

	const victim: Name = [
		["O", "Example & Söhne"],
		["CN", "admin@example.com"],
	];
	it.each<[string, Partial<PkcsReqOptions>]>([
		["S24 in another person's name", { subject: victim }],
		[
			"S24 with an administrator's e-mail, host and principal",
			{
				subjectAltName: {
					rfc822Name: "admin@example.com",
					dNSName: "ota.example.com",
					uniformResourceIdentifier: "https://ota.example.com/admin",
					ntPrincipalName: "admin@example.com",
				},
			},
		],
		["S25 that asks to be a CA", { extensions: [caExtension()], keyUsage: [0, 5, 6] }],
		["S25 that asks to sign OCSP", { extensions: [ber.extension(oids.extKeyUsage, ocspSigning())] }],
		["S25 with 100 unknown critical extensions", { extensions: unknownExtensions(100) }],
		["S25 with no key usage", { keyUsage: null }],
		["of version 2, signed by another key than it certifies", { version: 2 }],
	])("%s gets a certificate with the server's names alone", async (_, bend) => {
		const { session, sent, key } = await attacker.fresh({ ...bend, signerKey: attacker.other });
		expectOwnNames(await attacker.issued(sent, key), session);
	});

	it("S38 in the name of the CA gets a certificate with the server's names alone", async () => {
		const subject = new X509Certificate(attacker.ota.keys.authorities.ca).subject
			.split("\n")
			.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)] as const);
		const { session, sent, key } = await attacker.fresh({ subject });
		expectOwnNames(await attacker.issued(sent, key), session);
	});

	it.each(["root", "ca", "ra", "profile"] as const)("S26 for the key of our %s is a badRequest", async (role) => {
		expect(await failureOf({}, attacker.ota.keys.private[role])).toBe(badRequest);
	});

	it("S26 for the key of the device CA, or of a device's built-in identity, is a badRequest", async () => {
		expect(await failureOf({}, attacker.ota.authority.deviceCaKey)).toBe(badRequest);
		expect(await failureOf({}, issueDeviceIdentity(attacker.ota.authority).privateKey)).toBe(badRequest);
	});

	it("S26 for a key that has a certificate is a badRequest, and an audit event", async () => {
		const { sent, key } = await attacker.fresh();
		await attacker.issued(sent, key);
		expect(await failureOf({}, key)).toBe(badRequest);
		expect(attacker.ota.memory.events.at(-1)).toMatchObject({ event: "refused", detail: { code: "key_policy" } });
	});

	it.each<[string, () => KeyObject, number]>([
		["RSA of 1024 bits", () => newKeyPair("rsa", { modulusLength: 1024 }).privateKey, badRequest],
		["RSA of 2047 bits", () => newKeyPair("rsa", { modulusLength: 2047 }).privateKey, badRequest],
		["RSA with exponent 3", () => newKeyPair("rsa", { modulusLength: 2048, publicExponent: 3 }).privateKey, badRequest],
		["RSA with a small factor", smallFactor, badRequest],
		["P-256", () => newKeyPair("ec", { namedCurve: "P-256" }).privateKey, badAlg],
		["secp256k1", () => newKeyPair("ec", { namedCurve: "secp256k1" }).privateKey, badAlg],
		["P-256 in explicit parameters", explicitCurve, badAlg],
	])("S27 S28 for a key of %s is refused", async (_, make, expected) => {
		const key = make();
		const sent = attacker.request({ signerKey: attacker.spare, transactionID: "1" }, key);
		let reply: { failInfo: number | null } | null = null;
		const time = await cpuTime(async () => {
			reply = await attacker.failure(sent);
		});
		expect(reply).toMatchObject({ failInfo: expected });
		expect(time).toBeLessThan(200);
	});
});

function caExtension(): Uint8Array {
	return ber.extension(oids.basicConstraints, ber.sequence(ber.boolean(true), ber.integer(3)), true);
}
function ocspSigning(): Uint8Array {
	return ber.sequence(ber.oid("1.3.6.1.5.5.7.3.9"));
}
function unknownExtensions(count: number): Uint8Array[] {
	return Array.from({ length: count }, (_, at) => ber.extension(`1.3.6.1.4.1.99999.${at}`, ber.boolean(true), true));
}
/** The product of 751 and a prime: a key that works and is easily broken. */
function smallFactor(): KeyObject {
	for (;;) {
		const prime = generatePrimeSync(2038, { bigint: true });
		if ((751n * prime).toString(2).length === 2048) return rsaKey(751n, prime);
	}
}
function explicitCurve(): KeyObject {
	return newKeyPair("ec", { namedCurve: "P-256", paramEncoding: "explicit" }).privateKey;
}

describe("its challenge", () => {
	const challenge = (): string => payloadOf(attacker.device).challenge as string;

	it.each<[string, () => PkcsReqOptions["challenge"]]>([
		["absent", () => []],
		["empty", () => ""],
		['"null"', () => "null"],
		["of 40 kB", () => "a".repeat(40_000)],
		["there twice", () => [1, 2].map(() => ({ text: challenge(), type: "printable" as const }))],
		["in upper case", () => challenge().toUpperCase()],
		["cut short", () => challenge().slice(0, -1)],
		["followed by a blank", () => `${challenge()} `],
		["a wrong BMPString", () => [{ text: `${challenge()}0`, type: "bmp" }]],
		["what the database holds of the good one", () => createHash("sha256").update(challenge()).digest("hex")],
	])("S22 that is %s is a badRequest", async (_, text) => {
		expect(await failureOf({ challenge: text() })).toBe(badRequest);
	});

	it("S22 of a megabyte is too large", async () => {
		await attacker.notUnderstood(attacker.request({ challenge: "a".repeat(1 << 20) }).message, 413);
	});

	it.each(["utf8", "printable", "ia5", "teletex", "bmp", "universal"] as const)(
		"S22 that is right counts as a %s string as well",
		async (type) => {
			const session = await attacker.ota.identified();
			const key = attacker.nextKey();
			const text = payloadOf(session).challenge as string;
			await attacker.issued(attacker.request({ challenge: [{ text, type }] }, key, session), key);
		},
	);

	it("S23 is refused alike when it is unknown, spent, of another purpose, withdrawn, cancelled or late", async () => {
		const { memory, clock } = attacker.ota;
		const spent = await attacker.fresh();
		await attacker.issued(spent.sent, spent.key);
		const late = await attacker.fresh();
		const withdrawn = await attacker.fresh();
		await withdrawn.session.sendDeviceResponse();
		const cancelled = await attacker.fresh();
		const row = [...memory.enrollments.values()].find(({ udid }) => udid === cancelled.session.udid);
		if (row) memory.enrollments.set(row.id, { ...row, state: "cancelled" });

		const enrollChallenge = attacker.device.profileService?.challenge as string;
		const replies = [
			await attacker.failure(attacker.request({ challenge: randomBytes(32).toString("hex") })),
			await attacker.failure(attacker.request({}, attacker.spare, spent.session)),
			await attacker.failure(attacker.request({ challenge: enrollChallenge })),
			await attacker.failure(withdrawn.sent),
			await attacker.failure(cancelled.sent),
		];
		clock.offset = 20 * 60_000 + 1000;
		replies.push(await attacker.failure(late.sent));
		const [first] = replies;
		expect(first).toMatchObject({ failInfo: badRequest, failInfoText: expect.stringContaining("challenge") });
		for (const reply of replies) expect(reply).toEqual(first);
	});
});

describe("the same again", () => {
	it("S30 64 times at once gives one certificate 64 times", async () => {
		const { sent, key } = await attacker.fresh();
		const answers = await Promise.all(Array.from({ length: 64 }, () => attacker.ota.postScep(sent.message)));
		const bodies = await Promise.all(answers.map(bytesOf));
		const serials = bodies.map((body) => attacker.accepted(body, sent, key).fingerprint256);
		expect(new Set(serials).size).toBe(1);
		expect(certificatesOf(key)).toHaveLength(1);
		expect((await attacker.issued(sent, key)).fingerprint256).toBe(serials[0]);
	});

	it("S30 in another message with the same key and challenge gives the same certificate", async () => {
		const { sent, key, session } = await attacker.fresh();
		const first = await attacker.issued(sent, key);
		const again = attacker.request({ transactionID: "another", signerKey: attacker.other }, key, session);
		expect((await attacker.issued(again, key)).fingerprint256).toBe(first.fingerprint256);
	});

	it("S31 transactionID with another key is judged by its own challenge", async () => {
		const transactionID = "17";
		const [mine, theirs] = [await attacker.fresh({ transactionID }), await attacker.fresh({ transactionID })];
		const first = await attacker.issued(mine.sent, mine.key);
		const second = await attacker.issued(theirs.sent, theirs.key);
		expect(second.fingerprint256).not.toBe(first.fingerprint256);
		expect(await failureOf({ transactionID, challenge: payloadOf(mine.session).challenge as string })).toBe(badRequest);
	});

	it("S32 challenge by 64 keys at once gives one certificate", async () => {
		const session = await attacker.ota.identified();
		const all = Array.from({ length: 64 }, () => {
			const key = attacker.nextKey();
			return { key, sent: attacker.request({ signerKey: attacker.other }, key, session) };
		});
		const bodies = await Promise.all(all.map(async ({ sent }) => bytesOf(await attacker.ota.postScep(sent.message))));
		const replies = bodies.map((body, at) => attacker.read((all[at] as (typeof all)[0]).sent, body));
		const refused = replies.filter(({ pkiStatus }) => pkiStatus === "2");
		expect(refused).toHaveLength(63);
		expect(new Set(refused.map((reply) => reply.failInfo))).toEqual(new Set([badRequest]));
		expect(all.flatMap(({ key }) => certificatesOf(key))).toHaveLength(1);
	});

	it.each([1, 8, 16, 64])("S34 echoes a senderNonce of %i octets and draws its own", async (length) => {
		const reply = await attacker.failure(attacker.request({ senderNonce: randomBytes(length), messageType: "18" }));
		expect(reply.failInfo).toBe(badRequest);
	});
});

describe("an operation over HTTP", () => {
	const get = (query: string) => attacker.ota.request(`/scep${query}`);
	const base64 = (message: Uint8Array): string => Buffer.from(message).toString("base64");
	/** A message whose base64 has both characters that URLs treat specially. */
	const spelled = async () => {
		const { sent, key } = await attacker.fresh();
		expect(base64(sent.message)).toMatch(/\+.*\/|\/.*\+/);
		return { sent, key, text: base64(sent.message) };
	};

	it("S39 takes a GET message as clients spell it", async () => {
		const { sent, key, text } = await spelled();
		const spellings = [
			text,
			encodeURIComponent(text),
			text.replaceAll("+", "%20"),
			text.replaceAll("+", "%2B").replaceAll("/", "%2f"),
			(text.match(/.{1,64}/g) ?? []).join("%0A"),
			text.replace(/=+$/, ""),
		];
		const prints = new Set<string>();
		for (const one of spellings) {
			const answer = await get(`?operation=PKIOperation&message=${one}`);
			prints.add(attacker.accepted(await bytesOf(answer), sent, key).fingerprint256);
		}
		expect(prints.size).toBe(1);
	});

	it.each<[string, (text: string) => string]>([
		["missing", () => ""],
		["empty", () => "&message="],
		["there twice", (text) => `&message=${text}&message=${text}`],
		["in base64url", (text) => `&message=${text.replaceAll("+", "-").replaceAll("/", "_")}`],
		["escaped twice", (text) => `&message=${encodeURIComponent(encodeURIComponent(text))}`],
		["no base64", () => "&message=%7B%22a%22%3A1%7D"],
		["with a broken escape", (text) => `&message=${text}%`],
		["with NUL", (text) => `&message=${text}%00`],
		["of 20 KiB", () => `&message=${"A".repeat(20 * 1024)}`],
	])("S39 does not understand a GET message that is %s", async (_, query) => {
		const { text } = await spelled();
		const { status } = await attacker.ota.refused(() => get(`?operation=PKIOperation${query(text)}`));
		expect(status).toBe(400);
	});

	it.each<[string, string, string, number]>([
		["no operation", "GET", "", 400],
		["an empty operation", "GET", "?operation=", 400],
		["pkioperation", "GET", "?operation=pkioperation", 400],
		["two operations", "GET", "?operation=GetCACaps&operation=PKIOperation", 400],
		["the operation in other letters", "GET", "?Operation=GetCACaps", 400],
		["a prototype's name", "GET", "?operation=constructor", 400],
		["GetNextCACert", "GET", "?operation=GetNextCACert", 404],
		["GetCACert by POST", "POST", "?operation=GetCACert", 405],
		["GetCACaps by PUT", "PUT", "?operation=GetCACaps", 405],
		["PKIOperation by DELETE", "DELETE", "?operation=PKIOperation", 405],
	])("S40 refuses %s", async (_, method, query, status) => {
		const init = method === "POST" ? { method, body: "x" } : { method };
		const answer = await attacker.ota.refused(() => attacker.ota.request(`/scep${query}`, init));
		expect(answer.status).toBe(status);
		expect(answer.headers.has("allow")).toBe(status === 405);
	});
});

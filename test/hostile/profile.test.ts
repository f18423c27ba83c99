/** /profile under attack: each case by its name in the list of hostile cases, through the handlers. */
import { type KeyObject, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import type { Code } from "../../lib/errors.ts";
import type { Certificate } from "../../lib/ports.ts";
import {
	ber,
	buildCertificate,
	buildDeviceResponse,
	type DeviceAuthority,
	type DeviceResponseOptions,
	type DeviceSession,
	generateDeviceAuthority,
	type Identity,
	issueDeviceIdentity,
	knownAttributes,
	type Name,
	oids,
	readCertificate,
	readIdentityProfile,
	readPem,
} from "../device/index.ts";
import { rsaKeySource } from "../device/rsa-keys.ts";
import { type WatchedOta, watchedOta } from "../harness/watched-ota.ts";

const nextKey = rsaKeySource();
let ota: WatchedOta;
/** An Apple of our own whose root key is at hand, with a second CA under the root. */
let apple: { authority: DeviceAuthority; developerCa: { certificate: Uint8Array; privateKey: KeyObject } };

beforeAll(async () => {
	apple = makeApple();
	ota = await watchedOta({ authority: apple.authority });
});

afterEach(() => {
	ota.clock.offset = 0;
});

function makeApple(): typeof apple {
	const dates = { notBefore: new Date("2020-01-01"), notAfter: new Date("2040-01-01"), keyUsage: [5, 6], ca: {} };
	const named = (commonName: string): Name => [["CN", commonName]];
	const key = nextKey();
	const root = { certificate: buildCertificate({ subject: named("Root CA"), key, ...dates }), privateKey: key };
	const under = (commonName: string) => {
		const privateKey = nextKey();
		const subject = named(commonName);
		return { certificate: buildCertificate({ subject, key: privateKey, issuer: root, ...dates }), privateKey };
	};
	const [deviceCa, developerCa] = [under("Device CA"), under("Worldwide Developer Relations CA")];
	const authority: DeviceAuthority = {
		root: root.certificate,
		iPhoneAuthority: root.certificate,
		deviceCa: deviceCa.certificate,
		deviceCaKey: deviceCa.privateKey,
	};
	return { authority, developerCa };
}

/** A device that has its profile service and has not answered. */
async function started(): Promise<DeviceSession> {
	const device = ota.device({ keys: nextKey });
	await device.fetchRoot();
	await device.fetchProfileService();
	return device;
}
/** A device that has its identity and has not asked for its profile. */
async function certified(): Promise<DeviceSession> {
	const device = await ota.identified({ keys: nextKey });
	await device.enrollIdentity();
	return device;
}

async function refused(message: Uint8Array, status: number, code?: Code): Promise<void> {
	const answer = await ota.refused(() => ota.postProfile(message));
	expect(answer.headers.get("content-type")).toBe("application/problem+json");
	expect(answer.body.length).toBeLessThanOrEqual(400);
	const problem = JSON.parse(Buffer.from(answer.body).toString("utf8"));
	expect(problem).toMatchObject({ status: answer.status, code: answer.line.code, id: answer.line.id });
	expect(answer.status).toBe(status);
	if (code) expect(problem.code).toBe(code);
}

/** The device response of a device that has not answered, bent; it must be refused, and the good one then be taken. */
async function refusedResponse(bend: Partial<DeviceResponseOptions>, status: number, code?: Code): Promise<void> {
	const device = await started();
	await refused(device.buildDeviceResponse(bend), status, code);
	await device.sendDeviceResponse();
}

const attributesOf = (device: DeviceSession) => knownAttributes("iphone", device.udid, device.serialNumber);

describe("the signer of a device response", () => {
	const leaf = (issuer?: { certificate: Uint8Array; privateKey: KeyObject }): Identity =>
		issueDeviceIdentity(apple.authority, issuer ? { issuer } : {});

	it("P01 that signed its own certificate is refused", async () => {
		const key = nextKey();
		const dates = { notBefore: new Date("2024-01-01"), notAfter: new Date("2034-01-01") };
		const certificate = buildCertificate({ subject: [["CN", "device"]], key, ...dates });
		const identity = { certificate, privateKey: key, chain: [] };
		await refusedResponse({ identity }, 403, "signer_untrusted");
		await refusedResponse({ identity, extraCertificates: leaf().chain }, 403, "signer_untrusted");
	});

	it("P02 of a fake device CA that the message carries is refused", async () => {
		const identity = issueDeviceIdentity(generateDeviceAuthority());
		await refusedResponse({ identity }, 403, "signer_untrusted");
		const key = nextKey();
		const { x509 } = readCertificate(apple.authority.deviceCa);
		const subject: Name = [["CN", x509.subject.slice("CN=".length)]];
		const dates = { notBefore: new Date("2020-01-01"), notAfter: new Date("2040-01-01"), ca: {} };
		const twin = { certificate: buildCertificate({ subject, key, ...dates }), privateKey: key };
		await refusedResponse({ identity: leaf(twin) }, 403, "signer_untrusted");
	});

	it("P03 of another CA under the same root is refused", () =>
		refusedResponse({ identity: leaf(apple.developerCa) }, 403, "signer_untrusted"));

	it("P04 below a device's certificate that plays the CA is refused", () =>
		refusedResponse({ identity: leaf(leaf()) }, 403, "signer_untrusted"));

	it("is refused when its certificate is a CA, has a malformed key identifier or an unknown critical extension", async () => {
		const unknown = ber.extension("1.2.3.4", ber.boolean(true), true);
		const bent = [
			{ ca: {} },
			{ authorityKeyIdentifier: "malformed" as const },
			{ keyUsage: [2] },
			{ extensions: [unknown] },
		];
		for (const options of bent) {
			await refusedResponse({ identity: issueDeviceIdentity(apple.authority, options) }, 403, "signer_untrusted");
		}
	});
});

describe("the signature of a device response", () => {
	it("P05 over other content, or with another content's messageDigest, is refused", async () => {
		const other = Buffer.from("<plist/>");
		await refusedResponse({ signedData: { contentAfterSigning: other } }, 403, "signature");
		await refusedResponse({ signerInfo: { messageDigest: randomBytes(20) } }, 403, "signature");
		await refusedResponse({ signerInfo: { corruptSignature: true } }, 403, "signature");
	});

	it("P06 that is detached is not understood, whatever comes beside it", async () => {
		await refusedResponse({ signedData: { detached: true } }, 400, "malformed");
		const device = await started();
		const plist = Buffer.from('<?xml version="1.0"?><plist version="1.0"><dict/></plist>');
		const detached = device.buildDeviceResponse({ signedData: { detached: true } });
		await refused(Buffer.concat([detached, plist]), 400, "malformed");
		await refused(Buffer.concat([device.buildDeviceResponse(), plist]), 400, "malformed");
		const answer = await ota.refused(() => ota.postProfile(detached, "multipart/signed; boundary=x"));
		expect(answer.status).toBe(415);
	});

	it("P07 over a TSTInfo is not understood", () =>
		refusedResponse({ signedData: { eContentType: oids.tstInfo } }, 400, "malformed"));

	it("P24 with MD5 is refused; with SHA-1, as Apple's own are, it is taken", async () => {
		await refusedResponse({ digest: "md5" }, 400, "algorithm");
		const device = await started();
		await device.sendDeviceResponse({ digest: "sha1" });
	});
});

describe("a device response", () => {
	it("P08 again is answered by the retry rule, refused after delivery and after expiry", async () => {
		const device = await started();
		const message = device.buildDeviceResponse();
		const challenges: unknown[] = [];
		for (let round = 0; round < 2; round++) {
			const profile = await device.postProfile("device response", message);
			device.identityPayload = readIdentityProfile(device.verifyProfile(profile, "identity profile"));
			challenges.push(device.identityPayload.challenge);
		}
		expect(challenges[0]).not.toBe(challenges[1]);
		expect(liveScepChallenges(device)).toBe(1);

		ota.clock.offset = 20 * 60_000;
		await refused(message, 410, "expired");
		ota.clock.offset = 0;
		await device.enrollIdentity();
		await device.sendProfileRequest();
		await refused(message, 409, "conflict");
		ota.clock.offset = 20 * 60_000;
		await refused(message, 410, "expired");
	});

	it("P09 with another's challenge, with none, or with one of another form is refused", async () => {
		const neighbour = await ota.identified();
		const theirs = neighbour.profileService?.challenge as string;
		const own = await started();
		const text = own.profileService?.challenge as string;
		const cases: [Partial<DeviceResponseOptions>, number][] = [
			[{ challenge: theirs }, 403],
			[{ challenge: neighbour.identityPayload?.challenge as string }, 403],
			[{ challenge: randomBytes(32).toString("hex") }, 403],
			[{ challenge: "" }, 403],
			[{ challenge: text.toUpperCase() }, 403],
			[{ challenge: [text] }, 400],
			[{ challenge: { text } }, 400],
			[{ challenge: 1 }, 400],
			[{ challenge: true }, 400],
			[{ challenge: text.repeat(3) }, 400],
		];
		for (const [bend, status] of cases) await refused(own.buildDeviceResponse(bend), status);
		const bare = { identity: own.builtIn, attributes: attributesOf(own) };
		await refused(buildDeviceResponse(bare), 403, "challenge");
		const lower = { ...attributesOf(own), Challenge: text };
		await refused(buildDeviceResponse({ ...bare, attributes: lower }), 403, "challenge");
		await own.sendDeviceResponse({ challenge: Buffer.from(text) });
	});

	it("P10 with another UDID than the first time is refused", async () => {
		const device = await ota.identified();
		const attributes = { ...attributesOf(device), UDID: "00008110-000A1B2C3D4E801E" };
		await refused(device.buildDeviceResponse({ attributes }), 409, "device_mismatch");
	});

	it("is refused at 20 minutes, and not a second before", async () => {
		const [early, late] = [await started(), await started()];
		ota.clock.offset = 20 * 60_000 - 30_000;
		await early.sendDeviceResponse();
		ota.clock.offset = 20 * 60_000;
		await refused(late.buildDeviceResponse(), 410, "expired");
	});
});

function liveScepChallenges(device: DeviceSession): number {
	const { enrollments, challenges } = ota.memory;
	const ids = [...enrollments.values()].filter(({ udid }) => udid === device.udid).map(({ id }) => id);
	const live = [...challenges.values()].filter(({ usedAt, withdrawnAt }) => !usedAt && !withdrawnAt);
	return live.filter(({ enrollmentId, purpose }) => ids.includes(enrollmentId) && purpose !== "enroll").length;
}

describe("a profile request", () => {
	const rowOf = ({ identity }: DeviceSession): Certificate => {
		const { serialHex } = readCertificate((identity as Identity).certificate);
		return ota.memory.certificates.get(serialHex) as Certificate;
	};

	it("P11 by the identity of another enrollment is refused", async () => {
		const [mine, theirs] = [await certified(), await certified()];
		const message = mine.buildProfileRequest({ identity: theirs.identity as Identity });
		await refused(message, 403, "unknown_certificate");
		const attributes = { ...attributesOf(mine), SERIAL: theirs.serialNumber };
		await refused(mine.buildProfileRequest({ attributes }), 403, "unknown_certificate");
		await mine.sendProfileRequest();
	});

	it("P12 by a revoked identity is refused", async () => {
		const device = await certified();
		const message = device.buildProfileRequest();
		await device.sendDeviceResponse();
		expect(rowOf(device)).toMatchObject({ state: "revoked", revocationReason: 4 });
		await refused(message, 403, "unknown_certificate");
	});

	it("P12 P24 by an expired identity is refused", async () => {
		const device = await certified();
		ota.clock.offset = 399 * 86_400_000;
		await refused(device.buildProfileRequest(), 403, "time");
		ota.clock.offset = 0;
		await device.sendProfileRequest();
	});

	it.each([
		["abandoned", { state: "abandoned", der: null }, 403, "unknown_certificate"],
		["P14 not committed", { state: "reserved", der: null }, 409, "conflict"],
		["stored as another's", { der: Uint8Array.of(0x30, 0) }, 403, "unknown_certificate"],
	] as const)("P12 by an identity that is %s is refused", async (_, change, status, code) => {
		const device = await certified();
		const row = rowOf(device);
		ota.memory.certificates.set(row.serialNumber, { ...row, ...change });
		await refused(device.buildProfileRequest(), status, code);
		ota.memory.certificates.set(row.serialNumber, row);
		await device.sendProfileRequest();
	});

	it("P12 by a certificate of our CA's key that is not in the database is refused", async () => {
		const device = await certified();
		const issuer = { certificate: certificateOf("ca"), privateKey: ota.keys.private.ca };
		const dates = { notBefore: new Date(Date.now() - 1000), notAfter: new Date(Date.now() + 86_400_000) };
		const key = nextKey();
		const forged = buildCertificate({
			subject: [["CN", "alice@example.com"]],
			key,
			issuer,
			keyUsage: [0, 2],
			...dates,
		});
		const identity = { certificate: forged, privateKey: key, chain: [] };
		await refused(device.buildProfileRequest({ identity }), 403, "unknown_certificate");
		const serialNumber = Buffer.from(rowOf(device).serialNumber, "hex");
		const twin = buildCertificate({ subject: [["CN", "x"]], key, issuer, serialNumber, ...dates });
		const sameSerial = { certificate: twin, privateKey: key, chain: [] };
		await refused(device.buildProfileRequest({ identity: sameSerial }), 403, "unknown_certificate");
	});

	const certificateOf = (role: "root" | "ca" | "ra" | "profile") =>
		readPem(ota.keys.authorities[role])[0] as Uint8Array;
	it.each(["root", "ca", "ra", "profile"] as const)("P13 by the key of our %s is refused", async (role) => {
		const device = await certified();
		const identity = { certificate: certificateOf(role), privateKey: ota.keys.private[role], chain: [] };
		await refused(device.buildProfileRequest({ identity }), 403);
		await refused(device.buildDeviceResponse({ identity }), 403);
	});

	it("P13 by the client identity is refused", async () => {
		const device = await certified();
		await device.sendProfileRequest();
		const [identity] = await device.enrollClientIdentities();
		await refused(device.buildProfileRequest({ identity: identity as Identity }), 403, "unknown_certificate");
	});

	it("P14 20 times at once gets one and the same profile", async () => {
		const device = await certified();
		const messages = Array.from({ length: 20 }, () => device.buildProfileRequest());
		const bodies = await Promise.all(messages.map((message) => device.postProfile("profile request", message)));
		expect(new Set(bodies.map((body) => Buffer.from(body).toString("base64"))).size).toBe(1);
		const own = [...ota.memory.deliveries.values()].filter(
			({ certificateSerialNumber }) => certificateSerialNumber === rowOf(device).serialNumber,
		);
		expect(own).toHaveLength(1);
		expect(liveScepChallenges(device)).toBe(1);
	});
});

const doctype =
	'<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">';
const plist = (body: string, head = doctype): string =>
	`<?xml version="1.0" encoding="UTF-8"?>${head}<plist version="1.0">${body}</plist>`;
const udid = "<key>UDID</key><string>00008110-000A1B2C3D4E801E</string>";
const entity = (value: string): string => `<!DOCTYPE plist [<!ENTITY a ${value}>]>`;
const selfReference = `62706c6973743030a1000800000000000001010000000000000001${"0".repeat(16)}000000000000000a`;

describe("a property list", () => {
	it.each<[string, string | Uint8Array]>([
		[
			"P15 binary",
			Buffer.from("bplist00d0080000000000000101000000000000000100000000000000000000000000000009", "latin1"),
		],
		["P15 binary and in itself", Buffer.from(selfReference, "hex")],
		["P15 in OpenStep's form", '{ UDID = "00008110-000A1B2C3D4E801E"; }'],
		["P15 in JSON", '{"UDID":"00008110-000A1B2C3D4E801E"}'],
		["P15 empty", ""],
		["P15 without a value", plist("")],
		["P15 with an empty dictionary", plist("<dict/>")],
		["P16 with lol6", plist("<dict/>", `<!DOCTYPE plist [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>`)],
		["P16 with an internal entity", plist(`<dict><key>UDID</key><string>&a;</string></dict>`, entity('"x"'))],
		[
			"P16 with a parameter entity",
			plist("<dict/>", '<!DOCTYPE plist [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]>'),
		],
		[
			"P16 with an external file",
			plist("<dict><key>UDID</key><string>&a;</string></dict>", entity('SYSTEM "file:///etc/passwd"')),
		],
		["P17 with a key twice", plist(`<dict>${udid}${udid}</dict>`)],
		["P17 with __proto__", plist(`<dict>${udid}<key>__proto__</key><dict/></dict>`)],
		["P17 with constructor", plist(`<dict>${udid}<key>constructor</key><dict/></dict>`)],
		["P17 with toString", plist(`<dict>${udid}<key>toString</key><string>x</string></dict>`)],
		["P17 with a dictionary for UDID", plist(`<dict><key>UDID</key><dict>${udid}</dict></dict>`)],
		["P18 of 5,000 arrays", plist(`<dict><key>A</key>${"<array>".repeat(5000)}`).slice(0, 16_000)],
		["P18 of 60 kB of <", "<".repeat(60_000)],
		["P18 with an endless processing instruction", `<?${"x".repeat(15_000)}`],
		["P18 with 2,000 attributes", plist(`<dict ${'a="b" '.repeat(2000)}/>`)],
		["P19 in UTF-16", Buffer.from(`\ufeff${plist(`<dict>${udid}</dict>`)}`, "utf16le")],
		["P19 said to be UTF-7", plist(`<dict>${udid}</dict>`).replace("UTF-8", "UTF-7")],
		["P19 with a byte order mark", `\ufeff${plist(`<dict>${udid}</dict>`)}`],
		["P19 that is no UTF-8", Buffer.concat([Buffer.from(plist("<dict><key>A</key><string>")), Uint8Array.of(0xff)])],
		["P19 with NUL", plist(`<dict>${udid}<key>A</key><string>&#0;</string></dict>`)],
		["P19 with half a surrogate", plist(`<dict>${udid}<key>A</key><string>&#xd83d;</string></dict>`)],
		["P20 with a script for UDID", plist("<dict><key>UDID</key><string>&lt;script&gt;</string></dict>")],
		["P20 with a path for UDID", plist("<dict><key>UDID</key><string>../..</string></dict>")],
		["P20 with a formula for SERIAL", plist(`<dict>${udid}<key>SERIAL</key><string>=cmd()</string></dict>`)],
		["P20 with a template for PRODUCT", plist(`<dict>${udid}<key>PRODUCT</key><string>\${x}</string></dict>`)],
		["P20 with 10 kB of UDID", plist(`<dict><key>UDID</key><string>${"0".repeat(10_000)}</string></dict>`)],
		["P21 with 1e999", plist(`<dict>${udid}<key>A</key><integer>1e999</integer></dict>`)],
		["P21 with 12abc", plist(`<dict>${udid}<key>A</key><integer>12abc</integer></dict>`)],
		["P21 with a year of five digits", plist(`<dict>${udid}<key>A</key><date>99999-01-01T00:00:00Z</date></dict>`)],
		["P21 with a number for UDID", plist("<dict><key>UDID</key><integer>1</integer></dict>")],
	])("%s is not understood", async (_, content) => {
		const device = await shared();
		await refused(device.buildDeviceResponse({ content: Buffer.from(content) }), 400, "malformed");
	});

	it("P16 with an external entity makes no connection", async () => {
		const server = createServer((_, response) => response.end());
		let connections = 0;
		server.on("connection", () => connections++);
		await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
		const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
		const device = await shared();
		const inBody = plist("<dict><key>UDID</key><string>&a;</string></dict>", entity(`SYSTEM "${address}"`));
		const asDtd = plist(`<dict>${udid}</dict>`, `<!DOCTYPE plist SYSTEM "${address}">`);
		for (const content of [inBody, asDtd]) {
			await refused(device.buildDeviceResponse({ content: Buffer.from(content) }), 400, "malformed");
		}
		await new Promise((done) => setTimeout(done, 100));
		expect(connections).toBe(0);
		await new Promise((done) => server.close(done));
	});

	/** One device for all of them: nothing of it is spent. */
	let one: DeviceSession | undefined;
	async function shared(): Promise<DeviceSession> {
		one ??= await started();
		return one;
	}
});

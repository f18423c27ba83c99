/** Renewal under attack: who may renew what, when, and how often (S26, S35, S36). */
import { type KeyObject, randomBytes, X509Certificate } from "node:crypto";
import { afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import type { Certificate } from "../../lib/ports.ts";
import {
	buildCertificate,
	type Identity,
	type Name,
	type PkcsReqOptions,
	readCertificate,
	readPem,
} from "../device/index.ts";
import { alice } from "../harness/ota.ts";
import { bytesOf, failInfo, payloadOf, ScepAttacker } from "./scep-attacker.ts";

const { badMessageCheck, badRequest, badTime, badCertId } = failInfo;
const day = 86_400_000;
/** The last days of a certificate of 398. */
const inWindow = 375 * day;

let attacker: ScepAttacker;
beforeAll(async () => {
	attacker = await ScepAttacker.start();
});
afterEach(() => {
	attacker.ota.clock.offset = 0;
});

/** Signed by this identity, without a challenge. */
const renewal = (identity: Identity, key: KeyObject, bend: Partial<PkcsReqOptions> = {}) =>
	attacker.request({ signer: identity, messageType: "17", challenge: [], ...bend }, key);
const renew = (identity: Identity, key: KeyObject, bend: Partial<PkcsReqOptions> = {}) =>
	attacker.identity(renewal(identity, key, bend), key);
const failureOf = async (identity: Identity, bend: Partial<PkcsReqOptions> = {}, key = attacker.spare) =>
	(await attacker.failure(renewal(identity, key, bend))).failInfo;

const rowOf = ({ certificate }: Identity): Certificate =>
	attacker.ota.memory.certificates.get(readCertificate(certificate).serialHex) as Certificate;
const successors = ({ certificate }: Identity) => {
	const { serialHex } = readCertificate(certificate);
	return [...attacker.ota.memory.certificates.values()].filter(({ renews }) => renews === serialHex);
};
const namesOf = ({ certificate }: Identity) => {
	const { subject, subjectAltName, keyUsage } = new X509Certificate(certificate);
	return { subject, subjectAltName, keyUsage };
};

describe("a renewal", () => {
	it.each(["17", "19"])("by messageType %s gives a new key the old names", async (messageType) => {
		const { identity } = await attacker.enrolled();
		const before = [...attacker.ota.memory.enrollments.values()];
		attacker.ota.clock.offset = inWindow;
		const next = await renew(identity, attacker.nextKey(), { messageType });
		expect(namesOf(next)).toEqual(namesOf(identity));
		expect(rowOf(next)).toMatchObject({ renews: rowOf(identity).serialNumber, keyGeneration: 0, state: "issued" });
		expect(rowOf(identity).state).toBe("issued");
		expect([...attacker.ota.memory.enrollments.values()]).toEqual(before);
	});

	it("may keep its key and repeat its spent challenge, as certmonger and sscep do, again and again", async () => {
		const { session, identity, key } = await attacker.enrolled();
		const challenge = payloadOf(session).challenge as string;
		attacker.ota.clock.offset = inWindow;
		const second = await renew(identity, key, { messageType: "19", challenge });
		attacker.ota.clock.offset = 2 * inWindow;
		const third = await renew(second, key, { messageType: "19", challenge });
		expect([identity, second, third].map((one) => rowOf(one).keyGeneration)).toEqual([0, 1, 2]);
		expect(namesOf(third)).toEqual(namesOf(identity));
	});

	it("of a client's certificate is a client's", async () => {
		const session = await attacker.ota.identified();
		await session.enrollIdentity();
		await session.sendProfileRequest();
		const [client] = (await session.enrollClientIdentities()) as [Identity];
		attacker.ota.clock.offset = inWindow;
		const next = await renew(client, attacker.nextKey());
		expect(namesOf(next)).toEqual(namesOf(client));
		expect(rowOf(next)).toMatchObject({ purpose: "client", enrollmentId: rowOf(client).enrollmentId });
	});

	it("of a machine that chose its names keeps those that were certified", async () => {
		const challenge = await attacker.mint({ subject: [], isSubjectFromCsr: true });
		const key = attacker.nextKey();
		const subject: Name = [["CN", "nas.example.com"]];
		const subjectAltName = { dNSName: "nas.example.com" };
		const machine = await attacker.identity(attacker.request({ challenge, subject, subjectAltName }, key), key);
		attacker.ota.clock.offset = inWindow;
		const next = await renew(machine, key, { subject: [["CN", "other.example.com"]] });
		expect(namesOf(next)).toEqual(namesOf(machine));
		expect(namesOf(next)).toMatchObject({ subject: "CN=nas.example.com", subjectAltName: "DNS:nas.example.com" });
		expect(rowOf(next).purpose).toBe("machine");
	});

	it("S36 that asks for another subject inherits the old one", async () => {
		const { identity } = await attacker.enrolled();
		attacker.ota.clock.offset = inWindow;
		const bend = { subject: [["CN", "admin@example.com"]] as const, subjectAltName: { rfc822Name: "a@example.com" } };
		expect(namesOf(await renew(identity, attacker.nextKey(), bend))).toEqual(namesOf(identity));
	});

	it("S36 before its window is a badRequest", async () => {
		const { identity } = await attacker.enrolled();
		expect(await failureOf(identity)).toBe(badRequest);
		attacker.ota.clock.offset = 367 * day;
		expect(await failureOf(identity, { messageType: "19" })).toBe(badRequest);
	});

	it("S36 that the CA's own end would cut short is a badRequest: its successor would be due at once", async () => {
		const ca = new X509Certificate(attacker.ota.keys.authorities.ca);
		const left = (new Date(ca.validTo).getTime() - Date.now()) / day;
		attacker.ota.clock.offset = (left - 300) * day;
		const { identity } = await attacker.enrolled();
		attacker.ota.clock.offset = (left - 10) * day;
		expect(await failureOf(identity)).toBe(badRequest);
	});

	it("S36 64 times at once gives one successor 64 times", async () => {
		const { identity } = await attacker.enrolled();
		attacker.ota.clock.offset = inWindow;
		const key = attacker.nextKey();
		const sent = renewal(identity, key);
		const answers = await Promise.all(Array.from({ length: 64 }, () => attacker.ota.postScep(sent.message)));
		const bodies = await Promise.all(answers.map(bytesOf));
		const prints = bodies.map((body) => attacker.accepted(body, sent, key).fingerprint256);
		expect(new Set(prints).size).toBe(1);
		expect(successors(identity)).toHaveLength(1);
		expect(new X509Certificate((await renew(identity, key)).certificate).fingerprint256).toBe(prints[0]);
	});

	it("S36 by 64 keys at once gives one successor, and 63 times badRequest", async () => {
		const { identity } = await attacker.enrolled();
		attacker.ota.clock.offset = inWindow;
		const all = Array.from({ length: 64 }, () => renewal(identity, attacker.nextKey()));
		const replies = await Promise.all(
			all.map(async (sent) => attacker.read(sent, await bytesOf(await attacker.ota.postScep(sent.message)))),
		);
		const refused = replies.filter(({ pkiStatus }) => pkiStatus === "2");
		expect(refused).toHaveLength(63);
		expect(new Set(refused.map((reply) => reply.failInfo))).toEqual(new Set([badRequest]));
		expect(successors(identity)).toHaveLength(1);
	});

	it("with a request that is not its key's is refused as any other", async () => {
		const { identity } = await attacker.enrolled();
		attacker.ota.clock.offset = inWindow;
		for (const bend of [{ publicKey: attacker.other }, { corruptSignature: true }, { enveloped: randomBytes(900) }]) {
			expect(await failureOf(identity, bend)).toBe(badMessageCheck);
		}
	});

	it("S26 for a key that has another certificate is a badRequest", async () => {
		const [mine, theirs] = [await attacker.enrolled(), await attacker.enrolled()];
		attacker.ota.clock.offset = inWindow;
		expect(await failureOf(mine.identity, {}, theirs.key)).toBe(badRequest);
		expect(attacker.ota.memory.events.at(-1)).toMatchObject({ event: "refused", detail: { code: "key_policy" } });
		expect(await failureOf(mine.identity, {}, attacker.ota.keys.private.ca)).toBe(badRequest);
		// Its own, outside of its renewal, neither.
		expect((await attacker.failure(attacker.request({}, mine.key))).failInfo).toBe(badRequest);
	});
});

describe("S35 a renewal signed by", () => {
	it("an expired certificate is a badTime", async () => {
		const { identity } = await attacker.enrolled();
		attacker.ota.clock.offset = 399 * day;
		expect(await failureOf(identity)).toBe(badTime);
		expect(await failureOf(identity, { messageType: "19" })).toBe(badTime);
	});

	it("the certificate of a person who has lost the group, or has left, is a badRequest", async () => {
		const former = attacker;
		let found: typeof alice | null = alice;
		attacker = await ScepAttacker.start({ options: { policy: { groups: ["staff"] }, person: async () => found } });
		try {
			const { identity } = await attacker.enrolled();
			attacker.ota.clock.offset = inWindow;
			for (const now of [{ ...alice, groups: ["alumni"] }, null]) {
				found = now;
				expect(await failureOf(identity)).toBe(badRequest);
				expect(attacker.ota.memory.events.at(-1)).toMatchObject({ event: "refused", detail: { code: "policy" } });
			}
			found = alice;
			expect(rowOf(await renew(identity, attacker.nextKey()))).toMatchObject({ state: "issued" });
		} finally {
			attacker = former;
		}
	});

	it("a revoked certificate is a badCertId", async () => {
		const { identity } = await attacker.enrolled();
		attacker.ota.clock.offset = inWindow;
		await attacker.revoke({ serialNumber: rowOf(identity).serialNumber });
		expect(await failureOf(identity)).toBe(badCertId);
		expect(await failureOf(identity, { messageType: "19" })).toBe(badCertId);
	});

	it("a certificate of somebody who is blocked is refused", async () => {
		const { identity, session } = await attacker.enrolled();
		attacker.ota.clock.offset = inWindow;
		await attacker.revoke({ device: session.udid });
		expect(await failureOf(identity)).toBe(badCertId);
		const { memory } = attacker.ota;
		memory.certificates.set(rowOf(identity).serialNumber, { ...rowOf(identity), state: "issued" });
		expect(await failureOf(identity)).toBe(badRequest);
		expect(memory.events.at(-1)).toMatchObject({ event: "refused", detail: { code: "policy" } });
	});

	it.each(["17", "19"])("another CA of our CA's name is a badCertId (%s)", async (messageType) => {
		const { identity, session } = await attacker.enrolled();
		const ours = readPem(attacker.ota.keys.authorities.ca)[0] as Uint8Array;
		const challenge = payloadOf(attacker.device).challenge as string;
		// Names and serial number of ours, the signature of somebody else's key.
		const certificate = buildCertificate({
			subject: [["CN", session.serialNumber]],
			key: attacker.spare,
			issuer: { certificate: ours, privateKey: attacker.other },
			serialNumber: Buffer.from(readCertificate(identity.certificate).serialHex, "hex"),
			notBefore: new Date(Date.now() - day),
			notAfter: new Date(Date.now() + day),
		});
		const forged = { certificate, privateKey: attacker.spare, chain: [] };
		expect(await failureOf(forged, { messageType, challenge })).toBe(badCertId);
	});

	it.each(["ra", "profile"] as const)("our own %s is a badCertId", async (role) => {
		const { authorities, private: keys } = attacker.ota.keys;
		const certificate = readPem(authorities[role])[0] as Uint8Array;
		const own = { certificate, privateKey: keys[role], chain: [] };
		expect(await failureOf(own)).toBe(badCertId);
		expect(await failureOf(own, { messageType: "19", challenge: payloadOf(attacker.device).challenge as string })).toBe(
			badCertId,
		);
	});

	it.each([["ca"], ["root"]] as const)("S38 our %s is a badMessageCheck, though its key signs", async (role) => {
		const { authorities, private: keys } = attacker.ota.keys;
		const own = { certificate: readPem(authorities[role])[0] as Uint8Array, privateKey: keys[role], chain: [] };
		expect(await failureOf(own)).toBe(badMessageCheck);
	});

	it("a certificate of nobody's that says our names is a badCertId, and a first request by its challenge", async () => {
		const { identity } = await attacker.enrolled();
		attacker.ota.clock.offset = inWindow;
		const key = attacker.nextKey();
		const look = new X509Certificate(identity.certificate);
		const certificate = buildCertificate({
			subject: look.subject.split("\n").map((line) => line.split("=") as [string, string]),
			key,
			serialNumber: Buffer.from(look.serialNumber, "hex"),
			notBefore: attacker.now(),
			notAfter: new Date(attacker.now().getTime() + day),
		});
		const alike = { certificate, privateKey: key };
		expect(await failureOf({ ...alike, chain: [] }, {}, key)).toBe(badCertId);
		const session = await attacker.ota.identified();
		const first = attacker.request({ signer: alike }, key, session);
		expect(rowOf(await attacker.identity(first, key)).renews).toBeNull();
		expect(successors(identity)).toHaveLength(0);
	});

	it("a certificate whose enrollment was cancelled is a badRequest", async () => {
		const { identity } = await attacker.enrolled();
		attacker.ota.clock.offset = inWindow;
		const { memory } = attacker.ota;
		const row = memory.enrollments.get(rowOf(identity).enrollmentId);
		if (row) memory.enrollments.set(row.id, { ...row, state: "cancelled" });
		expect(await failureOf(identity)).toBe(badRequest);
	});
});

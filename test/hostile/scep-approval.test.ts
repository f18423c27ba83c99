/** Requests that wait for an operator, and CertPolls for them: who is told what (S37), and what a decision does. */
import { type KeyObject, X509Certificate } from "node:crypto";
import { afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { buildCertPoll, type PkcsReq, type PkcsReqOptions, readPem, selfSignedSigner } from "../device/index.ts";
import { testOta } from "../harness/ota.ts";
import { bytesOf, failInfo, payloadOf, ScepAttacker } from "./scep-attacker.ts";

const { badAlg, badMessageCheck, badRequest, badCertId } = failInfo;
const day = 86_400_000;

let attacker: ScepAttacker;
let issuer: Uint8Array;
beforeAll(async () => {
	attacker = await ScepAttacker.start({ options: { approval: "manual" } });
	issuer = readPem(attacker.ota.keys.authorities.ca)[0] as Uint8Array;
});
afterEach(() => {
	attacker.ota.clock.offset = 0;
});

const send = async (sent: PkcsReq) => attacker.read(sent, await bytesOf(await attacker.ota.postScep(sent.message)));
const pollOf = (pending: PkcsReq, key: KeyObject, bend: Partial<PkcsReqOptions> = {}): PkcsReq =>
	buildCertPoll(pending, issuer, { ra: attacker.server.authorities.ra, key, ...bend });
const approvals = () => [...attacker.ota.memory.approvals.values()];
const decide = (state: "approved" | "refused") => {
	const id = approvals().at(-1)?.id as string;
	const now = attacker.now();
	const audit = { at: now, event: `approval.${state}`, enrollmentId: null, detail: {} };
	return attacker.ota.memory.decideApproval({ id, state, by: "root", now, audit });
};
/** A request that waits. */
async function waiting(bend: Partial<PkcsReqOptions> = {}) {
	const one = await attacker.fresh(bend);
	expect((await send(one.sent)).pkiStatus).toBe("3");
	return one;
}

describe("a request that waits", () => {
	it("is answered PENDING without an envelope, and issues nothing", async () => {
		const { memory, log } = attacker.ota;
		const before = memory.certificates.size;
		const { key, sent } = await waiting();
		expect(await send(sent)).toMatchObject({ pkiStatus: "3", failInfo: null, certificates: [] });
		expect((await send(pollOf(sent, key))).pkiStatus).toBe("3");
		expect(memory.certificates.size).toBe(before);
		expect(approvals().at(-1)).toMatchObject({ state: "pending", purpose: "identity", cipher: "aes-128-cbc" });
		expect(log.filter(({ event }) => event === "approval.pending")).toHaveLength(approvals().length);
	});

	it("leads to its certificate once it is approved, by a poll in 3DES and SHA-1 or by the request itself", async () => {
		const { key, sent } = await waiting();
		await decide("approved");
		const poll = pollOf(sent, key);
		const certificate = await attacker.issued(poll, key);
		expect((await send(pollOf(sent, key))).cipher).toBe("aes-128-cbc");
		expect((await attacker.issued(sent, key)).fingerprint256).toBe(certificate.fingerprint256);
	});

	it("is one, though it comes 64 times at once, and 64 polls get one certificate", async () => {
		const { key, sent } = await attacker.fresh();
		const count = approvals().length;
		const many = (one: PkcsReq) => Promise.all(Array.from({ length: 64 }, () => send(one)));
		expect(new Set((await many(sent)).map(({ pkiStatus }) => pkiStatus))).toEqual(new Set(["3"]));
		expect(approvals()).toHaveLength(count + 1);
		await decide("approved");
		const replies = await many(pollOf(sent, key));
		const prints = replies.map(({ certificates: [one] }) => new X509Certificate(one as Uint8Array).fingerprint256);
		expect(new Set(prints).size).toBe(1);
	});

	it("spent its challenge: another key is a badRequest", async () => {
		const { session } = await waiting();
		expect((await attacker.failure(attacker.request({}, attacker.spare, session))).failInfo).toBe(badRequest);
	});

	it("that was refused is a badRequest ever after", async () => {
		const { key, sent } = await waiting();
		await decide("refused");
		expect((await attacker.failure(sent)).failInfo).toBe(badRequest);
		expect((await attacker.failure(pollOf(sent, key))).failInfo).toBe(badRequest);
		expect(await decide("approved")).toBe(false);
	});

	it("is a badRequest after a week, decided or not", async () => {
		const undecided = await waiting();
		attacker.ota.clock.offset = 7 * day + 1000;
		expect((await attacker.failure(pollOf(undecided.sent, undecided.key))).failInfo).toBe(badRequest);
		expect(await decide("approved")).toBe(false);
		attacker.ota.clock.offset = 0;
		const approved = await waiting();
		await decide("approved");
		attacker.ota.clock.offset = 7 * day + 1000;
		expect((await attacker.failure(pollOf(approved.sent, approved.key))).failInfo).toBe(badRequest);
	});

	it("is withdrawn when its device begins again, and when its person is blocked", async () => {
		const again = await waiting();
		await again.session.sendDeviceResponse();
		expect((await attacker.failure(pollOf(again.sent, again.key))).failInfo).toBe(badRequest);
		const blocked = await waiting();
		await decide("approved");
		await attacker.revoke({ device: blocked.session.udid });
		expect((await attacker.failure(pollOf(blocked.sent, blocked.key))).failInfo).toBe(badRequest);
		expect((await attacker.failure(blocked.sent)).failInfo).toBe(badRequest);
	});

	it("waits on when the server no longer asks anybody", async () => {
		const { key, sent } = await waiting();
		const { keys, memory, authority } = attacker.ota;
		const auto = await testOta({ keys, store: memory, authority });
		const post = async (one: PkcsReq) =>
			attacker.read(
				one,
				await bytesOf(
					await auto.transport(
						new Request(`${auto.url}/scep?operation=PKIOperation`, {
							method: "POST",
							body: Buffer.from(one.message),
							headers: { "content-type": "application/x-pki-message" },
						}),
					),
				),
			);
		expect((await post(sent)).pkiStatus).toBe("3");
		await decide("approved");
		expect((await post(pollOf(sent, key))).pkiStatus).toBe("0");
	});

	it("judges challenge and key first", async () => {
		expect((await attacker.failure(attacker.request({ challenge: "0".repeat(64) }))).failInfo).toBe(badRequest);
		const weak = attacker.ota.keys.private.ra;
		expect((await attacker.failure(attacker.request({}, weak))).failInfo).toBe(badRequest);
		expect((await attacker.failure(attacker.request({ corruptSignature: true }))).failInfo).toBe(badMessageCheck);
	});
});

describe("S37 a CertPoll", () => {
	it("of another key for a transaction that waits is a badCertId", async () => {
		const { sent } = await waiting();
		await decide("approved");
		const stranger = pollOf(sent, attacker.spare, { signer: selfSignedSigner(attacker.spare) });
		expect((await attacker.failure(stranger)).failInfo).toBe(badCertId);
	});

	it("for another transaction, or for one that never was, is a badCertId", async () => {
		const [mine, theirs] = [await waiting({ transactionID: "1" }), await waiting({ transactionID: "2" })];
		await decide("approved");
		const crossed = pollOf(mine.sent, mine.key, { transactionID: theirs.sent.transactionID });
		expect((await attacker.failure(crossed)).failInfo).toBe(badCertId);
		expect((await attacker.failure(pollOf(attacker.request(), attacker.spare))).failInfo).toBe(badCertId);
	});

	it("with a broken signature is a badMessageCheck, and with MD5 a badAlg", async () => {
		const { key, sent } = await waiting();
		const broken = pollOf(sent, key, { signerInfo: { corruptSignature: true } });
		expect((await attacker.failure(broken)).failInfo).toBe(badMessageCheck);
		const worn = pollOf(sent, key, { messageDigestAlgorithm: "md5" });
		expect((await attacker.failure(worn)).failInfo).toBe(badAlg);
	});

	it("by SHA-1 is the only message that may have it", async () => {
		const sent = attacker.request({ messageDigestAlgorithm: "sha1" });
		expect((await attacker.failure(sent)).failInfo).toBe(badAlg);
	});
});

describe("a machine's request", () => {
	it("waits with the names that it chose and that are admitted", async () => {
		const challenge = await attacker.mint({ isSubjectFromCsr: true });
		const key = attacker.nextKey();
		const subject = [["CN", "nas.example.com"] as const, ["emailAddress", "admin@example.com"] as const];
		const sent = attacker.request({ challenge, subject }, key);
		expect((await send(sent)).pkiStatus).toBe("3");
		expect(approvals().at(-1)).toMatchObject({ purpose: "machine", subject: [["CN", "nas.example.com"]] });
		await decide("approved");
		expect((await attacker.issued(pollOf(sent, key), key)).subject).toBe("CN=nas.example.com");
	});

	it.each<[string, Partial<PkcsReqOptions>]>([
		["of our CA", { subject: [["CN", "Example & Söhne Issuing CA"]] }],
		["that no allow-list admits", { subject: [["emailAddress", "admin@example.com"]] }],
		["with a character that nobody sees", { subject: [["CN", "nas\u202e.example.com"]] }],
		["that is no host's", { subject: [["CN", "nas"]], subjectAltName: { dNSName: "*.example.com" } }],
	])("in a name %s is a badRequest, and its challenge is as good as before", async (_, bend) => {
		const challenge = await attacker.mint({ isSubjectFromCsr: true });
		const key = attacker.nextKey();
		expect((await attacker.failure(attacker.request({ challenge, ...bend }, key))).failInfo).toBe(badRequest);
		expect((await send(attacker.request({ challenge, subject: [["CN", "nas"]] }, key))).pkiStatus).toBe("3");
	});

	it("with a fixed subject gets that one", async () => {
		const challenge = await attacker.mint();
		const key = attacker.nextKey();
		const sent = attacker.request({ challenge, subject: [["CN", "admin"]] }, key);
		expect((await send(sent)).pkiStatus).toBe("3");
		await decide("approved");
		const certificate = await attacker.issued(sent, key);
		expect(certificate.subject).toBe("CN=printer 7");
		expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
	});
});

describe("a whole journey", () => {
	it("waits once, for the identity, and not for the client certificate", async () => {
		const asked: number[] = [];
		const session = await attacker.ota.identified({
			waits: async () => {
				if (asked.push(approvals().length) === 2) await decide("approved");
			},
		});
		const count = approvals().length;
		await session.enrollIdentity();
		await session.sendProfileRequest();
		expect(await session.enrollClientIdentities()).toHaveLength(1);
		expect(asked).toHaveLength(2);
		expect(approvals()).toHaveLength(count + 1);
	});

	it("waits under `unknown` for a device that has got no profile yet, and never again", async () => {
		const other = await ScepAttacker.start({ options: { approval: "unknown" } });
		const { memory } = other.ota;
		let polls = 0;
		const waits = async () => {
			polls += 1;
			const [first] = memory.approvals.values();
			const now = new Date();
			const audit = { at: now, event: "approval.approved", enrollmentId: null, detail: {} };
			await memory.decideApproval({ id: first?.id as string, state: "approved", by: "root", now, audit });
		};
		const first = await other.ota.identified({ waits });
		await first.enrollIdentity();
		await first.sendProfileRequest();
		expect(polls).toBe(1);
		const { udid, serialNumber, builtIn: identity } = first;
		const second = await other.ota.identified({ udid, serialNumber, identity });
		await second.enrollIdentity();
		expect(memory.approvals.size).toBe(1);
		const challenge = await other.mint();
		const key = other.nextKey();
		await other.issued(other.request({ challenge }, key), key);
	});
});

it("keeps the live challenge good whatever was refused", async () => {
	expect(payloadOf(attacker.device).challenge).toBeDefined();
	expect((await send(attacker.request())).pkiStatus).toBe("3");
});

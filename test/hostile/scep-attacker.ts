/** Somebody with a live SCEP challenge who sends /scep what it must refuse; and how such an answer is judged. */
import { createHash, type KeyObject, randomBytes, X509Certificate } from "node:crypto";
import { expect } from "@jest/globals";
import type { ChallengeBinding, RevocationTarget } from "../../lib/ports.ts";
import {
	acceptCertRep,
	type CertRep,
	type DeviceSession,
	discover,
	type Identity,
	type PkcsReq,
	type PkcsReqOptions,
	parseCertRep,
	requestFor,
	type ScepPayload,
	type ScepServer,
} from "../device/index.ts";
import { rsaKeySource } from "../device/rsa-keys.ts";
import { type WatchedOptions, type WatchedOta, watchedOta } from "../harness/watched-ota.ts";

/** RFC 8894 section 3.2.1.4.5. */
export const failInfo = { badAlg: 0, badMessageCheck: 1, badRequest: 2, badTime: 3, badCertId: 4 } as const;

export const payloadOf = (session: DeviceSession): ScepPayload => session.identityPayload as ScepPayload;
export const bytesOf = async (response: Response): Promise<Uint8Array> => new Uint8Array(await response.arrayBuffer());

/** Milliseconds of this process's work, which a busy machine does not change. */
export async function cpuTime(act: () => Promise<unknown>): Promise<number> {
	const start = process.cpuUsage();
	await act();
	const { user, system } = process.cpuUsage(start);
	return (user + system) / 1000;
}

export class ScepAttacker {
	private constructor(
		readonly ota: WatchedOta,
		/** Its challenge is in every refused request, and is good to the end. */
		readonly device: DeviceSession,
		readonly server: ScepServer,
		readonly nextKey: () => KeyObject,
		/** Two keys without a certificate. */
		readonly spare: KeyObject,
		readonly other: KeyObject,
	) {}

	static async start(options: WatchedOptions = {}): Promise<ScepAttacker> {
		const ota = await watchedOta(options);
		const nextKey = rsaKeySource();
		const device = await ota.identified();
		const server = await discover({ transport: ota.transport, payload: payloadOf(device) });
		return new ScepAttacker(ota, device, server, nextKey, nextKey(), nextKey());
	}

	/** A request with the live challenge. */
	request(bend: Partial<PkcsReqOptions> = {}, key = this.spare, session = this.device): PkcsReq {
		return requestFor(payloadOf(session), this.server, key, "iphone", bend);
	}

	/** A request of a device of its own, that may succeed. */
	async fresh(bend: Partial<PkcsReqOptions> = {}, key = this.nextKey()) {
		const session = await this.ota.identified();
		return { session, key, sent: this.request(bend, key, session) };
	}

	/** The CertRep that answers `sent`, judged as Apple's client judges it. */
	read(sent: PkcsReq, body: Uint8Array): CertRep {
		const { ra, top } = this.server.authorities;
		return parseCertRep(body, { authorities: [ra, top], ...sent });
	}

	/** A signed FAILURE. */
	async failure(sent: PkcsReq): Promise<CertRep> {
		const { status, headers, body } = await this.ota.refused(() => this.ota.postScep(sent.message));
		expect([status, headers.get("content-type")]).toEqual([200, "application/x-pki-message"]);
		const reply = this.read(sent, body);
		expect(reply.pkiStatus).toBe("2");
		return reply;
	}

	/** A problem document. */
	async notUnderstood(message: Uint8Array, status = 400): Promise<void> {
		const answer = await this.ota.refused(() => this.ota.postScep(message));
		expect([answer.status, answer.headers.get("content-type")]).toEqual([status, "application/problem+json"]);
		expect(answer.body.length).toBeLessThanOrEqual(400);
	}

	/** A SUCCESS. */
	async issued(sent: PkcsReq, key: KeyObject): Promise<X509Certificate> {
		return this.accepted(await bytesOf(await this.ota.postScep(sent.message)), sent, key);
	}

	accepted(body: Uint8Array, sent: PkcsReq, key: KeyObject): X509Certificate {
		return new X509Certificate(this.identityOf(body, sent, key).certificate);
	}

	identityOf(body: Uint8Array, sent: PkcsReq, key: KeyObject): Identity {
		return acceptCertRep(body, sent, key, this.server, this.now());
	}

	/** The server's clock. */
	now(): Date {
		return new Date(Date.now() + this.ota.clock.offset);
	}

	/** A SUCCESS, as what its owner has. */
	async identity(sent: PkcsReq, key: KeyObject): Promise<Identity> {
		return this.identityOf(await bytesOf(await this.ota.postScep(sent.message)), sent, key);
	}

	/** A device with its identity. */
	async enrolled(): Promise<{ session: DeviceSession; key: KeyObject; identity: Identity; sent: PkcsReq }> {
		const { session, key, sent } = await this.fresh();
		return { session, key, sent, identity: await this.identity(sent, key) };
	}

	/** A machine's challenge, as an operator mints it. */
	async mint(binding: Partial<ChallengeBinding> = {}): Promise<string> {
		const id = randomBytes(8).toString("hex");
		const text = randomBytes(32).toString("hex");
		const createdAt = this.now();
		const expiresAt = new Date(createdAt.getTime() + 3_600_000);
		const user = { id: "operator:root", email: "", groups: [], claims: {} };
		const names = { udid: "", serialNumber: null, subject: [["CN", "printer 7"]] as const, subjectAltName: {} };
		const hash = createHash("sha256").update(text).digest("hex");
		const purpose = "machine" as const;
		const challenge = { hash, purpose, enrollmentId: id, createdAt, expiresAt, binding: { ...names, ...binding } };
		const audit = { at: createdAt, event: "challenge.minted", enrollmentId: id, detail: {} };
		await this.ota.memory.mintChallenges({
			enrollment: { id, user, createdAt, expiresAt },
			challenges: [challenge],
			audit,
		});
		return text;
	}

	async revoke(target: RevocationTarget): Promise<void> {
		const now = this.now();
		const audit = { at: now, event: "certificate.revoked", enrollmentId: null, detail: {} };
		await this.ota.memory.revoke({ target, reason: 1, by: "root", now, audit });
	}
}

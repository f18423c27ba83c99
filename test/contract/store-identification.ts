/** Of the Store's contract: device responses, the first and the repeated. */
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { IdentifyDevice, Store } from "../../lib/ports.ts";
import type { StoreContract } from "./store-contract.ts";
import {
	at,
	bytes,
	challenge,
	delivery,
	end,
	hash,
	identify,
	issue,
	lifetime,
	proceed,
	reserve,
	start,
} from "./store-exchange.ts";

export function identificationContract(contract: StoreContract): void {
	const { enrollment, challengeOf, certificateOf, eventsOf, refuses } = contract;
	let store: Store;
	let id = "";
	beforeEach(() => {
		({ store, id } = contract);
	});

	describe("identifyFirst", () => {
		beforeEach(() => store.startEnrollment(start(id)));

		it("spends the challenge, identifies the enrollment, keeps the device and the SCEP challenge", async () => {
			const input = identify(id);
			expect(await store.identifyFirst(input)).toBe(true);
			const { signerKeyHash, udid, device, now } = input;
			expect(await enrollment()).toMatchObject({ state: "identified", attempts: 1, signerKeyHash, udid, device });
			expect(await challengeOf(`${id}/enroll`)).toMatchObject({ usedAt: now, usedByKey: signerKeyHash });
			expect(await challengeOf(`${id}/scep1`)).toMatchObject({ ...input.scepChallenge, usedAt: null });
			expect(await contract.raw.device(udid)).toEqual(device);
			expect(await eventsOf()).toEqual(["enrollment.started", "device.identified"]);
		});

		it("holds until the last millisecond", async () => {
			expect(await store.identifyFirst(identify(id, 0, { now: at(lifetime - 1) }))).toBe(true);
		});

		const refusals: [string, (id: string) => Partial<IdentifyDevice>][] = [
			["an unknown challenge", () => ({ challengeHash: hash("unknown") })],
			["an unknown enrollment", () => ({ enrollmentId: "unknown" })],
			["a challenge that expires in this millisecond", () => ({ now: end })],
			["a challenge that expired 1 ms ago", () => ({ now: at(lifetime + 1) })],
			["an enrollment with an earlier attempt", () => ({ attempts: 1 })],
		];
		for (const [what, more] of refusals) {
			it(`refuses ${what}`, () => refuses(() => store.identifyFirst(identify(id, 0, more(id)))));
		}
		it("refuses another enrollment's challenge", async () => {
			await store.startEnrollment(start(`${id}-b`));
			await refuses(() => store.identifyFirst(identify(id, 0, { challengeHash: hash(`${id}-b/enroll`) })));
			expect((await challengeOf(`${id}-b/enroll`)).usedAt).toBeNull();
		});
		it("refuses a withdrawn challenge", async () => {
			await store.startEnrollment(start(`${id}-b`, `user-${id}`, at(1), 1));
			await refuses(() => store.identifyFirst(identify(id)));
		});
		it("refuses a second time, whoever asks", async () => {
			await store.identifyFirst(identify(id));
			const again = { scepChallenge: challenge(`${id}/scep2`, id) };
			await refuses(() => store.identifyFirst(identify(id, 0, again)));
			await refuses(() => store.identifyFirst(identify(id, 0, { ...again, signerKeyHash: hash("another device") })));
		});
		it("refuses a SCEP challenge in place of the enroll challenge", async () => {
			await store.identifyFirst(identify(id));
			const input = identify(id, 0, {
				challengeHash: hash(`${id}/scep1`),
				scepChallenge: challenge(`${id}/scep2`, id),
			});
			await refuses(() => store.identifyFirst(input));
		});
		it("lets one of many win", async () => {
			const attempts = Array.from({ length: 16 }, (_, n) =>
				store.identifyFirst(
					identify(id, 0, { signerKeyHash: hash(`device ${n}`), scepChallenge: challenge(`${id}/race${n}`, id) }),
				),
			);
			expect((await Promise.all(attempts)).filter(Boolean)).toHaveLength(1);
			expect(await eventsOf()).toEqual(["enrollment.started", "device.identified"]);
		});
	});

	describe("identifyAgain", () => {
		it("starts over before the certificate: withdraws the SCEP challenge", async () => {
			await proceed(store, id, "identified");
			expect(await store.identifyAgain(identify(id, 1))).toBe(true);
			expect(await enrollment()).toMatchObject({ state: "identified", attempts: 2 });
			expect((await challengeOf(`${id}/scep1`)).withdrawnAt).toEqual(at(1001));
			expect((await challengeOf(`${id}/scep2`)).withdrawnAt).toBeNull();
			expect((await challengeOf(`${id}/enroll`)).withdrawnAt).toBeNull();
			expect(await store.reserveCertificate(reserve(id, 1))).toBe("refused");
			expect(await store.reserveCertificate(reserve(id, 2))).toBe("reserved");
			expect(await eventsOf()).toContain("device.identified");
		});
		it("abandons a reserved certificate, which is then never issued", async () => {
			await proceed(store, id, "reserved");
			expect(await store.identifyAgain(identify(id, 1))).toBe(true);
			expect(await certificateOf()).toMatchObject({
				state: "abandoned",
				revokedAt: identify(id, 1).now,
				revocationReason: null,
			});
			await refuses(() => store.issueCertificate(issue(id)));
		});
		it("revokes an issued certificate as superseded", async () => {
			await proceed(store, id, "certified");
			expect(await store.identifyAgain(identify(id, 1))).toBe(true);
			const revoked = { state: "revoked", revokedAt: at(1001), revocationReason: 4, der: bytes(`${id}/der1`) };
			expect(await certificateOf()).toMatchObject(revoked);
			expect((await enrollment()).state).toBe("identified");
			await refuses(() => store.deliver(delivery(id)));
		});
		it("goes on to a second certificate and a delivery", async () => {
			await proceed(store, id, "certified");
			await store.identifyAgain(identify(id, 1));
			expect(await store.reserveCertificate(reserve(id, 2))).toBe("reserved");
			expect(await store.issueCertificate(issue(id, 2))).toBe(true);
			expect(await store.deliver(delivery(id, 2))).toBe(true);
		});

		const refusals: [string, Partial<IdentifyDevice>][] = [
			["another signer", { signerKeyHash: hash("another device") }],
			["another UDID", { udid: "another" }],
			["the millisecond of expiry", { now: end }],
			["1 ms after expiry", { now: at(lifetime + 1) }],
			["attempts that moved on", { attempts: 0 }],
			["an unknown enrollment", { enrollmentId: "unknown" }],
			["an unknown challenge", { challengeHash: hash("unknown") }],
		];
		for (const [what, more] of refusals) {
			it(`refuses ${what}`, async () => {
				await proceed(store, id, "certified");
				await refuses(() => store.identifyAgain(identify(id, 1, more)));
			});
		}
		it("refuses before the first device response", async () => {
			await store.startEnrollment(start(id));
			await refuses(() => store.identifyAgain(identify(id, 0)));
		});
		it("refuses after the delivery", async () => {
			await proceed(store, id, "certified");
			await store.deliver(delivery(id));
			await refuses(() => store.identifyAgain(identify(id, 1)));
		});
		it("lets one of many win, and leaves one live SCEP challenge", async () => {
			await proceed(store, id, "identified");
			const names = Array.from({ length: 16 }, (_, n) => `${id}/race${n}`);
			const attempts = names.map((each) =>
				store.identifyAgain(identify(id, 1, { scepChallenge: challenge(each, id) })),
			);
			expect((await Promise.all(attempts)).filter(Boolean)).toHaveLength(1);
			const stored = await Promise.all(names.map((each) => store.findChallenge(hash(each))));
			expect(stored.filter((found) => found !== null)).toHaveLength(1);
			expect((await enrollment()).attempts).toBe(2);
		});
	});
}

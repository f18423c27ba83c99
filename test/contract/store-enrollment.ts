/** Of the Store's contract: enrollments and their challenges. */
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { Challenge, Enrollment, Store } from "../../lib/ports.ts";
import { must, type StoreContract, tally } from "./store-contract.ts";
import {
	at,
	challenge,
	delivery,
	end,
	hash,
	identify,
	issue,
	lifetime,
	person,
	proceed,
	reserve,
	revocation,
	start,
	t0,
} from "./store-exchange.ts";

export function enrollmentContract(contract: StoreContract): void {
	const { enrollment, challengeOf, certificateOf, eventsOf } = contract;
	let store: Store;
	let id = "";
	beforeEach(() => {
		({ store, id } = contract);
	});

	describe("startEnrollment", () => {
		it("keeps the enrollment, its challenge and the audit event", async () => {
			await store.startEnrollment(start(id));
			const found = must(await store.findChallenge(hash(`${id}/enroll`)));
			expect(found.enrollment).toEqual({
				id,
				user: person(`user-${id}`),
				state: "started",
				createdAt: t0,
				expiresAt: end,
				signerKeyHash: null,
				udid: null,
				device: {},
				attempts: 0,
				deliveredAt: null,
			} satisfies Enrollment);
			expect(found.challenge).toEqual({
				...start(id).challenge,
				usedAt: null,
				usedByKey: null,
				withdrawnAt: null,
			} satisfies Challenge);
			expect(found.certificate).toBeNull();
			expect((await contract.raw.events()).at(-1)).toEqual(start(id).audit);
		});

		it("withdraws the person's oldest unanswered challenges over maxLive", async () => {
			const names = [1, 2, 3, 4].map((n) => `${id}-${n}`);
			for (const [n, each] of names.entries()) await store.startEnrollment(start(each, `person-${id}`, at(n), 2));
			const states = await Promise.all(names.map(async (each) => (await enrollment(each)).state));
			expect(states).toEqual(["cancelled", "cancelled", "started", "started"]);
			expect((await challengeOf(`${id}-1/enroll`)).withdrawnAt).toEqual(at(2));
			expect((await challengeOf(`${id}-2/enroll`)).withdrawnAt).toEqual(at(3));
			expect((await challengeOf(`${id}-3/enroll`)).withdrawnAt).toBeNull();
			expect(await store.identifyFirst(identify(`${id}-1`))).toBe(false);
			expect(await store.identifyFirst(identify(`${id}-3`))).toBe(true);
		});

		it("leaves maxLive unanswered challenges after 32 starts at once", async () => {
			const names = Array.from({ length: 32 }, (_, n) => `${id}-${n}`);
			await Promise.all(names.map((each, n) => store.startEnrollment(start(each, `person-${id}`, at(n), 5))));
			const states = await Promise.all(names.map(async (each) => (await enrollment(each)).state));
			expect(tally(states)).toEqual({ started: 5, cancelled: 27 });
			const challenges = await Promise.all(names.map((each) => challengeOf(`${each}/enroll`)));
			expect(challenges.filter((each) => each.withdrawnAt === null)).toHaveLength(5);
		});

		it("keeps the new challenge alone with maxLive 1", async () => {
			await store.startEnrollment(start(`${id}-1`, `person-${id}`, t0, 1));
			await store.startEnrollment(start(`${id}-2`, `person-${id}`, t0, 1));
			expect((await enrollment(`${id}-1`)).state).toBe("cancelled");
			expect((await enrollment(`${id}-2`)).state).toBe("started");
		});

		it("leaves alone what is answered, expired or another person's", async () => {
			await store.startEnrollment(start(`${id}-answered`, `person-${id}`));
			await store.identifyFirst(identify(`${id}-answered`));
			await store.startEnrollment(start(`${id}-expired`, `person-${id}`, at(-lifetime)));
			await store.startEnrollment(start(`${id}-other`, `other-${id}`));
			await store.startEnrollment(start(id, `person-${id}`, at(5000), 1));
			expect((await enrollment(`${id}-answered`)).state).toBe("identified");
			expect((await enrollment(`${id}-expired`)).state).toBe("started");
			expect((await challengeOf(`${id}-expired/enroll`)).withdrawnAt).toBeNull();
			expect((await enrollment(`${id}-other`)).state).toBe("started");
		});

		it("counts a person's starts since a moment, and nobody else's", async () => {
			const user = `person-${id}`;
			for (const n of [0, 1, 2]) await store.startEnrollment(start(`${id}-${n}`, user, at(n)));
			await store.startEnrollment(start(`${id}-other`, `other-${id}`, at(2)));
			const counts = await Promise.all([0, 1, 2, 3].map((n) => store.countStarts(user, at(n))));
			expect(counts).toEqual([3, 2, 1, 0]);
		});

		it("counts a person's certified devices but one, each once", async () => {
			const udid = `udid-${id}`;
			const user = `user-${id}`;
			await proceed(store, id, "identified");
			expect(await store.countDevices(user, "another", at(5000))).toBe(0);
			await store.reserveCertificate(reserve(id));
			await store.issueCertificate(issue(id));
			expect(await store.countDevices(user, "another", at(5000))).toBe(1);
			expect(await store.countDevices(user, udid, at(5000))).toBe(0);
			expect(await store.countDevices(`other-${id}`, "another", at(5000))).toBe(0);
			await store.deliver(delivery(id));
			expect(await store.countDevices(user, "another", at(5000))).toBe(1);
			const { serialNumber, notAfter } = reserve(id).certificate;
			expect(await store.countDevices(user, "another", new Date(notAfter.getTime() + 1))).toBe(0);
			await store.revoke(revocation({ serialNumber }));
			expect(await store.countDevices(user, "another", at(5000))).toBe(0);
		});

		it("fails as a whole when the enrollment or its challenge exists", async () => {
			await store.startEnrollment(start(id));
			const sameHash = {
				...start(`${id}-b`),
				challenge: challenge(`${id}/enroll`, `${id}-b`, { purpose: "enroll" }),
			};
			await expect(store.startEnrollment(start(id))).rejects.toMatchObject({ code: "store_unavailable" });
			await expect(store.startEnrollment(sameHash)).rejects.toMatchObject({ code: "store_unavailable" });
			expect(await eventsOf(`${id}-b`)).toEqual([]);
			await store.startEnrollment(start(`${id}-b`));
		});
	});

	describe("findChallenge", () => {
		it("does not know an unknown hash", async () => {
			expect(await store.findChallenge(hash("nobody's"))).toBeNull();
		});
		it("brings the certificate of that key alone, when asked for it", async () => {
			await proceed(store, id, "reserved");
			const of = (key?: string) => store.findChallenge(hash(`${id}/scep1`), key);
			expect(must(await of(hash(`${id}/key1`))).certificate).toEqual(await certificateOf());
			expect(must(await of(hash("another key"))).certificate).toBeNull();
			expect(must(await of()).certificate).toBeNull();
		});
		it("keeps a SCEP challenge's binding", async () => {
			await proceed(store, id, "identified");
			expect((await challengeOf(`${id}/scep1`)).binding).toEqual(challenge("any", id).binding);
		});
	});
}

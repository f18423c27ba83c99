/** Of the Store's contract: the successor of a certificate. */
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { NewCertificate, Store } from "../../lib/ports.ts";
import { must, type StoreContract, tally } from "./store-contract.ts";
import {
	at,
	delivery,
	hash,
	identify,
	issue,
	mint,
	proceed,
	renew,
	reserve,
	reserveMachine,
	revocation,
	week,
} from "./store-exchange.ts";

export function renewalContract(contract: StoreContract): void {
	const { enrollment, certificateOf, eventsOf, refuses } = contract;
	let store: Store;
	let id = "";
	beforeEach(() => {
		({ store, id } = contract);
	});
	const delivered = async () => {
		await proceed(store, id, "certified");
		await store.deliver(delivery(id));
	};
	const otherKey = (more: Partial<NewCertificate> = {}) => ({
		publicKeyHash: hash(`${id}/new key`),
		keyGeneration: 0,
		...more,
	});
	const issueRenewal = (now = at(5001)) => issue(id, 11, now);

	describe("reserveRenewal", () => {
		beforeEach(delivered);

		it("keeps the successor of the same key, with a challenge that is its own and spent", async () => {
			const { certificate, transaction, binding, expiresAt } = renew(id);
			expect(await store.reserveRenewal(renew(id))).toBe("reserved");
			const kept = await certificateOf(11);
			expect(kept).toMatchObject({ ...certificate, state: "reserved", keyGeneration: 1, der: null });
			const found = must(await store.findChallenge(certificate.challengeHash, certificate.publicKeyHash));
			expect(found.certificate).toEqual(kept);
			expect(found.challenge).toEqual({
				...{ hash: certificate.challengeHash, purpose: "identity", enrollmentId: id, binding, expiresAt },
				...{ createdAt: at(5000), usedAt: at(5000), usedByKey: certificate.publicKeyHash, withdrawnAt: null },
			});
			expect(await contract.raw.transactions(certificate.serialNumber)).toEqual([transaction.transactionID]);
			expect((await eventsOf()).at(-1)).toBe("certificate.reserved");
		});
		it("keeps the successor of another key", async () => {
			expect(await store.reserveRenewal(renew(id, 1, otherKey()))).toBe("reserved");
			expect(await certificateOf(11)).toMatchObject(otherKey());
		});
		it("renews what was renewed", async () => {
			await store.reserveRenewal(renew(id));
			await store.issueCertificate(issueRenewal());
			const { serialNumber: renews } = renew(id).certificate;
			const { publicKeyHash } = reserve(id).certificate;
			const next = { renews, challengeHash: `renewal:${renews}`, publicKeyHash, keyGeneration: 2 };
			expect(await store.reserveRenewal(renew(id, 11, next))).toBe("reserved");
		});
		it("renews a machine's, whose enrollment was never identified", async () => {
			const machine = `${id}-m`;
			await store.mintChallenges(mint(machine));
			await store.reserveCertificate(reserveMachine(machine));
			await store.issueCertificate(issue(machine));
			expect(await store.reserveRenewal(renew(machine, 1, { purpose: "machine" }))).toBe("reserved");
			expect(await store.issueCertificate(issue(machine, 11, at(5001)))).toBe(true);
		});
		it("renews until the last millisecond of the certificate", async () => {
			const { notAfter } = reserve(id).certificate;
			const after = new Date(notAfter.getTime() + 1);
			await refuses(() => store.reserveRenewal(renew(id, 1, { createdAt: after })), "refused");
			const last = { ...renew(id, 1, { createdAt: notAfter }), expiresAt: new Date(notAfter.getTime() + week) };
			expect(await store.reserveRenewal(last)).toBe("reserved");
		});
		it("answers exists for the same key, with another serial number as well", async () => {
			await store.reserveRenewal(renew(id));
			await refuses(() => store.reserveRenewal(renew(id)), "exists");
			await refuses(() => store.reserveRenewal(renew(id, 1, { serialNumber: hash("other").slice(0, 40) })), "exists");
		});
		it("refuses a second successor, of another key", async () => {
			await store.reserveRenewal(renew(id));
			const other = otherKey({ serialNumber: hash("another").slice(0, 40) });
			await refuses(() => store.reserveRenewal(renew(id, 1, other)), "refused");
		});

		const refusals: [string, Partial<NewCertificate>][] = [
			["an unknown certificate", { renews: "00", challengeHash: "renewal:00" }],
			["no certificate at all", { renews: null }],
			["the challenge of another renewal", { challengeHash: "renewal:00" }],
			["another purpose", { purpose: "client" }],
			["another enrollment", { enrollmentId: "unknown" }],
		];
		for (const [what, more] of refusals) {
			it(`refuses ${what}`, () => refuses(() => store.reserveRenewal(renew(id, 1, more)), "refused"));
		}
		it("refuses what was only reserved", async () => {
			const other = `${id}-b`;
			await proceed(store, other, "reserved");
			await refuses(() => store.reserveRenewal(renew(other)), "refused");
		});
		it("refuses what was revoked", async () => {
			const { serialNumber } = reserve(id).certificate;
			await store.revoke(revocation({ serialNumber }, at(4500)));
			await refuses(() => store.reserveRenewal(renew(id)), "refused");
		});
		it("refuses a cancelled enrollment", async () => {
			const machine = `${id}-m`;
			await store.mintChallenges(mint(machine));
			await store.reserveCertificate(reserveMachine(machine));
			await store.issueCertificate(issue(machine));
			await store.revoke(revocation({ person: `operator:${machine}` }));
			await refuses(() => store.reserveRenewal(renew(machine, 1, { purpose: "machine" })), "refused");
		});
		it("answers key when the key is another certificate's, and when the generation is not the next", async () => {
			await proceed(store, `${id}-b`, "reserved");
			const { publicKeyHash } = reserve(`${id}-b`).certificate;
			await refuses(() => store.reserveRenewal(renew(id, 1, { publicKeyHash, keyGeneration: 0 })), "key");
			await refuses(() => store.reserveRenewal(renew(id, 1, { publicKeyHash, keyGeneration: 1 })), "key");
			await refuses(() => store.reserveRenewal(renew(id, 1, { keyGeneration: 0 })), "key");
			await refuses(() => store.reserveRenewal(renew(id, 1, { keyGeneration: 2 })), "key");
			expect(await store.reserveRenewal(renew(id))).toBe("reserved");
		});
		it("answers key when an earlier key comes back", async () => {
			await store.reserveRenewal(renew(id, 1, otherKey()));
			await store.issueCertificate(issueRenewal());
			const { serialNumber: renews } = renew(id).certificate;
			const { publicKeyHash } = reserve(id).certificate;
			for (const keyGeneration of [0, 1]) {
				const back = { renews, challengeHash: `renewal:${renews}`, publicKeyHash, keyGeneration };
				await refuses(() => store.reserveRenewal(renew(id, 11, back)), "key");
			}
		});
		it("answers serial when the serial number is taken, and keeps nothing", async () => {
			const { serialNumber } = reserve(id).certificate;
			await refuses(() => store.reserveRenewal(renew(id, 1, { serialNumber })), "serial");
			expect(await store.reserveRenewal(renew(id))).toBe("reserved");
		});
		it("leaves its key to no first enrollment", async () => {
			await store.reserveRenewal(renew(id, 1, otherKey()));
			await proceed(store, `${id}-b`, "identified");
			const { publicKeyHash } = otherKey();
			expect(await store.reserveCertificate(reserve(`${id}-b`, 1, { publicKeyHash }))).toBe("key");
		});

		it("gives one certificate one successor among 64 keys", async () => {
			const answers = await Promise.all(
				Array.from({ length: 64 }, (_, n) => {
					const name = `${id}/race${n}`;
					const own = { publicKeyHash: hash(name), keyGeneration: 0, serialNumber: hash(name).slice(0, 40) };
					return store.reserveRenewal(renew(id, 1, own));
				}),
			);
			expect(tally(answers)).toEqual({ reserved: 1, refused: 63 });
		});
		it("reserves once for 64 identical requests", async () => {
			const answers = await Promise.all(Array.from({ length: 64 }, () => store.reserveRenewal(renew(id))));
			expect(tally(answers)).toEqual({ reserved: 1, exists: 63 });
		});
	});

	describe("issueCertificate of a renewal", () => {
		beforeEach(async () => {
			await delivered();
			await store.reserveRenewal(renew(id));
		});

		it("issues it and leaves the enrollment as it was, and the certificate renewed too", async () => {
			expect(await store.issueCertificate(issueRenewal())).toBe(true);
			expect(await certificateOf(11)).toMatchObject({ state: "issued" });
			expect(await certificateOf()).toMatchObject({ state: "issued" });
			expect((await enrollment()).state).toBe("delivered");
		});
		it("issues it while the enrollment is identified anew for nobody but itself", async () => {
			const other = `${id}-b`;
			await proceed(store, other, "certified");
			expect(await store.reserveRenewal(renew(other))).toBe("reserved");
			expect(await store.issueCertificate(issue(other, 11, at(5001)))).toBe(true);
			expect((await enrollment(other)).state).toBe("certified");
		});
		it("refuses once the certificate renewed was revoked", async () => {
			await store.revoke(revocation({ serialNumber: reserve(id).certificate.serialNumber }));
			await refuses(() => store.issueCertificate(issueRenewal(at(6001))));
		});
		it("refuses once the device has begun anew", async () => {
			const other = `${id}-b`;
			await proceed(store, other, "certified");
			await store.reserveRenewal(renew(other));
			await store.identifyAgain(identify(other, 1, { now: at(5000) }));
			expect(await certificateOf(11, other)).toMatchObject({ state: "abandoned", revokedAt: at(5000) });
			await refuses(() => store.issueCertificate(issue(other, 11, at(5001))));
		});
		it("refuses once its own time is over", async () => {
			await refuses(() => store.issueCertificate(issueRenewal(at(week))));
			expect(await store.issueCertificate(issueRenewal(at(week - 1)))).toBe(true);
		});
		it("refuses a second time", async () => {
			await store.issueCertificate(issueRenewal());
			await refuses(() => store.issueCertificate(issueRenewal()));
		});
	});
}

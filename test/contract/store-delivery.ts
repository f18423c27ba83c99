/** Of the Store's contract: deliveries, what is recorded beside them, and the store itself. */
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { Store } from "../../lib/ports.ts";
import { must, type StoreContract } from "./store-contract.ts";
import {
	again,
	at,
	audit,
	bytes,
	challenge,
	delivery,
	end,
	hash,
	issue,
	lifetime,
	proceed,
	renew,
	reserve,
	revocation,
	t0,
} from "./store-exchange.ts";

export function deliveryContract(contract: StoreContract): void {
	const { enrollment, challengeOf, certificateOf, eventsOf, refuses } = contract;
	let store: Store;
	let id = "";
	beforeEach(() => {
		({ store, id } = contract);
	});

	describe("deliver", () => {
		beforeEach(() => proceed(store, id, "certified"));

		it("keeps the bytes, marks the identity used and stores the client identity's challenge", async () => {
			const input = delivery(id);
			expect(await store.findDelivery(id)).toBeNull();
			expect(await store.deliver(input)).toBe(true);
			expect(await store.findDelivery(id)).toEqual(input.delivery);
			const { deliveredAt } = input.delivery;
			expect(await enrollment()).toMatchObject({ state: "delivered", deliveredAt });
			expect(await certificateOf()).toMatchObject({ state: "issued", usedAt: deliveredAt });
			expect(await challengeOf(`${id}/client`)).toMatchObject({ purpose: "client", usedAt: null });
			expect((await eventsOf()).at(-1)).toBe("profile.delivered");
		});
		it("delivers without a client identity", async () => {
			expect(await store.deliver({ ...delivery(id), challenges: [] })).toBe(true);
		});
		it("refuses a second time and keeps the first", async () => {
			await store.deliver(delivery(id));
			await refuses(() => store.deliver({ ...delivery(id, 1, at(5000)), challenges: [] }));
		});
		it("lets one of many win", async () => {
			const answers = await Promise.all(
				Array.from({ length: 16 }, (_, n) => {
					const input = delivery(id);
					const challenges = [challenge(`${id}/client${n}`, id, { purpose: "client" })];
					return store.deliver({
						...input,
						delivery: { ...input.delivery, profile: bytes(`bytes ${n}`) },
						challenges,
					});
				}),
			);
			expect(answers.filter(Boolean)).toHaveLength(1);
			const winner = must(await store.findDelivery(id)).profile;
			expect(winner).toEqual(bytes(`bytes ${answers.indexOf(true)}`));
		});
		it("holds until the last millisecond", async () => {
			expect(await store.deliver(delivery(id, 1, at(lifetime - 1)))).toBe(true);
		});
		it("refuses an expired enrollment", async () => {
			await refuses(() => store.deliver(delivery(id, 1, end)));
			await refuses(() => store.deliver(delivery(id, 1, at(lifetime + 1))));
		});
		it("refuses another enrollment's certificate", async () => {
			await proceed(store, `${id}-b`, "certified");
			const { certificateSerialNumber } = delivery(`${id}-b`).delivery;
			const input = delivery(id);
			await refuses(() => store.deliver({ ...input, delivery: { ...input.delivery, certificateSerialNumber } }));
		});
		it("refuses an unknown enrollment and an unknown certificate", async () => {
			const input = delivery(id);
			const to = (more: object) => store.deliver({ ...input, delivery: { ...input.delivery, ...more } });
			await refuses(() => to({ enrollmentId: "unknown" }));
			await refuses(() => to({ certificateSerialNumber: "00" }));
		});
		it("refuses a certificate that has expired, not one in its last millisecond", async () => {
			for (const [notAfter, answer] of [
				[at(3999), false],
				[at(4000), true],
			] as const) {
				const other = `${id}-${answer}`;
				await proceed(store, other, "identified");
				await store.reserveCertificate(reserve(other, 1, { notAfter }));
				await store.issueCertificate(issue(other));
				expect(await store.deliver(delivery(other))).toBe(answer);
			}
		});
		it("refuses before the certificate is issued", async () => {
			const other = `${id}-b`;
			await proceed(store, other, "reserved");
			expect(await store.deliver(delivery(other))).toBe(false);
			expect(await eventsOf(other)).not.toContain("profile.delivered");
		});
	});

	describe("deliverAgain", () => {
		const serialNumber = (n = 1, of = id) => reserve(of, n).certificate.serialNumber;
		beforeEach(async () => {
			await proceed(store, id, "certified");
			await store.deliver(delivery(id));
		});

		it("keeps the bytes as the newest, and stores the challenge", async () => {
			const input = again(id);
			expect(await store.deliverAgain(input)).toBe(true);
			expect(await store.findDelivery(id)).toEqual(input.delivery);
			expect(await challengeOf(`${id}/client1`)).toMatchObject({ purpose: "client", usedAt: null });
			expect(await enrollment()).toMatchObject({ state: "delivered", deliveredAt: at(4000) });
			expect(await certificateOf()).toMatchObject({ usedAt: at(4000) });
			expect((await eventsOf()).at(-1)).toBe("profile.delivered");
			const download = again(id, 2, { kind: "download" });
			expect(await store.deliverAgain(download)).toBe(true);
			expect(await store.findDelivery(id)).toEqual(download.delivery);
		});
		it("takes the next number alone", async () => {
			for (const number of [-1, 0, 2]) await refuses(() => store.deliverAgain(again(id, number)));
			await store.deliverAgain(again(id));
			await refuses(() => store.deliverAgain({ ...again(id), challenges: [] }));
		});
		it("lets one of many win a number", async () => {
			const inputs = Array.from({ length: 16 }, (_, n) => ({
				...again(id, 1, { profile: bytes(`bytes ${n}`) }),
				challenges: [challenge(`${id}/client-${n}`, id, { purpose: "client" })],
			}));
			const answers = await Promise.all(inputs.map((input) => store.deliverAgain(input)));
			expect(answers.filter(Boolean)).toHaveLength(1);
			expect(must(await store.findDelivery(id)).profile).toEqual(bytes(`bytes ${answers.indexOf(true)}`));
		});
		it("refuses an enrollment that has got nothing yet, or is unknown", async () => {
			await proceed(store, `${id}-b`, "certified");
			expect(await store.deliverAgain(again(`${id}-b`, 0))).toBe(false);
			expect(await store.deliverAgain(again(`${id}-b`, 1))).toBe(false);
			expect(await store.findDelivery(`${id}-b`)).toBeNull();
			expect(await store.deliverAgain({ ...again("unknown"), challenges: [] })).toBe(false);
		});
		it("refuses another enrollment's certificate, and one that is no identity", async () => {
			await proceed(store, `${id}-b`, "certified");
			const others = { certificateSerialNumber: serialNumber(1, `${id}-b`) };
			await refuses(() => store.deliverAgain(again(id, 1, others)));
			await store.reserveCertificate(reserve(id, 2, { purpose: "client", challengeHash: hash(`${id}/client`) }));
			await store.issueCertificate(issue(id, 2));
			await refuses(() => store.deliverAgain(again(id, 1, { certificateSerialNumber: serialNumber(2) })));
		});
		it("refuses a certificate that is revoked, or has ended", async () => {
			const { notAfter } = reserve(id).certificate;
			const late = new Date(notAfter.getTime() + 1);
			await refuses(() => store.deliverAgain(again(id, 1, { deliveredAt: late })));
			expect(await store.deliverAgain(again(id, 1, { deliveredAt: notAfter }))).toBe(true);
			await store.revoke(revocation({ serialNumber: serialNumber() }));
			await refuses(() => store.deliverAgain(again(id, 2)));
		});
		it("goes to a renewed identity, which an update uses and a download does not", async () => {
			await store.reserveRenewal(renew(id));
			await store.issueCertificate(issue(id, 11, at(5500)));
			const to = { certificateSerialNumber: serialNumber(11) };
			expect(await store.deliverAgain(again(id, 1, { ...to, kind: "download" }))).toBe(true);
			expect((await certificateOf(11)).usedAt).toBeNull();
			const update = again(id, 2, to);
			expect(await store.deliverAgain(update)).toBe(true);
			expect((await certificateOf(11)).usedAt).toEqual(update.delivery.deliveredAt);
		});
	});

	describe("hasSpentClient", () => {
		it("tells of client challenges that were drawn from then on, and of no others", async () => {
			await proceed(store, id, "certified");
			await store.deliver(delivery(id));
			const spent = (since: Date) => store.hasSpentClient(id, since);
			expect(await spent(t0)).toBe(false);
			const { createdAt } = delivery(id).challenges[0] as { createdAt: Date };
			await store.reserveCertificate(reserve(id, 5, { purpose: "client", challengeHash: hash(`${id}/client`) }));
			expect(await spent(createdAt)).toBe(true);
			expect(await spent(new Date(createdAt.getTime() + 1))).toBe(false);
			expect(await store.hasSpentClient("other", t0)).toBe(false);
		});
	});

	describe("confirmDelivery", () => {
		const confirm = (now = at(9000), n = 1) => ({
			...{ certificateSerialNumber: reserve(id, n).certificate.serialNumber, now },
			audit: audit("profile.confirmed", id, now),
		});
		beforeEach(async () => {
			await proceed(store, id, "certified");
			await store.deliver(delivery(id));
		});

		it("dates the newest delivery, once", async () => {
			expect(await store.confirmDelivery(confirm())).toBe(true);
			expect((await store.findDelivery(id))?.confirmedAt).toEqual(at(9000));
			expect((await eventsOf()).at(-1)).toBe("profile.confirmed");
			await refuses(() => store.confirmDelivery(confirm(at(9001))));
			await store.deliverAgain(again(id));
			expect((await store.findDelivery(id))?.confirmedAt).toBeNull();
			expect(await store.confirmDelivery(confirm(at(9002)))).toBe(true);
			expect(await store.findDelivery(id)).toMatchObject({ number: 1, confirmedAt: at(9002) });
		});
		it("lets one of many win", async () => {
			const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => store.confirmDelivery(confirm(at(n)))));
			expect(answers.filter(Boolean)).toHaveLength(1);
			expect((await eventsOf()).filter((event) => event === "profile.confirmed")).toHaveLength(1);
		});
		it("refuses a certificate that nothing was delivered to", async () => {
			await refuses(() => store.confirmDelivery(confirm(at(9000), 2)));
		});
	});

	describe("the rest", () => {
		it("finds no certificate and no delivery that is not there", async () => {
			expect(await store.findCertificate("00")).toBeNull();
			expect(await store.findDelivery("unknown")).toBeNull();
		});
		it("finds a certificate with its enrollment", async () => {
			await proceed(store, id, "reserved");
			const found = must(await store.findCertificate(reserve(id).certificate.serialNumber));
			expect(found.enrollment).toEqual(await enrollment());
		});
		it("records an audit event as it is given", async () => {
			const event = audit("refused", null, at(7));
			await store.record(event);
			expect((await contract.raw.events()).at(-1)).toEqual(event);
		});
		it("lets nothing beside a failing transaction be lost with it, or see what it wrote", async () => {
			await proceed(store, id, "certified");
			const input = delivery(id);
			// Fails at its very last challenge, after all else was written.
			const failing = { ...input, challenges: [...input.challenges, challenge(`${id}/enroll`, id)] };
			const seen: unknown[] = [];
			// Each records its refusal while others are still in their transactions.
			const refused = async (n: number) => {
				await expect(store.deliver(failing)).rejects.toMatchObject({ code: "store_unavailable" });
				await store.record(audit(`beside.${n}`, id));
				seen.push(await store.findDelivery(id));
			};
			await Promise.all(Array.from({ length: 64 }, (_, n) => refused(n)));
			expect((await eventsOf()).filter((event) => event.startsWith("beside."))).toHaveLength(64);
			expect(seen).toEqual(Array(64).fill(null));
			expect((await enrollment()).state).toBe("certified");
		});
		it("answers a check", async () => {
			await expect(store.check()).resolves.toBeUndefined();
		});
	});
}

/** Of the Store's contract: deliveries, what is recorded beside them, and the store itself. */
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { Store } from "../../lib/ports.ts";
import { must, type StoreContract } from "./store-contract.ts";
import { at, audit, bytes, challenge, delivery, end, issue, lifetime, proceed, reserve } from "./store-exchange.ts";

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

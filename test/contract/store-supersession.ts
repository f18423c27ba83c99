/** Of the Store's contract: a device's new certificates take the place of those that it has. */
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { Store } from "../../lib/ports.ts";
import type { StoreContract } from "./store-contract.ts";
import { again, at, delivery, enroll, hash, issue, renew, reserve } from "./store-exchange.ts";

export function supersessionContract(contract: StoreContract): void {
	const { certificateOf } = contract;
	let store: Store;
	let id = "";
	let udid = "";
	let other = "";
	beforeEach(() => {
		({ store, id } = contract);
		udid = `udid-${id}`;
		other = `${id}-b`;
	});
	const superseded = (when: Date) => ({ state: "revoked", revokedAt: when, revocationReason: 4 });
	const stateOf = async (n: number, of = id) => (await certificateOf(n, of)).state;
	const revocationsOf = async (of: string) =>
		(await contract.raw.events()).filter(({ event, enrollmentId }) => {
			return event === "certificate.revoked" && enrollmentId === of;
		});
	/** Enrolled and delivered. */
	const complete = async (of: string, more: Parameters<typeof enroll>[3] = {}) => {
		await enroll(store, of, udid, more);
		expect(await store.deliver(delivery(of))).toBe(true);
	};
	const reserveClient = (of: string, n: number, challenge: string) =>
		store.reserveCertificate(reserve(of, n, { purpose: "client", challengeHash: hash(`${of}/${challenge}`) }));
	const issueClient = async (of: string, n: number, challenge: string) => {
		await reserveClient(of, n, challenge);
		expect(await store.issueCertificate(issue(of, n))).toBe(true);
	};

	describe("deliver supersedes", () => {
		it("the identities of the same device and person, with an event each", async () => {
			await complete(id, { userId: `u-${id}` });
			await store.reserveRenewal(renew(id));
			await store.issueCertificate(issue(id, 11, at(3500)));
			await complete(other, { userId: `u-${id}` });
			for (const n of [1, 11]) expect(await certificateOf(n)).toMatchObject(superseded(at(4000)));
			expect(await stateOf(1, other)).toBe("issued");
			const serialNumbers = [1, 11].map((n) => reserve(id, n).certificate.serialNumber).sort();
			const event = { at: at(4000), event: "certificate.revoked", enrollmentId: id };
			expect(await revocationsOf(id)).toEqual(
				serialNumbers.map((serialNumber) => ({ ...event, detail: { serialNumber, reason: 4 } })),
			);
		});
		it("what such an enrollment was still offered, and nothing of the new one", async () => {
			await complete(id, { userId: `u-${id}` });
			await complete(other, { userId: `u-${id}` });
			const withdrawnAt = async (of: string) =>
				(await store.findChallenge(hash(`${of}/client`)))?.challenge.withdrawnAt;
			expect([await withdrawnAt(id), await withdrawnAt(other)]).toEqual([at(4000), null]);
			expect(await reserveClient(id, 5, "client")).toBe("refused");
		});
		it("those of another person that the same built-in identity answered", async () => {
			await complete(id, { signer: `signer-${id}` });
			await complete(other, { signer: `signer-${id}` });
			expect(await certificateOf()).toMatchObject(superseded(at(4000)));
		});
		it("nothing of another person with another built-in identity, though the UDID is the same", async () => {
			await complete(id);
			await complete(other);
			expect(await stateOf(1)).toBe("issued");
			expect(await revocationsOf(id)).toEqual([]);
		});
		it("nothing of the same person's other device", async () => {
			await complete(id, { userId: `u-${id}` });
			udid = `udid-${other}`;
			await complete(other, { userId: `u-${id}` });
			expect(await stateOf(1)).toBe("issued");
		});
		it("no client certificate, and nothing that is reserved", async () => {
			await complete(id, { userId: `u-${id}` });
			await issueClient(id, 2, "client");
			await store.reserveRenewal(renew(id));
			await complete(other, { userId: `u-${id}` });
			expect([await stateOf(1), await stateOf(2), await stateOf(11)]).toEqual(["revoked", "issued", "reserved"]);
			// What it would renew does not count any more.
			expect(await store.issueCertificate(issue(id, 11, at(5500)))).toBe(false);
		});
		it("nothing when it is refused, nor a second time", async () => {
			await complete(id, { userId: `u-${id}` });
			await enroll(store, other, udid, { userId: `u-${id}` });
			const { notAfter } = reserve(other).certificate;
			expect(await store.deliver(delivery(other, 1, notAfter))).toBe(false);
			expect(await stateOf(1)).toBe("issued");
			await store.deliver(delivery(other));
			await store.deliver(delivery(other));
			expect(await revocationsOf(id)).toHaveLength(1);
		});
		it("all but one of a device's that are delivered at the same time", async () => {
			const all = Array.from({ length: 6 }, (_, n) => `${id}-${n}`);
			for (const each of all) await enroll(store, each, udid, { userId: `u-${id}` });
			const answers = await Promise.all(all.map((each) => store.deliver(delivery(each))));
			// Whoever was first has revoked the others, who therefore get nothing.
			expect(answers.filter(Boolean)).toHaveLength(1);
			const states = await Promise.all(all.map((each) => stateOf(1, each)));
			expect(states).toEqual(answers.map((isDelivered) => (isDelivered ? "issued" : "revoked")));
		});
	});

	describe("a first client certificate supersedes", () => {
		beforeEach(async () => {
			await complete(id, { userId: `u-${id}` });
			await store.deliverAgain(again(id));
			await issueClient(id, 2, "client");
		});

		it("the one of the same enrollment, and no identity", async () => {
			await issueClient(id, 3, "client1");
			expect(await certificateOf(2)).toMatchObject(superseded(at(3003)));
			expect([await stateOf(1), await stateOf(3)]).toEqual(["issued", "issued"]);
			expect(await revocationsOf(id)).toHaveLength(1);
			expect((await contract.eventsOf()).at(-1)).toBe("certificate.issued");
		});
		it("those of another enrollment of the same device and person", async () => {
			await complete(other, { userId: `u-${id}` });
			await issueClient(other, 2, "client");
			expect(await stateOf(2)).toBe("revoked");
			expect(await stateOf(2, other)).toBe("issued");
		});
		it("nothing of another person's with another built-in identity", async () => {
			await complete(other);
			await issueClient(other, 2, "client");
			expect(await stateOf(2)).toBe("issued");
		});
		it("nothing when it renews one", async () => {
			await store.reserveRenewal(renew(id, 2, { purpose: "client" }));
			expect(await store.issueCertificate(issue(id, 12, at(5500)))).toBe(true);
			expect([await stateOf(2), await stateOf(12)]).toEqual(["issued", "issued"]);
		});
		it("nothing when it is refused", async () => {
			await reserveClient(id, 3, "client1");
			expect(await store.issueCertificate(issue(id, 3, at(8 * 86_400_000)))).toBe(false);
			expect(await stateOf(2)).toBe("issued");
		});
		it("all but one that are issued at the same time", async () => {
			const numbers = [3, 4, 5, 6];
			for (const n of numbers) {
				if (n > 3) await store.deliverAgain(again(id, n - 2));
				await reserveClient(id, n, `client${n - 2}`);
			}
			const answers = await Promise.all(numbers.map((n) => store.issueCertificate(issue(id, n))));
			expect(answers).toEqual([true, true, true, true]);
			const states = await Promise.all([2, ...numbers].map((n) => stateOf(n)));
			expect(states.filter((state) => state === "issued")).toHaveLength(1);
		});
	});
}

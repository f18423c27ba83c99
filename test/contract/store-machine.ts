/** Of the Store's contract: challenges that an operator mints for machines. */
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { Store } from "../../lib/ports.ts";
import type { StoreContract } from "./store-contract.ts";
import { at, hash, issue, mint, reserve, reserveMachine, t0 } from "./store-exchange.ts";

export function machineContract(contract: StoreContract): void {
	const { certificateOf, eventsOf, refuses } = contract;
	let store: Store;
	let id = "";
	beforeEach(() => {
		({ store, id } = contract);
	});
	const found = (name: string) => store.findChallenge(hash(`${id}/${name}`));

	describe("mintChallenges", () => {
		it("keeps an enrollment of nobody's with its challenges", async () => {
			const { enrollment, challenges } = mint(id);
			await store.mintChallenges(mint(id));
			const unused = { usedAt: null, usedByKey: null, withdrawnAt: null };
			const nobody = { signerKeyHash: null, udid: null, device: {}, attempts: 0, deliveredAt: null };
			expect(await found("machine2")).toEqual({
				challenge: { ...challenges[1], ...unused },
				enrollment: { ...enrollment, state: "minted", ...nobody },
				certificate: null,
				isBlocked: false,
			});
			expect(await eventsOf()).toEqual(["challenges.minted"]);
		});
		it("keeps nothing when one of them is there already", async () => {
			const { challenges } = mint(id);
			const twice = { ...mint(id), challenges: [...challenges, ...challenges.slice(1)] };
			await expect(store.mintChallenges(twice)).rejects.toMatchObject({ code: "store_unavailable" });
			expect(await found("machine1")).toBeNull();
			expect(await eventsOf()).toEqual([]);
		});
		it("keeps nothing when the enrollment is there already", async () => {
			await store.mintChallenges(mint(id));
			const again = { ...mint(id), challenges: [] };
			await refuses(() => store.mintChallenges(again).catch((error) => error.code), "store_unavailable");
		});
		it("counts as nobody's start but the operator's", async () => {
			await store.mintChallenges(mint(id));
			expect(await store.countStarts(`operator:${id}`, t0)).toBe(1);
			expect(await store.countDevices(`operator:${id}`, "", at(5000))).toBe(0);
		});
	});

	describe("a machine's certificate", () => {
		beforeEach(() => store.mintChallenges(mint(id)));

		it("is reserved and issued without moving the enrollment", async () => {
			expect(await store.reserveCertificate(reserveMachine(id))).toBe("reserved");
			expect(await store.issueCertificate(issue(id))).toBe(true);
			expect(await certificateOf()).toMatchObject({ state: "issued", purpose: "machine" });
			expect((await found("machine1"))?.enrollment.state).toBe("minted");
		});
		it("is one for each challenge", async () => {
			await store.reserveCertificate(reserveMachine(id));
			await refuses(() => store.reserveCertificate(reserveMachine(id, 1, { publicKeyHash: hash("other") })), "refused");
			expect(await store.reserveCertificate(reserveMachine(id, 2))).toBe("reserved");
		});
		it("has no other purpose", () =>
			refuses(() => store.reserveCertificate(reserveMachine(id, 1, { purpose: "client" })), "refused"));
		it("is reserved as no renewal, whatever the request says", async () => {
			const claimed = { keyGeneration: 3, renews: reserve(id).certificate.serialNumber };
			expect(await store.reserveCertificate(reserveMachine(id, 1, claimed))).toBe("reserved");
			expect(await certificateOf()).toMatchObject({ keyGeneration: 0, renews: null });
		});
	});
}

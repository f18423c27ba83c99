/** Of the Store's contract: requests that wait for an operator, and the certificates that they lead to. */
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { Store } from "../../lib/ports.ts";
import { must, type StoreContract, tally } from "./store-contract.ts";
import {
	approval,
	at,
	decide,
	delivery,
	end,
	hash,
	identify,
	issue,
	proceed,
	reserve,
	revocation,
	start,
	week,
} from "./store-exchange.ts";

export function approvalContract(contract: StoreContract): void {
	const { enrollment, challengeOf, certificateOf, approvalOf, eventsOf, refuses } = contract;
	let store: Store;
	let id = "";
	beforeEach(() => {
		({ store, id } = contract);
	});
	/** One day after everything else would have ended. */
	const late = { createdAt: at(86_400_000) };

	describe("pendApproval", () => {
		beforeEach(() => proceed(store, id, "identified"));

		it("spends the challenge, keeps the request, and lets challenge and enrollment live as long", async () => {
			const input = approval(id);
			expect(await store.pendApproval(input)).toBe("pending");
			expect(await approvalOf()).toEqual({ ...input.approval, state: "pending", decidedAt: null, decidedBy: null });
			const { createdAt, expiresAt, publicKeyHash } = input.approval;
			const spent = { usedAt: createdAt, usedByKey: publicKeyHash, expiresAt };
			expect(await challengeOf(`${id}/scep1`)).toMatchObject(spent);
			expect((await enrollment()).expiresAt).toEqual(expiresAt);
			expect((await eventsOf()).at(-1)).toBe("approval.pending");
		});
		it("shortens no life", async () => {
			await store.pendApproval(approval(id, 1, { expiresAt: at(5000) }));
			expect((await enrollment()).expiresAt).toEqual(end);
			expect((await challengeOf(`${id}/scep1`)).expiresAt).toEqual(end);
		});
		it("answers exists for the same challenge and key, decided or not", async () => {
			await store.pendApproval(approval(id));
			await refuses(() => store.pendApproval(approval(id)), "exists");
			await store.decideApproval(decide(id, "refused"));
			await refuses(() => store.pendApproval(approval(id, 1, { id: "0123456789ab", ...late })), "exists");
		});
		it("refuses another key once the challenge is spent", async () => {
			await store.pendApproval(approval(id));
			await refuses(() => store.pendApproval(approval(id, 1, { publicKeyHash: hash("other") })), "refused");
		});
		it("refuses once the challenge has a certificate, of this key or another", async () => {
			await store.reserveCertificate(reserve(id));
			await refuses(() => store.pendApproval(approval(id)), "refused");
			await refuses(() => store.pendApproval(approval(id, 1, { publicKeyHash: hash("other") })), "refused");
		});
		it("answers key when the key has a certificate under another challenge, and spends nothing", async () => {
			await proceed(store, `${id}-b`, "reserved");
			const { publicKeyHash } = reserve(`${id}-b`).certificate;
			await refuses(() => store.pendApproval(approval(id, 1, { publicKeyHash })), "key");
		});
		const refusals: [string, Parameters<typeof approval>[2]][] = [
			["an unknown challenge", { challengeHash: hash("unknown") }],
			["a challenge that expires in this millisecond", { createdAt: end }],
			["another purpose", { purpose: "client" }],
			["an unknown enrollment", { enrollmentId: "unknown" }],
		];
		for (const [what, more] of refusals) {
			it(`refuses ${what}`, () => refuses(() => store.pendApproval(approval(id, 1, more)), "refused"));
		}
		it("refuses a withdrawn challenge", async () => {
			await store.identifyAgain(identify(id, 1));
			await refuses(() => store.pendApproval(approval(id)), "refused");
		});
		it("refuses a cancelled enrollment", async () => {
			await store.revoke(revocation({ person: `user-${id}` }));
			await refuses(() => store.pendApproval(approval(id)), "refused");
		});
		it("gives one challenge to one of 16 keys", async () => {
			const answers = await Promise.all(
				Array.from({ length: 16 }, (_, n) => {
					const own = { id: hash(`${id}/${n}`).slice(0, 12), publicKeyHash: hash(`${id}/race${n}`) };
					return store.pendApproval(approval(id, 1, own));
				}),
			);
			expect(tally(answers)).toEqual({ pending: 1, refused: 15 });
		});
		it("waits once for 16 identical requests", async () => {
			const answers = await Promise.all(
				Array.from({ length: 16 }, (_, n) =>
					store.pendApproval(approval(id, 1, { id: hash(`${id}/${n}`).slice(0, 12) })),
				),
			);
			expect(tally(answers)).toEqual({ pending: 1, exists: 15 });
			expect((await eventsOf()).filter((event) => event === "approval.pending")).toHaveLength(1);
		});
	});

	describe("hasDelivered", () => {
		it("knows a device from its first profile on", async () => {
			await proceed(store, id, "certified");
			const udid = must((await enrollment()).udid);
			expect(await store.hasDelivered(udid)).toBe(false);
			await store.deliver(delivery(id));
			expect(await store.hasDelivered(udid)).toBe(true);
			expect(await store.hasDelivered("another")).toBe(false);
		});
	});

	describe("findApproval", () => {
		beforeEach(() => proceed(store, id, "identified"));

		it("finds nothing where nothing waits", async () => {
			const { transactionID, signerKeyHash } = reserve(id).transaction;
			expect(await store.findApproval({ transactionID, signerKeyHash })).toBeNull();
		});
		it("finds it by transaction and signer, with the challenge, the enrollment and no certificate yet", async () => {
			await store.pendApproval(approval(id));
			const { transactionID, signerKeyHash } = reserve(id).transaction;
			expect(await store.findApproval({ transactionID, signerKeyHash })).toEqual({
				approval: await approvalOf(),
				challenge: await challengeOf(`${id}/scep1`),
				enrollment: await enrollment(),
				certificate: null,
				isBlocked: false,
			});
			expect(await store.findApproval({ transactionID, signerKeyHash: hash("another signer") })).toBeNull();
			expect(await store.findApproval({ transactionID: "another", signerKeyHash })).toBeNull();
		});
		it("finds the certificate that it led to", async () => {
			await store.pendApproval(approval(id));
			await store.decideApproval(decide(id, "approved"));
			await store.reserveCertificate(reserve(id));
			const { transactionID, signerKeyHash } = reserve(id).transaction;
			const found = must(await store.findApproval({ transactionID, signerKeyHash }));
			expect(found.certificate).toEqual(await certificateOf());
		});
		it("finds the newest of one transaction's", async () => {
			await store.pendApproval(approval(id));
			await store.identifyAgain(identify(id, 1));
			const { transaction } = approval(id).approval;
			await store.pendApproval(approval(id, 2, { transaction }));
			expect((await store.findApproval(transaction))?.approval.id).toBe(approval(id, 2).approval.id);
		});
		it("says that the device was blocked", async () => {
			await store.pendApproval(approval(id));
			await store.revoke(revocation({ device: `udid-${id}` }));
			expect(await store.findApproval(reserve(id).transaction)).toMatchObject({ isBlocked: true });
		});
	});

	describe("listApprovals", () => {
		it("lists those of a state with their enrollments, oldest first", async () => {
			const ids = [`${id}-b`, `${id}-a`];
			for (const [n, of] of ids.entries()) {
				await proceed(store, of, "identified");
				await store.pendApproval(approval(of, 1, { createdAt: at(1500 + n) }));
			}
			const listed = (await store.listApprovals("pending")).filter((each) => ids.includes(each.enrollment.id));
			expect(listed.map(({ approval: { enrollmentId } }) => enrollmentId)).toEqual(ids);
			expect(listed[0]).toEqual({ approval: await approvalOf(1, `${id}-b`), enrollment: await enrollment(`${id}-b`) });
			await store.decideApproval(decide(`${id}-b`, "refused"));
			const left = (await store.listApprovals("pending")).map((each) => each.enrollment.id);
			expect(left).not.toContain(`${id}-b`);
			expect((await store.listApprovals("refused")).map((each) => each.enrollment.id)).toContain(`${id}-b`);
		});
	});

	describe("decideApproval", () => {
		beforeEach(async () => {
			await proceed(store, id, "identified");
			await store.pendApproval(approval(id));
		});

		for (const state of ["approved", "refused"] as const) {
			it(`keeps that it was ${state}, by whom and when, and tells the enrollment's history`, async () => {
				expect(await store.decideApproval(decide(id, state))).toBe(true);
				expect(await approvalOf()).toMatchObject({ state, decidedAt: at(1600), decidedBy: "root" });
				expect((await eventsOf()).at(-1)).toBe(`approval.${state}`);
			});
		}
		it("decides once", async () => {
			await store.decideApproval(decide(id, "refused"));
			await refuses(() => store.decideApproval(decide(id, "approved")));
		});
		it("decides nothing unknown", () => refuses(() => store.decideApproval({ ...decide(id, "approved"), id: "0" })));
		it("decides until the last millisecond", async () => {
			await refuses(() => store.decideApproval(decide(id, "approved", 1, at(week))));
			expect(await store.decideApproval(decide(id, "approved", 1, at(week - 1)))).toBe(true);
		});
		it("lets one of many decide", async () => {
			const answers = await Promise.all(
				Array.from({ length: 16 }, (_, n) => store.decideApproval(decide(id, n % 2 === 0 ? "approved" : "refused"))),
			);
			expect(answers.filter(Boolean)).toHaveLength(1);
		});
	});

	describe("reserveCertificate after pendApproval", () => {
		beforeEach(async () => {
			await proceed(store, id, "identified");
			await store.pendApproval(approval(id));
		});

		it("refuses while it waits, and when it was refused", async () => {
			await refuses(() => store.reserveCertificate(reserve(id)), "refused");
			await store.decideApproval(decide(id, "refused"));
			await refuses(() => store.reserveCertificate(reserve(id)), "refused");
		});
		it("reserves when it was approved, days later, and the certificate is issued", async () => {
			await store.decideApproval(decide(id, "approved"));
			expect(await store.reserveCertificate(reserve(id, 1, late))).toBe("reserved");
			// What the request spent stays as it was told then.
			expect((await challengeOf(`${id}/scep1`)).usedAt).toEqual(approval(id).approval.createdAt);
			expect(await store.issueCertificate(issue(id, 1, at(86_400_001)))).toBe(true);
			expect((await enrollment()).state).toBe("certified");
		});
		it("reserves until the last millisecond of the approval", async () => {
			await store.decideApproval(decide(id, "approved"));
			await refuses(() => store.reserveCertificate(reserve(id, 1, { createdAt: at(week) })), "refused");
			expect(await store.reserveCertificate(reserve(id, 1, { createdAt: at(week - 1) }))).toBe("reserved");
		});
		it("refuses another key though it was approved", async () => {
			await store.decideApproval(decide(id, "approved"));
			await refuses(() => store.reserveCertificate(reserve(id, 1, { publicKeyHash: hash(`${id}/other`) })), "refused");
		});
		it("answers exists, key and serial as without one", async () => {
			await store.decideApproval(decide(id, "approved"));
			await proceed(store, `${id}-b`, "reserved");
			const { serialNumber } = reserve(`${id}-b`).certificate;
			await refuses(() => store.reserveCertificate(reserve(id, 1, { serialNumber })), "serial");
			const { publicKeyHash } = reserve(id).certificate;
			await proceed(store, `${id}-c`, "identified");
			expect(await store.reserveCertificate(reserve(`${id}-c`, 1, { publicKeyHash }))).toBe("reserved");
			await refuses(() => store.reserveCertificate(reserve(id)), "key");
			await proceed(store, `${id}-d`, "identified");
			await store.pendApproval(approval(`${id}-d`));
			await store.decideApproval(decide(`${id}-d`, "approved"));
			expect(await store.reserveCertificate(reserve(`${id}-d`))).toBe("reserved");
			expect(await store.reserveCertificate(reserve(`${id}-d`))).toBe("exists");
		});
		it("reserves once for 16 identical polls", async () => {
			await store.decideApproval(decide(id, "approved"));
			const answers = await Promise.all(Array.from({ length: 16 }, () => store.reserveCertificate(reserve(id))));
			expect(tally(answers)).toEqual({ reserved: 1, exists: 15 });
		});
		it("refuses once the device has begun anew, approved before or waiting", async () => {
			await store.identifyAgain(identify(id, 1));
			expect(await approvalOf()).toMatchObject({ state: "refused", decidedAt: identify(id, 1).now, decidedBy: null });
			await refuses(() => store.decideApproval(decide(id, "approved")));
			await store.pendApproval(approval(id, 2));
			await store.decideApproval(decide(id, "approved", 2));
			await store.identifyAgain(identify(id, 2));
			await refuses(() => store.reserveCertificate(reserve(id, 2)), "refused");
		});
		it("refuses a cancelled enrollment", async () => {
			await store.decideApproval(decide(id, "approved"));
			await store.revoke(revocation({ person: `user-${id}` }));
			await refuses(() => store.reserveCertificate(reserve(id)), "refused");
		});
		it("leaves the person's other starts alone", async () => {
			await store.startEnrollment(start(`${id}-b`, `user-${id}`, at(2000), 1));
			expect((await enrollment()).state).toBe("identified");
		});
	});
}

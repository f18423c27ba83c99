/** Of the Store's contract: revocation of a certificate, a device, a person, and the blocks that it leaves. */
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { Block, RevocationTarget, Store } from "../../lib/ports.ts";
import { must, type StoreContract } from "./store-contract.ts";
import {
	approval,
	at,
	challenge,
	delivery,
	hash,
	identify,
	issue,
	lift,
	mint,
	proceed,
	renew,
	reserve,
	reserveMachine,
	revocation,
	start,
} from "./store-exchange.ts";

export function revocationContract(contract: StoreContract): void {
	const { enrollment, challengeOf, certificateOf, approvalOf, eventsOf, refuses } = contract;
	let store: Store;
	let id = "";
	beforeEach(() => {
		({ store, id } = contract);
	});
	const serialOf = (n = 1, of = id) => reserve(of, n).certificate.serialNumber;
	const kept = (kind: Block["kind"], value: string): Block => {
		return { kind, value, createdAt: at(6000), reason: 1, by: "root" };
	};
	const blocksOf = async (of = id) => (await store.listBlocks()).filter(({ value }) => value.endsWith(`-${of}`));
	const detailsOf = async (of: string) =>
		(await contract.raw.events())
			.filter(({ event }) => event === of)
			.map(({ detail }) => detail)
			// A serial number may have the id's digits in it.
			.filter(
				({ person = "", device = "", serialNumber }) =>
					`${person} ${device}`.includes(id) || serialNumber === serialOf(),
			);

	describe("revoke, one certificate", () => {
		it("revokes what was issued, with its reason, and nothing else of the enrollment", async () => {
			await proceed(store, id, "certified");
			const { target, ...more } = revocation({ serialNumber: serialOf() });
			const answer = await store.revoke({ target, ...more });
			expect(answer).toEqual({ revoked: [serialOf()], already: [], blocks: [] });
			expect(await certificateOf()).toMatchObject({ state: "revoked", revokedAt: at(6000), revocationReason: 1 });
			expect((await enrollment()).state).toBe("certified");
			expect(await blocksOf()).toEqual([]);
			expect((await eventsOf()).at(-1)).toBe("certificate.revoked");
			expect(await detailsOf("certificate.revoked")).toEqual([{ ...more.audit.detail, serialNumber: serialOf() }]);
		});
		it("abandons what was reserved, which is then never issued", async () => {
			await proceed(store, id, "reserved");
			await store.revoke(revocation({ serialNumber: serialOf() }));
			const abandoned = { state: "abandoned", revokedAt: at(6000), revocationReason: null };
			expect(await certificateOf()).toMatchObject(abandoned);
			await refuses(() => store.issueCertificate(issue(id)));
		});
		it("changes nothing a second time, with another reason either", async () => {
			await proceed(store, id, "certified");
			await store.revoke(revocation({ serialNumber: serialOf() }));
			const before = await certificateOf();
			const again = await store.revoke(revocation({ serialNumber: serialOf() }, at(9000), 4));
			expect(again).toEqual({ revoked: [], already: [serialOf()], blocks: [] });
			expect(await certificateOf()).toEqual(before);
			expect(await detailsOf("certificate.revoked")).toHaveLength(1);
		});
		it("takes every certificate of a compromised key, and for another reason the named one alone", async () => {
			await proceed(store, id, "certified");
			await store.reserveRenewal(renew(id));
			const { serialNumber: successor } = renew(id).certificate;
			const issued = { ...issue(id), serialNumber: successor };
			await store.issueCertificate(issued);
			const superseded = await store.revoke(revocation({ serialNumber: successor }, at(6000), 4));
			expect(superseded).toMatchObject({ revoked: [successor] });
			expect(await certificateOf()).toMatchObject({ state: "issued" });
			const compromised = must(await store.revoke(revocation({ serialNumber: successor }, at(7000), 1)));
			expect(compromised).toEqual({ revoked: [serialOf()], already: [successor], blocks: [] });
		});
		it("withdraws with an identity the challenges that nobody has spent", async () => {
			await proceed(store, id, "certified");
			await store.deliver(delivery(id));
			const unspent = `${id}/client`;
			expect((await challengeOf(unspent)).withdrawnAt).toBeNull();
			await store.revoke(revocation({ serialNumber: serialOf() }));
			expect((await challengeOf(unspent)).withdrawnAt).toEqual(at(6000));
			expect((await challengeOf(`${id}/enroll`)).withdrawnAt).toBeNull();
		});
		it("answers null for an unknown serial number", () =>
			refuses(() => store.revoke(revocation({ serialNumber: "00" })), null));
		it("is told of once by 16 at the same moment", async () => {
			await proceed(store, id, "certified");
			const target = { serialNumber: serialOf() };
			const answers = await Promise.all(Array.from({ length: 16 }, () => store.revoke(revocation(target))));
			expect(answers.map((answer) => answer?.revoked.length).sort()).toEqual([...Array(15).fill(0), 1]);
			expect(await detailsOf("certificate.revoked")).toHaveLength(1);
		});
	});

	describe("revoke, all of a device or a person", () => {
		const device: [string, (of: string) => RevocationTarget][] = [
			["a device by its UDID", (of) => ({ device: `udid-${of}` })],
			["a device by its serial number", (of) => ({ device: `serial-${of}` })],
			["a person by the subject", (of) => ({ person: `user-${of}` })],
			["a person by the e-mail address", (of) => ({ person: `USER-${of}@Example.com` })],
		];
		for (const [what, target] of device) {
			const names = (of: string) =>
				what.startsWith("a person")
					? [kept("person", `user-${of}`)]
					: [kept("device", `serial-${of}`), kept("device", `udid-${of}`)];

			it(`revokes the certificates of ${what}, and blocks it`, async () => {
				await proceed(store, id, "certified");
				await store.deliver(delivery(id));
				const client = reserve(id, 2, { purpose: "client", challengeHash: hash(`${id}/client`) });
				await store.reserveCertificate(client);
				const answer = must(await store.revoke(revocation(target(id))));
				expect(answer).toEqual({ revoked: [serialOf(1), serialOf(2)].sort(), already: [], blocks: names(id) });
				expect(await certificateOf()).toMatchObject({ state: "revoked", revokedAt: at(6000), revocationReason: 1 });
				expect(await certificateOf(2)).toMatchObject({ state: "abandoned", revocationReason: null });
				expect((await enrollment()).state).toBe("delivered");
				expect(await blocksOf()).toEqual(names(id));
				// One for each block and each certificate.
				expect(await eventsOf()).toHaveLength((await eventsOf()).lastIndexOf("certificate.reserved") + 3);
				expect(await detailsOf("certificate.revoked")).toHaveLength(1);
				expect(await detailsOf("blocked")).toHaveLength(names(id).length);
			});
			it(`withdraws what ${what} has under way`, async () => {
				await proceed(store, id, "identified");
				expect(await store.revoke(revocation(target(id)))).toEqual({ revoked: [], already: [], blocks: names(id) });
				expect((await enrollment()).state).toBe("cancelled");
				expect((await challengeOf(`${id}/scep1`)).withdrawnAt).toEqual(at(6000));
				await refuses(() => store.reserveCertificate(reserve(id)), "refused");
			});
			it(`refuses the requests of ${what} that wait`, async () => {
				await proceed(store, id, "identified");
				await store.pendApproval(approval(id));
				await store.revoke(revocation(target(id)));
				expect(await approvalOf()).toMatchObject({ state: "refused", decidedAt: at(6000), decidedBy: "root" });
				expect((await challengeOf(`${id}/scep1`)).withdrawnAt).toEqual(at(6000));
			});
			it(`changes no date and no reason of ${what} when it is repeated`, async () => {
				await proceed(store, id, "certified");
				await store.revoke(revocation(target(id)));
				const before = await certificateOf();
				const again = await store.revoke(revocation(target(id), at(9000), 4));
				expect(again).toEqual({ revoked: [], already: [serialOf()], blocks: names(id) });
				expect(await certificateOf()).toEqual(before);
				expect(await blocksOf()).toEqual(names(id));
				expect(await detailsOf("certificate.revoked")).toHaveLength(1);
				expect(await detailsOf("blocked")).toHaveLength(names(id).length);
			});
			it(`lifts the block of ${what}, once, and revokes nothing less`, async () => {
				await proceed(store, id, "certified");
				await store.revoke(revocation(target(id)));
				expect(await store.liftBlock(lift(target(id)))).toBe(true);
				expect(await blocksOf()).toEqual([]);
				expect(await detailsOf("block.lifted")).toHaveLength(names(id).length);
				expect(await certificateOf()).toMatchObject({ state: "revoked", revokedAt: at(6000) });
				await refuses(() => store.liftBlock(lift(target(id))));
			});
		}
		it("answers null for a device and a person that nobody knows", async () => {
			await proceed(store, id, "certified");
			for (const target of [{ device: "unknown" }, { person: "unknown" }, { device: "" }, { person: "" }]) {
				await refuses(() => store.revoke(revocation(target)), null);
				await refuses(() => store.liftBlock(lift(target)));
			}
		});
		it("takes no person for a device, and no device for a person", async () => {
			await proceed(store, id, "certified");
			await refuses(() => store.revoke(revocation({ device: `user-${id}` })), null);
			await refuses(() => store.revoke(revocation({ person: `udid-${id}` })), null);
		});
		it("takes every enrollment of a person, and of nobody else", async () => {
			await proceed(store, id, "certified");
			await store.startEnrollment(start(`${id}-b`, `user-${id}`, at(100)));
			await proceed(store, `${id}-c`, "certified");
			await store.revoke(revocation({ person: `user-${id}` }));
			expect((await enrollment(`${id}-b`)).state).toBe("cancelled");
			expect((await challengeOf(`${id}-b/enroll`)).withdrawnAt).toEqual(at(6000));
			expect((await enrollment(`${id}-c`)).state).toBe("certified");
			expect(await certificateOf(1, `${id}-c`)).toMatchObject({ state: "issued" });
		});
		it("follows a device that left its serial number out at one time to what it told at another", async () => {
			await proceed(store, id, "certified");
			const other = `${id}-s`;
			await store.startEnrollment(start(other));
			await store.identifyFirst(identify(other, 0, { udid: `udid-${id}`, device: { UDID: `udid-${id}` } }));
			await store.reserveCertificate(reserve(other));
			await store.issueCertificate(issue(other));
			const { revoked } = must(await store.revoke(revocation({ device: `serial-${id}` })));
			expect(revoked).toEqual([serialOf(), serialOf(1, other)].sort());
			expect((await enrollment(other)).state).toBe("cancelled");
		});
		it("knows what an operator minted by the operator", async () => {
			await store.mintChallenges(mint(id));
			await store.reserveCertificate(reserveMachine(id));
			await store.issueCertificate(issue(id));
			const answer = must(await store.revoke(revocation({ person: `operator:${id}` })));
			expect(answer.revoked).toEqual([serialOf()]);
			await refuses(() => store.reserveCertificate(reserveMachine(id, 2)), "refused");
		});
		it("lifts by one name of a device what was blocked by the other", async () => {
			await proceed(store, id, "certified");
			await store.revoke(revocation({ device: `udid-${id}` }));
			expect(await store.liftBlock(lift({ device: `serial-${id}` }))).toBe(true);
			expect(await blocksOf()).toEqual([]);
		});
		it("lifts no block for a certificate's serial number", async () => {
			await proceed(store, id, "certified");
			await store.revoke(revocation({ device: `udid-${id}` }));
			await refuses(() => store.liftBlock(lift({ serialNumber: serialOf() })));
		});
	});

	describe("a block", () => {
		/** Of a person or device that comes back: an enrollment that began after it. */
		const begin = async (of: string, userId: string, udid: string) => {
			await store.startEnrollment(start(of, userId, at(7000)));
			const device = { UDID: udid, SERIAL: `serial-${of}` };
			await store.identifyFirst(identify(of, 0, { udid, device, now: at(7001) }));
			await store.reserveCertificate(reserve(of, 1, { createdAt: at(7002) }));
		};

		it("is told with every challenge and certificate of its person and device", async () => {
			await proceed(store, id, "certified");
			const asked = async () => [
				(await store.findChallenge(hash(`${id}/scep1`)))?.isBlocked,
				(await store.findCertificate(serialOf()))?.isBlocked,
			];
			expect(await asked()).toEqual([false, false]);
			for (const target of [{ device: `serial-${id}` }, { person: `user-${id}` }]) {
				await store.revoke(revocation(target));
				expect(await asked()).toEqual([true, true]);
				await store.liftBlock(lift(target));
				expect(await asked()).toEqual([false, false]);
			}
		});
		it("is told to who asks by subject, UDID or serial number, and by nothing else", async () => {
			await proceed(store, id, "certified");
			await store.revoke(revocation({ device: `udid-${id}` }));
			expect(await store.isBlocked({ udid: `udid-${id}` })).toBe(true);
			expect(await store.isBlocked({ userId: "nobody", serialNumber: `serial-${id}` })).toBe(true);
			expect(await store.isBlocked({ userId: `user-${id}`, udid: "other", serialNumber: null })).toBe(false);
			expect(await store.isBlocked({ userId: `udid-${id}` })).toBe(false);
			expect(await store.isBlocked({})).toBe(false);
			await store.revoke(revocation({ person: `user-${id}` }));
			expect(await store.isBlocked({ userId: `user-${id}` })).toBe(true);
			expect(await store.isBlocked({ udid: `user-${id}` })).toBe(false);
		});
		it("that came between reserve and issue leaves nothing issued", async () => {
			await proceed(store, id, "certified");
			await store.revoke(revocation({ device: `udid-${id}` }));
			const again = `${id}-again`;
			await begin(again, `user-${again}`, `udid-${id}`);
			await refuses(() => store.issueCertificate(issue(again, 1, at(7003))));
			expect(await certificateOf(1, again)).toMatchObject({ state: "reserved" });
			await store.liftBlock(lift({ device: `udid-${id}` }));
			expect(await store.issueCertificate(issue(again, 1, at(7003)))).toBe(true);
		});
		it("of a person holds on every device", async () => {
			await proceed(store, id, "certified");
			await store.revoke(revocation({ person: `user-${id}` }));
			const again = `${id}-again`;
			await begin(again, `user-${id}`, `udid-${again}`);
			await refuses(() => store.issueCertificate(issue(again, 1, at(7003))));
		});
		it("stops a renewal that was reserved", async () => {
			await proceed(store, id, "certified");
			await store.reserveRenewal(renew(id));
			await store.revoke(revocation({ device: `udid-${id}` }));
			expect(await certificateOf(11)).toMatchObject({ state: "abandoned" });
			await refuses(() => store.issueCertificate(issue(id, 11, at(6001))));
		});
	});

	describe("revoke beside issueCertificate", () => {
		const targets: [string, (of: string) => RevocationTarget][] = [
			["the certificate", (of) => ({ serialNumber: reserve(of).certificate.serialNumber })],
			["the device", (of) => ({ device: `udid-${of}` })],
			["the person", (of) => ({ person: `user-${of}` })],
		];
		for (const [what, target] of targets) {
			it(`leaves nothing issued of ${what}, whoever was first`, async () => {
				const ids = Array.from({ length: 24 }, (_, n) => `${id}-${n}`);
				for (const of of ids) await proceed(store, of, "reserved");
				const answers = await Promise.all(
					ids.flatMap((of, n) => {
						const pair = [() => store.issueCertificate(issue(of)), () => store.revoke(revocation(target(of)))];
						return (n % 2 === 0 ? pair : pair.reverse()).map((step) => step());
					}),
				);
				expect(answers).toHaveLength(48);
				for (const of of ids) {
					const { state, revokedAt, der } = await certificateOf(1, of);
					expect(state).toBe(der ? "revoked" : "abandoned");
					expect(revokedAt).toEqual(at(6000));
				}
			});
		}
		it("leaves nothing issued of a person whose certificates are being reserved and issued", async () => {
			await proceed(store, id, "certified");
			await store.deliver({
				...delivery(id),
				challenges: Array.from({ length: 24 }, (_, n) => challenge(`${id}/client${n}`, id, { purpose: "client" })),
			});
			const numbers = Array.from({ length: 24 }, (_, n) => n + 20);
			const one = async (n: number) => {
				const challengeHash = hash(`${id}/client${n - 20}`);
				await store.reserveCertificate(reserve(id, n, { purpose: "client", challengeHash, createdAt: at(5000) }));
				return store.issueCertificate(issue(id, n, at(5001)));
			};
			const revoking = new Promise((resolve) => setTimeout(resolve, 5)).then(() =>
				store.revoke(revocation({ person: `user-${id}` })),
			);
			await Promise.all([...numbers.map(one), revoking]);
			for (const n of numbers) {
				const found = await store.findCertificate(serialOf(n));
				expect(found?.certificate.state).not.toBe("issued");
			}
		});
	});
}

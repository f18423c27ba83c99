/** Of the Store's contract: what revocation lists and OCSP answers are made from. */
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { Store } from "../../lib/ports.ts";
import type { StoreContract } from "./store-contract.ts";
import {
	at,
	audit,
	hash,
	identify,
	issue,
	list,
	mint,
	proceed,
	reserve,
	reserveMachine,
	revocation,
	start,
	t0,
} from "./store-exchange.ts";

export function revocationListContract(contract: StoreContract): void {
	const { certificateOf, eventsOf } = contract;
	let store: Store;
	let id = "";
	let issuerKeyHash = "";
	beforeEach(() => {
		({ store, id } = contract);
		issuerKeyHash = hash(`${id}/issuer`);
	});
	/** Two certificates of this test's issuer, 1 and 2, issued; their serial numbers in order. */
	const issueTwo = async () => {
		await store.mintChallenges(mint(id));
		for (const n of [1, 2]) {
			await store.reserveCertificate(reserveMachine(id, n, { issuerKeyHash }));
			await store.issueCertificate(issue(id, n));
		}
		return [1, 2].map((n) => reserve(id, n).certificate.serialNumber).sort();
	};

	describe("revocationState", () => {
		it("counts an issuer's entries and tells the latest", async () => {
			const serials = await issueTwo();
			expect(await store.revocationState(issuerKeyHash)).toEqual({ count: 0, latest: null });
			for (const [n, serialNumber] of serials.entries()) {
				await store.revoke(revocation({ serialNumber }, at(6000 - n)));
			}
			expect(await store.revocationState(issuerKeyHash)).toEqual({ count: 2, latest: at(6000) });
			expect(await store.revocationState(hash("nobody"))).toEqual({ count: 0, latest: null });
		});
		it("counts what an identification has superseded or abandoned", async () => {
			await store.startEnrollment(start(id));
			await store.identifyFirst(identify(id));
			await store.reserveCertificate(reserve(id, 1, { issuerKeyHash }));
			await store.identifyAgain(identify(id, 1));
			const { now } = identify(id, 1);
			expect(await store.revocationState(issuerKeyHash)).toEqual({ count: 1, latest: now });
		});
	});

	describe("listRevoked", () => {
		it("lists an issuer's entries in the order of their serial numbers", async () => {
			const [first = "", second = ""] = await issueTwo();
			await store.revoke(revocation({ serialNumber: second }, at(6000), 0));
			expect(await store.listRevoked(issuerKeyHash, t0)).toEqual([
				{ serialNumber: second, revokedAt: at(6000), reason: 0 },
			]);
			await store.revoke(revocation({ serialNumber: first }, at(6001), 9));
			expect(await store.listRevoked(issuerKeyHash, t0)).toEqual([
				{ serialNumber: first, revokedAt: at(6001), reason: 9 },
				{ serialNumber: second, revokedAt: at(6000), reason: 0 },
			]);
			expect(await store.listRevoked(hash("nobody"), t0)).toEqual([]);
		});
		it("lists what was abandoned without a reason", async () => {
			await store.mintChallenges(mint(id));
			await store.reserveCertificate(reserveMachine(id, 1, { issuerKeyHash }));
			const { serialNumber } = reserve(id).certificate;
			await store.revoke(revocation({ serialNumber }));
			const entry = { serialNumber, revokedAt: at(6000), reason: null };
			expect(await store.listRevoked(issuerKeyHash, t0)).toEqual([entry]);
		});
		it("leaves out what ended then or before", async () => {
			const serials = await issueTwo();
			for (const serialNumber of serials) await store.revoke(revocation({ serialNumber }));
			const { notAfter } = reserve(id).certificate;
			expect(await store.listRevoked(issuerKeyHash, notAfter)).toEqual([]);
			const before = new Date(notAfter.getTime() - 1);
			expect(await store.listRevoked(issuerKeyHash, before)).toHaveLength(2);
		});
	});

	describe("storeRevocationList", () => {
		const keep = (number: number, after: number | null) =>
			store.storeRevocationList({ list: list(issuerKeyHash, number), after, audit: audit("crl.signed", id) });

		it("keeps the first, and answers none before", async () => {
			expect(await store.findRevocationList(issuerKeyHash)).toBeNull();
			expect(await keep(1_795_000_000, null)).toBe(true);
			expect(await store.findRevocationList(issuerKeyHash)).toEqual(list(issuerKeyHash, 1_795_000_000));
			expect(await eventsOf()).toEqual(["crl.signed"]);
		});
		it("keeps one without entries, and numbers beyond 32 bits", async () => {
			const empty = list(issuerKeyHash, 2 ** 40, { count: 0, latest: null });
			expect(await store.storeRevocationList({ list: empty, after: null, audit: audit("crl.signed", id) })).toBe(true);
			expect(await keep(2 ** 40 + 1, 2 ** 40)).toBe(true);
			expect(
				await store.storeRevocationList({
					list: { ...empty, number: 2 ** 41 },
					after: 2 ** 40 + 1,
					audit: audit("crl.signed", id),
				}),
			).toBe(true);
			expect(await store.findRevocationList(issuerKeyHash)).toEqual({ ...empty, number: 2 ** 41 });
		});
		it("follows the one before alone, with a higher number", async () => {
			expect(await keep(5, 4)).toBe(false);
			expect(await keep(5, null)).toBe(true);
			expect(await keep(6, null)).toBe(false);
			expect(await keep(6, 4)).toBe(false);
			expect(await keep(5, 5)).toBe(false);
			expect(await keep(4, 5)).toBe(false);
			expect(await store.findRevocationList(issuerKeyHash)).toMatchObject({ number: 5 });
			expect(await keep(6, 5)).toBe(true);
			expect(await eventsOf()).toHaveLength(2);
		});
		it("has another row for another issuer", async () => {
			await keep(5, null);
			expect(await store.findRevocationList(hash("nobody"))).toBeNull();
		});
		it("lets one of many generators win, the first list and the next", async () => {
			for (const after of [null, 1]) {
				const number = (after ?? 0) + 1;
				const answers = await Promise.all(Array.from({ length: 16 }, () => keep(number, after)));
				expect(answers.filter(Boolean)).toHaveLength(1);
				expect(await store.findRevocationList(issuerKeyHash)).toMatchObject({ number });
			}
		});
	});

	describe("abandonExpired", () => {
		it("abandons what is reserved and whose challenge ended, and nothing else", async () => {
			// Before every other challenge of this contract.
			await store.mintChallenges(mint(id, at(-20_000), at(-10_000)));
			for (const n of [1, 2]) {
				await store.reserveCertificate(reserveMachine(id, n, { issuerKeyHash, createdAt: at(-15_000) }));
			}
			await store.issueCertificate(issue(id, 2, at(-14_000)));
			expect(await store.abandonExpired({ before: at(-10_000), now: t0 })).toBe(0);
			expect(await store.abandonExpired({ before: at(-9999), now: t0 })).toBe(1);
			const abandoned = { state: "abandoned", revokedAt: t0, revocationReason: null };
			expect(await certificateOf(1)).toMatchObject(abandoned);
			expect(await certificateOf(2)).toMatchObject({ state: "issued", revokedAt: null });
			expect(await store.revocationState(issuerKeyHash)).toEqual({ count: 1, latest: t0 });
			expect(await store.abandonExpired({ before: at(-9999), now: at(1) })).toBe(0);
		});
	});

	describe("certificateStatus", () => {
		it("tells of every state, and of nothing unknown", async () => {
			const [first = ""] = await issueTwo();
			const { notAfter } = reserve(id).certificate;
			const common = { serialNumber: first, issuerKeyHash, notAfter };
			const good = { ...common, state: "issued", revokedAt: null, revocationReason: null };
			expect(await store.certificateStatus(first)).toEqual(good);
			await store.revoke(revocation({ serialNumber: first }));
			const revoked = { ...common, state: "revoked", revokedAt: at(6000), revocationReason: 1 };
			expect(await store.certificateStatus(first)).toEqual(revoked);
			expect(await store.certificateStatus("00")).toBeNull();
		});
	});

	describe("pageCertificates", () => {
		it("answers an issuer's certificates page by page, with their enrollments", async () => {
			const serials = await issueTwo();
			const [one] = await store.pageCertificates({ after: null, limit: 1, issuerKeyHash });
			expect(one).toMatchObject({ certificate: { serialNumber: serials[0] }, enrollment: { id, state: "minted" } });
			expect(one?.certificate).toEqual(
				await certificateOf(one?.certificate.serialNumber === reserve(id, 1).certificate.serialNumber ? 1 : 2),
			);
			const rest = await store.pageCertificates({ after: serials[0] ?? "", limit: 9, issuerKeyHash });
			expect(rest.map(({ certificate }) => certificate.serialNumber)).toEqual([serials[1]]);
			expect(await store.pageCertificates({ after: serials[1] ?? "", limit: 9, issuerKeyHash })).toEqual([]);
		});
		it("answers all of them when no issuer is told, each once and in order", async () => {
			const serials = await issueTwo();
			const seen: string[] = [];
			for (let after: string | null = null; ; after = seen.at(-1) ?? null) {
				const page = await store.pageCertificates({ after, limit: 7 });
				if (page.length === 0) break;
				seen.push(...page.map(({ certificate }) => certificate.serialNumber));
			}
			expect(seen).toEqual([...new Set(seen)].sort());
			expect(seen).toEqual(expect.arrayContaining(serials));
		});
	});

	describe("adoptIssuer", () => {
		it("gives certificates of before to the issuer, and takes none from another", async () => {
			await issueTwo();
			const before = `${id}-b`;
			await proceed(store, before, "identified");
			await store.reserveCertificate(reserve(before, 1, { issuerKeyHash: "" }));
			await store.adoptIssuer(hash(`${id}/first issuer`));
			expect((await certificateOf(1, before)).issuerKeyHash).toBe(hash(`${id}/first issuer`));
			await store.adoptIssuer(hash("another"));
			expect((await certificateOf(1, before)).issuerKeyHash).toBe(hash(`${id}/first issuer`));
			expect((await certificateOf()).issuerKeyHash).toBe(issuerKeyHash);
		});
	});
}

/** Of the Store's contract: certificates, reserved and issued. */
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { Certificate, Store } from "../../lib/ports.ts";
import { type StoreContract, tally } from "./store-contract.ts";
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

export function certificateContract(contract: StoreContract): void {
	const { enrollment, challengeOf, certificateOf, eventsOf, refuses } = contract;
	let store: Store;
	let id = "";
	beforeEach(() => {
		({ store, id } = contract);
	});

	describe("reserveCertificate", () => {
		beforeEach(() => proceed(store, id, "identified"));

		it("spends the challenge for the key and keeps what will be signed", async () => {
			const input = reserve(id);
			expect(await store.reserveCertificate(input)).toBe("reserved");
			expect(await certificateOf()).toEqual({
				...input.certificate,
				state: "reserved",
				der: null,
				issuedAt: null,
				usedAt: null,
				revokedAt: null,
				revocationReason: null,
			} satisfies Certificate);
			const { createdAt, publicKeyHash, serialNumber } = input.certificate;
			expect(await challengeOf(`${id}/scep1`)).toMatchObject({ usedAt: createdAt, usedByKey: publicKeyHash });
			expect(await contract.raw.transactions(serialNumber)).toEqual([`${id}/transaction1`]);
			expect((await eventsOf()).at(-1)).toBe("certificate.reserved");
		});
		it("answers exists for the same challenge and key, even after expiry and with another serial", async () => {
			await store.reserveCertificate(reserve(id));
			await refuses(() => store.reserveCertificate(reserve(id)), "exists");
			const later = reserve(id, 1, { serialNumber: hash("other").slice(0, 40), createdAt: at(lifetime + 1) });
			await refuses(() => store.reserveCertificate(later), "exists");
		});
		it("answers exists after the certificate was abandoned", async () => {
			await store.reserveCertificate(reserve(id));
			await store.identifyAgain(identify(id, 1));
			await refuses(() => store.reserveCertificate(reserve(id)), "exists");
		});
		it("holds until the last millisecond", async () => {
			expect(await store.reserveCertificate(reserve(id, 1, { createdAt: at(lifetime - 1) }))).toBe("reserved");
		});

		const refusals: [string, (id: string) => Parameters<typeof reserve>[2]][] = [
			["an unknown challenge", () => ({ challengeHash: hash("unknown") })],
			["a challenge that expires in this millisecond", () => ({ createdAt: end })],
			["a challenge that expired 1 ms ago", () => ({ createdAt: at(lifetime + 1) })],
			["another purpose", () => ({ purpose: "client" })],
			["an unknown enrollment", () => ({ enrollmentId: "unknown" })],
			[
				"the enroll challenge, spent by the device's own key",
				(of) => ({
					challengeHash: hash(`${of}/enroll`),
					publicKeyHash: hash(`${of}/signer`),
				}),
			],
		];
		for (const [what, more] of refusals) {
			it(`refuses ${what}`, () => refuses(() => store.reserveCertificate(reserve(id, 1, more(id))), "refused"));
		}
		it("refuses another key once the challenge is spent", async () => {
			await store.reserveCertificate(reserve(id));
			const other = { publicKeyHash: hash("another key"), serialNumber: hash("another").slice(0, 40) };
			await refuses(() => store.reserveCertificate(reserve(id, 1, other)), "refused");
		});
		it("refuses another enrollment's challenge", async () => {
			await proceed(store, `${id}-b`, "identified");
			const other = { challengeHash: hash(`${id}-b/scep1`) };
			await refuses(() => store.reserveCertificate(reserve(id, 1, other)), "refused");
			expect((await challengeOf(`${id}-b/scep1`)).usedAt).toBeNull();
		});
		it("refuses a withdrawn challenge", async () => {
			await store.identifyAgain(identify(id, 1));
			await refuses(() => store.reserveCertificate(reserve(id)), "refused");
		});
		it("refuses a challenge of a cancelled enrollment", async () => {
			const cancelled = `${id}-c`;
			await store.startEnrollment(start(cancelled));
			await store.startEnrollment(start(`${id}-d`, `user-${cancelled}`, at(1), 1));
			expect((await enrollment(cancelled)).state).toBe("cancelled");
			// A challenge of that enrollment that is live in itself, brought in by another enrollment's second response.
			await store.identifyAgain(identify(id, 1, { scepChallenge: challenge(`${cancelled}/scep1`, cancelled) }));
			await refuses(() => store.reserveCertificate(reserve(cancelled)), "refused");
			expect((await challengeOf(`${cancelled}/scep1`)).usedAt).toBeNull();
		});
		it("answers serial when the serial number is taken, and spends nothing", async () => {
			await proceed(store, `${id}-b`, "reserved");
			const { serialNumber } = reserve(`${id}-b`).certificate;
			await refuses(() => store.reserveCertificate(reserve(id, 1, { serialNumber })), "serial");
			expect(await store.reserveCertificate(reserve(id))).toBe("reserved");
		});
		it("answers key when the key has a certificate under another challenge, and spends nothing", async () => {
			await proceed(store, `${id}-b`, "reserved");
			const { publicKeyHash } = reserve(`${id}-b`).certificate;
			await refuses(() => store.reserveCertificate(reserve(id, 1, { publicKeyHash })), "key");
			expect(await store.reserveCertificate(reserve(id))).toBe("reserved");
		});

		it("gives one challenge to one of 64 keys", async () => {
			const answers = await Promise.all(
				Array.from({ length: 64 }, (_, n) => {
					const key = { publicKeyHash: hash(`${id}/race${n}`), serialNumber: hash(`${id}/race${n}`).slice(0, 40) };
					return store.reserveCertificate(reserve(id, 1, key));
				}),
			);
			expect(tally(answers)).toEqual({ reserved: 1, refused: 63 });
			expect((await eventsOf()).filter((event) => event === "certificate.reserved")).toHaveLength(1);
		});
		it("reserves once for 64 identical requests", async () => {
			const answers = await Promise.all(Array.from({ length: 64 }, () => store.reserveCertificate(reserve(id))));
			expect(tally(answers)).toEqual({ reserved: 1, exists: 63 });
			expect((await eventsOf()).filter((event) => event === "certificate.reserved")).toHaveLength(1);
		});
	});

	describe("issueCertificate", () => {
		it("keeps the certificate and certifies the enrollment", async () => {
			await proceed(store, id, "reserved");
			expect(await store.issueCertificate(issue(id))).toBe(true);
			const { der, now } = issue(id);
			expect(await certificateOf()).toMatchObject({ state: "issued", der, issuedAt: now, tbs: bytes(`${id}/tbs1`) });
			expect((await enrollment()).state).toBe("certified");
			expect((await eventsOf()).at(-1)).toBe("certificate.issued");
		});
		it("refuses an unknown serial number", () =>
			refuses(() => store.issueCertificate({ ...issue(id), serialNumber: "00" })));
		it("refuses a second time", async () => {
			await proceed(store, id, "certified");
			await refuses(() => store.issueCertificate({ ...issue(id), der: bytes("another") }));
		});
		it("refuses what was reserved once its challenge has expired", async () => {
			await proceed(store, id, "reserved");
			await refuses(() => store.issueCertificate({ ...issue(id), now: end }));
			expect(await store.issueCertificate({ ...issue(id), now: at(lifetime - 1) })).toBe(true);
		});
		it("lets one of many win", async () => {
			await proceed(store, id, "reserved");
			const answers = await Promise.all(Array.from({ length: 16 }, () => store.issueCertificate(issue(id))));
			expect(answers.filter(Boolean)).toHaveLength(1);
			expect((await eventsOf()).filter((event) => event === "certificate.issued")).toHaveLength(1);
		});
		it("issues a client identity without moving the enrollment", async () => {
			await proceed(store, id, "certified");
			await store.deliver(delivery(id));
			const client = reserve(id, 2, { purpose: "client", challengeHash: hash(`${id}/client`) });
			expect(await store.reserveCertificate(client)).toBe("reserved");
			expect(await store.issueCertificate(issue(id, 2))).toBe(true);
			expect((await enrollment()).state).toBe("delivered");
			expect(await certificateOf(2)).toMatchObject({ state: "issued", purpose: "client" });
		});
	});
}

/** The contract of the Store port (lib/ports.ts), to be run against every implementation. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { AuditEvent, Certificate, Challenge, Enrollment, IdentifyDevice, Store } from "../../lib/ports.ts";
import {
	at,
	audit,
	bytes,
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
	start,
	t0,
} from "./store-exchange.ts";

export interface OpenedStore {
	store: Store;
	close(): Promise<void>;
	/** What no method of the port tells. */
	raw: {
		events(): Promise<AuditEvent[]>;
		device(udid: string): Promise<Readonly<Record<string, string>> | null>;
		/** TransactionIDs of the SCEP transactions kept for a certificate. */
		transactions(serialNumber: string): Promise<string[]>;
	};
}

export function storeContract(name: string, open: () => Promise<OpenedStore>): void {
	describe(`Store: ${name}`, () => {
		let opened: OpenedStore;
		let store: Store;
		let id = "";
		let count = 0;
		beforeAll(async () => {
			opened = await open();
			store = opened.store;
		});
		afterAll(() => opened.close());
		beforeEach(() => {
			count += 1;
			id = `e${count}`;
		});

		const enrollment = async (of = id) => must(await store.findChallenge(hash(`${of}/enroll`))).enrollment;
		const challengeOf = async (text: string) => must(await store.findChallenge(hash(text))).challenge;
		const certificateOf = async (n = 1, of = id) =>
			must(await store.findCertificate(reserve(of, n).certificate.serialNumber)).certificate;
		const eventsOf = async (of = id) =>
			(await opened.raw.events()).filter((event) => event.enrollmentId === of).map((event) => event.event);

		/** `attempt` answers `answer` and leaves this enrollment's rows and events as they were. */
		const refuses = async (attempt: () => Promise<unknown>, answer: unknown = false) => {
			const look = async () => {
				const challenges = ["enroll", "scep1", "scep2", "client"].map((part) =>
					store.findChallenge(hash(`${id}/${part}`)),
				);
				const certificates = [1, 2].map((n) => store.findCertificate(reserve(id, n).certificate.serialNumber));
				const kept = [store.findDelivery(id), opened.raw.device(`udid-${id}`), eventsOf()];
				return JSON.stringify(await Promise.all([...challenges, ...certificates, ...kept]));
			};
			const before = await look();
			expect(await attempt()).toBe(answer);
			expect(await look()).toBe(before);
		};

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
				expect((await opened.raw.events()).at(-1)).toEqual(start(id).audit);
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
				expect(await store.countDevices(user, "another")).toBe(0);
				await store.reserveCertificate(reserve(id));
				await store.issueCertificate(issue(id));
				expect(await store.countDevices(user, "another")).toBe(1);
				expect(await store.countDevices(user, udid)).toBe(0);
				expect(await store.countDevices(`other-${id}`, "another")).toBe(0);
				await store.deliver(delivery(id));
				expect(await store.countDevices(user, "another")).toBe(1);
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

		describe("identifyFirst", () => {
			beforeEach(() => store.startEnrollment(start(id)));

			it("spends the challenge, identifies the enrollment, keeps the device and the SCEP challenge", async () => {
				const input = identify(id);
				expect(await store.identifyFirst(input)).toBe(true);
				const { signerKeyHash, udid, device, now } = input;
				expect(await enrollment()).toMatchObject({ state: "identified", attempts: 1, signerKeyHash, udid, device });
				expect(await challengeOf(`${id}/enroll`)).toMatchObject({ usedAt: now, usedByKey: signerKeyHash });
				expect(await challengeOf(`${id}/scep1`)).toMatchObject({ ...input.scepChallenge, usedAt: null });
				expect(await opened.raw.device(udid)).toEqual(device);
				expect(await eventsOf()).toEqual(["enrollment.started", "device.identified"]);
			});

			it("holds until the last millisecond", async () => {
				expect(await store.identifyFirst(identify(id, 0, { now: at(lifetime - 1) }))).toBe(true);
			});

			const refusals: [string, (id: string) => Partial<IdentifyDevice>][] = [
				["an unknown challenge", () => ({ challengeHash: hash("unknown") })],
				["an unknown enrollment", () => ({ enrollmentId: "unknown" })],
				["a challenge that expires in this millisecond", () => ({ now: end })],
				["a challenge that expired 1 ms ago", () => ({ now: at(lifetime + 1) })],
				["an enrollment with an earlier attempt", () => ({ attempts: 1 })],
			];
			for (const [what, more] of refusals) {
				it(`refuses ${what}`, () => refuses(() => store.identifyFirst(identify(id, 0, more(id)))));
			}
			it("refuses another enrollment's challenge", async () => {
				await store.startEnrollment(start(`${id}-b`));
				await refuses(() => store.identifyFirst(identify(id, 0, { challengeHash: hash(`${id}-b/enroll`) })));
				expect((await challengeOf(`${id}-b/enroll`)).usedAt).toBeNull();
			});
			it("refuses a withdrawn challenge", async () => {
				await store.startEnrollment(start(`${id}-b`, `user-${id}`, at(1), 1));
				await refuses(() => store.identifyFirst(identify(id)));
			});
			it("refuses a second time, whoever asks", async () => {
				await store.identifyFirst(identify(id));
				const again = { scepChallenge: challenge(`${id}/scep2`, id) };
				await refuses(() => store.identifyFirst(identify(id, 0, again)));
				await refuses(() => store.identifyFirst(identify(id, 0, { ...again, signerKeyHash: hash("another device") })));
			});
			it("refuses a SCEP challenge in place of the enroll challenge", async () => {
				await store.identifyFirst(identify(id));
				const input = identify(id, 0, {
					challengeHash: hash(`${id}/scep1`),
					scepChallenge: challenge(`${id}/scep2`, id),
				});
				await refuses(() => store.identifyFirst(input));
			});
			it("lets one of many win", async () => {
				const attempts = Array.from({ length: 16 }, (_, n) =>
					store.identifyFirst(
						identify(id, 0, { signerKeyHash: hash(`device ${n}`), scepChallenge: challenge(`${id}/race${n}`, id) }),
					),
				);
				expect((await Promise.all(attempts)).filter(Boolean)).toHaveLength(1);
				expect(await eventsOf()).toEqual(["enrollment.started", "device.identified"]);
			});
		});

		describe("identifyAgain", () => {
			it("starts over before the certificate: withdraws the SCEP challenge", async () => {
				await proceed(store, id, "identified");
				expect(await store.identifyAgain(identify(id, 1))).toBe(true);
				expect(await enrollment()).toMatchObject({ state: "identified", attempts: 2 });
				expect((await challengeOf(`${id}/scep1`)).withdrawnAt).toEqual(at(1001));
				expect((await challengeOf(`${id}/scep2`)).withdrawnAt).toBeNull();
				expect((await challengeOf(`${id}/enroll`)).withdrawnAt).toBeNull();
				expect(await store.reserveCertificate(reserve(id, 1))).toBe("refused");
				expect(await store.reserveCertificate(reserve(id, 2))).toBe("reserved");
				expect(await eventsOf()).toContain("device.identified");
			});
			it("abandons a reserved certificate, which is then never issued", async () => {
				await proceed(store, id, "reserved");
				expect(await store.identifyAgain(identify(id, 1))).toBe(true);
				expect(await certificateOf()).toMatchObject({ state: "abandoned", revokedAt: null });
				await refuses(() => store.issueCertificate(issue(id)));
			});
			it("revokes an issued certificate as superseded", async () => {
				await proceed(store, id, "certified");
				expect(await store.identifyAgain(identify(id, 1))).toBe(true);
				const revoked = { state: "revoked", revokedAt: at(1001), revocationReason: 4, der: bytes(`${id}/der1`) };
				expect(await certificateOf()).toMatchObject(revoked);
				expect((await enrollment()).state).toBe("identified");
				await refuses(() => store.deliver(delivery(id)));
			});
			it("goes on to a second certificate and a delivery", async () => {
				await proceed(store, id, "certified");
				await store.identifyAgain(identify(id, 1));
				expect(await store.reserveCertificate(reserve(id, 2))).toBe("reserved");
				expect(await store.issueCertificate(issue(id, 2))).toBe(true);
				expect(await store.deliver(delivery(id, 2))).toBe(true);
			});

			const refusals: [string, Partial<IdentifyDevice>][] = [
				["another signer", { signerKeyHash: hash("another device") }],
				["another UDID", { udid: "another" }],
				["the millisecond of expiry", { now: end }],
				["1 ms after expiry", { now: at(lifetime + 1) }],
				["attempts that moved on", { attempts: 0 }],
				["an unknown enrollment", { enrollmentId: "unknown" }],
				["an unknown challenge", { challengeHash: hash("unknown") }],
			];
			for (const [what, more] of refusals) {
				it(`refuses ${what}`, async () => {
					await proceed(store, id, "certified");
					await refuses(() => store.identifyAgain(identify(id, 1, more)));
				});
			}
			it("refuses before the first device response", async () => {
				await store.startEnrollment(start(id));
				await refuses(() => store.identifyAgain(identify(id, 0)));
			});
			it("refuses after the delivery", async () => {
				await proceed(store, id, "certified");
				await store.deliver(delivery(id));
				await refuses(() => store.identifyAgain(identify(id, 1)));
			});
			it("lets one of many win, and leaves one live SCEP challenge", async () => {
				await proceed(store, id, "identified");
				const names = Array.from({ length: 16 }, (_, n) => `${id}/race${n}`);
				const attempts = names.map((each) =>
					store.identifyAgain(identify(id, 1, { scepChallenge: challenge(each, id) })),
				);
				expect((await Promise.all(attempts)).filter(Boolean)).toHaveLength(1);
				const stored = await Promise.all(names.map((each) => store.findChallenge(hash(each))));
				expect(stored.filter((found) => found !== null)).toHaveLength(1);
				expect((await enrollment()).attempts).toBe(2);
			});
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
				expect(await opened.raw.transactions(serialNumber)).toEqual([`${id}/transaction1`]);
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
				expect((await opened.raw.events()).at(-1)).toEqual(event);
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
	});
}

function must<T>(value: T | null): T {
	if (value === null) throw new Error("expected a row");
	return value;
}

function tally(answers: readonly string[]): Record<string, number> {
	const counts: Record<string, number> = {};
	for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
	return counts;
}

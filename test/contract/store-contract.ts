/** What every part of the Store's contract works with: an opened store, a fresh enrollment id per test, and looks at both. */
import { expect } from "@jest/globals";
import type { Approval, AuditEvent, Certificate, Challenge, Enrollment, Store } from "../../lib/ports.ts";
import { hash, reserve } from "./store-exchange.ts";

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

/** `of` is this test's enrollment unless told. */
export interface StoreContract {
	readonly store: Store;
	readonly raw: OpenedStore["raw"];
	/** Of this test's enrollment, which is not there yet. */
	readonly id: string;
	enrollment(of?: string): Promise<Enrollment>;
	challengeOf(text: string): Promise<Challenge>;
	certificateOf(n?: number, of?: string): Promise<Certificate>;
	approvalOf(n?: number, of?: string): Promise<Approval>;
	eventsOf(of?: string): Promise<string[]>;
	/** `attempt` answers `answer` (false unless told) and leaves this enrollment's rows and events as they were. */
	refuses(attempt: () => Promise<unknown>, answer?: unknown): Promise<void>;
}

export function storeContractOn(current: () => OpenedStore & { id: string }): StoreContract {
	const challenge = async (text: string) => must(await current().store.findChallenge(hash(text)));
	const eventsOf = async (of = current().id) =>
		(await current().raw.events()).filter((event) => event.enrollmentId === of).map((event) => event.event);
	const look = async () => {
		const { store, raw, id } = current();
		const challenges = ["enroll", "scep1", "scep2", "client", "machine1", "machine2"].map((part) =>
			store.findChallenge(hash(`${id}/${part}`)),
		);
		const certificates = [1, 2, 11].map((n) => store.findCertificate(reserve(id, n).certificate.serialNumber));
		const approval = store.findApproval(pairOf(id));
		const blocks = store.listBlocks();
		const kept = [store.findDelivery(id), raw.device(`udid-${id}`), eventsOf(), approval, blocks];
		return JSON.stringify(await Promise.all([...challenges, ...certificates, ...kept]));
	};
	return {
		get store() {
			return current().store;
		},
		get raw() {
			return current().raw;
		},
		get id() {
			return current().id;
		},
		enrollment: async (of = current().id) => (await challenge(`${of}/enroll`)).enrollment,
		challengeOf: async (text) => (await challenge(text)).challenge,
		certificateOf: async (n = 1, of = current().id) =>
			must(await current().store.findCertificate(reserve(of, n).certificate.serialNumber)).certificate,
		approvalOf: async (n = 1, of = current().id) => must(await current().store.findApproval(pairOf(of, n))).approval,
		eventsOf,
		async refuses(attempt, answer = false) {
			const before = await look();
			expect(await attempt()).toBe(answer);
			expect(await look()).toBe(before);
		},
	};
}

function pairOf(id: string, n = 1) {
	const { challengeHash, publicKeyHash } = reserve(id, n).certificate;
	return { challengeHash, publicKeyHash };
}

export function must<T>(value: T | null): T {
	if (value === null) throw new Error("expected a row");
	return value;
}

/** How often each answer came. */
export function tally(answers: readonly string[]): Record<string, number> {
	const counts: Record<string, number> = {};
	for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
	return counts;
}

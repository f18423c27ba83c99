/**
 * The current revocation list of each issuing CA (RFC 5280 section 5): made anew when something was revoked since, or when
 * half its life is over, and otherwise served from memory. Of two processes that make one at once, one stores it, and the
 * other serves that one.
 */
import { buildTbsCertList, signCertList } from "../ca/crl.ts";
import { asOtaError, OtaError } from "../errors.ts";
import type { RevocationList, RevocationState } from "../ports.ts";
import { auditEvent } from "./context.ts";
import type { IssuingCa } from "./issuers.ts";
import type { RevocationOptions } from "./revocation-service.ts";
import { isAhead, isSameState, type States } from "./revocation-state.ts";

const lifetime = 7 * 86_400_000;
/** Reserved serial numbers whose challenge ended this long ago (ms) will never be signed: the list has them. */
const abandonment = 3_600_000;
/** Between two attempts while none goes well, and between two looks for what was abandoned (ms). */
const pause = 10_000;
/** Who lost the race to store a list takes the winner's, which is rarely not the one that is wanted. */
const attempts = 3;

export class RevocationLists {
	readonly #options: RevocationOptions;
	readonly #states: States;
	readonly #held = new Map<string, RevocationList>();
	readonly #making = new Map<string, Promise<RevocationList>>();
	/** When the last attempt for an issuer failed. */
	readonly #failedAt = new Map<string, number>();
	#sweptAt = Number.NEGATIVE_INFINITY;

	constructor(options: RevocationOptions, states: States) {
		this.#options = options;
		this.#states = states;
	}

	/** Null for an issuer that is none of ours. While no list can be made, the one at hand is served as long as it lives. */
	async get(issuerKeyHash: string): Promise<RevocationList | null> {
		const ca = this.#options.cas.find(({ certificate }) => certificate.publicKeyHash === issuerKeyHash);
		if (!ca) return null;
		const held = this.#held.get(issuerKeyHash);
		const now = this.#options.clock();
		const isHeldGood = held !== undefined && held.nextUpdate > now;
		// While the token is away everybody would wait for it, and fill the log.
		if (isHeldGood && Math.abs(now.getTime() - (this.#failedAt.get(issuerKeyHash) ?? 0)) < pause) return held;
		try {
			const state = await this.#states.of(issuerKeyHash);
			return held && this.#isGood(held, state) ? held : await this.#made(ca);
		} catch (error) {
			this.#failedAt.set(issuerKeyHash, now.getTime());
			if (!isHeldGood) throw error;
			this.#options.log.error("crl.not_made", { why: asOtaError(error).message, served: held.number });
			return held;
		}
	}

	#isGood(list: RevocationList, state: RevocationState): boolean {
		const now = this.#options.clock().getTime();
		const isYoung = now < (list.thisUpdate.getTime() + list.nextUpdate.getTime()) / 2;
		return isYoung && !isAhead(list.thisUpdate, now) && isSameState(list, state);
	}

	/** One at a time for each issuer. */
	#made(ca: IssuingCa): Promise<RevocationList> {
		const { publicKeyHash } = ca.certificate;
		const making =
			this.#making.get(publicKeyHash) ??
			this.#make(ca).finally(() => {
				this.#making.delete(publicKeyHash);
			});
		this.#making.set(publicKeyHash, making);
		return making;
	}

	async #make(ca: IssuingCa): Promise<RevocationList> {
		const { store, clock } = this.#options;
		const { publicKeyHash } = ca.certificate;
		const now = clock();
		await this.#sweep(now);
		for (let attempt = 1; attempt <= attempts; attempt++) {
			// Asked before the entries are: whatever is revoked in between is on this list or makes the next one.
			const state = await store.revocationState(publicKeyHash);
			const stored = await store.findRevocationList(publicKeyHash);
			const list = stored && this.#isGood(stored, state) ? stored : await this.#next(ca, state, stored);
			if (list === null) continue;
			this.#held.set(publicKeyHash, list);
			return list;
		}
		throw new OtaError("store_unavailable", "the revocation list changes under every attempt to store it");
	}

	/** Once in a while: whoever asks for the list must not make the database write each time. */
	async #sweep(now: Date): Promise<void> {
		if (Math.abs(now.getTime() - this.#sweptAt) < pause) return;
		this.#sweptAt = now.getTime();
		await this.#options.store.abandonExpired({ before: new Date(now.getTime() - abandonment), now });
	}

	/** Null when another one was stored meanwhile. */
	async #next(ca: IssuingCa, state: RevocationState, before: RevocationList | null): Promise<RevocationList | null> {
		const { store, clock, log } = this.#options;
		const issuerKeyHash = ca.certificate.publicKeyHash;
		const thisUpdate = new Date(Math.floor(clock().getTime() / 1000) * 1000);
		const nextUpdate = new Date(thisUpdate.getTime() + lifetime);
		// An entry stays until it was on one list after its certificate's end (section 3.3).
		// A list that was made under a wrong clock says nothing about what was on a list since.
		const since = Math.min(before?.thisUpdate.getTime() ?? 0, thisUpdate.getTime());
		const entries = await store.listRevoked(issuerKeyHash, new Date(since));
		// Increasing whatever the clock does and whatever was restored (section 5.2.3).
		const number = Math.max((before?.number ?? 0) + 1, Math.floor(thisUpdate.getTime() / 1000));
		const tbs = buildTbsCertList({ ca: ca.certificate, entries, number, thisUpdate, nextUpdate });
		const der = await signCertList(tbs, ca.certificate, (hash, message) =>
			this.#options.keys.sign(ca.role, hash, message),
		);
		const list = { issuerKeyHash, number, thisUpdate, nextUpdate, ...state, der };
		const detail = { number, entries: entries.length, issuer: issuerKeyHash };
		const audit = auditEvent(clock(), "crl.issued", null, detail);
		if (!(await store.storeRevocationList({ list, after: before?.number ?? null, audit }))) return null;
		log.info("crl.issued", detail);
		return list;
	}
}

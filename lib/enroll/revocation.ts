/** What the world may ask about certificates after their issue: each CA's list (RFC 5280 section 5), and OCSP (RFC 6960). */
import type { X509 } from "../cms/certificate.ts";
import type { Clock, Keys, Log, RevocationList, RevocationState, RevocationStore } from "../ports.ts";
import type { IssuingCa } from "./context.ts";
import { OcspAnswers } from "./ocsp-answers.ts";
import { RevocationLists } from "./revocation-lists.ts";

/** An answer to an OCSP request, error answers included (RFC 6960 section 4.2.1). */
export interface OcspAnswer {
	/** OCSPResponse. */
	der: Uint8Array;
	/** Seconds for which caches may keep it; 0: none may. */
	maxAge: number;
	/** Of a signed answer. */
	times: { thisUpdate: Date; nextUpdate: Date } | null;
}

export interface RevocationService {
	/** The list of the issuing CA with this `publicKeyHash`, made anew when it must be; null: not one of ours. */
	list(issuerKeyHash: string): Promise<RevocationList | null>;
	/** Never rejects: what goes wrong is an error answer. */
	answer(request: Uint8Array): Promise<OcspAnswer>;
}

export interface RevocationOptions {
	store: RevocationStore;
	keys: Pick<Keys, "sign">;
	clock: Clock;
	log: Log;
	cas: readonly IssuingCa[];
	/** By the issuing CA's `publicKeyHash`. */
	responders: ReadonlyMap<string, X509>;
}

/** How long (ms) what the database said about revocations counts: a revocation shows within this time. */
const freshness = 10_000;

export function makeRevocation(options: RevocationOptions): RevocationService {
	const states = new States(options);
	const lists = new RevocationLists(options, states);
	const answers = new OcspAnswers(options, states);
	return { list: (issuerKeyHash) => lists.get(issuerKeyHash), answer: (request) => answers.answer(request) };
}

/** Each issuer's RevocationState, asked of the database once in a while, whoever wants to know. */
export class States {
	readonly #options: Pick<RevocationOptions, "store" | "clock">;
	readonly #known = new Map<string, { at: number; state: Promise<RevocationState> }>();

	constructor(options: Pick<RevocationOptions, "store" | "clock">) {
		this.#options = options;
	}

	of(issuerKeyHash: string): Promise<RevocationState> {
		const now = this.#options.clock().getTime();
		const known = this.#known.get(issuerKeyHash);
		// A clock that was set back must not freeze what is known.
		if (known && Math.abs(now - known.at) < freshness) return known.state;
		const asked = { at: now, state: this.#options.store.revocationState(issuerKeyHash) };
		this.#known.set(issuerKeyHash, asked);
		asked.state.catch(() => {
			if (this.#known.get(issuerKeyHash) === asked) this.#known.delete(issuerKeyHash);
		});
		return asked.state;
	}
}

export const isSameState = (a: RevocationState, b: RevocationState): boolean =>
	a.count === b.count && a.latest?.getTime() === b.latest?.getTime();

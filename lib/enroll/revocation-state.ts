/** Each issuer's RevocationState, asked of the database once in a while, whoever wants to know. */
import type { Clock, RevocationState, RevocationStore } from "../ports.ts";

/** How long (ms) what the database said about revocations counts: a revocation shows within this time. */
const freshness = 10_000;

interface StatesOptions {
	store: RevocationStore;
	clock: Clock;
}

export class States {
	readonly #options: StatesOptions;
	readonly #known = new Map<string, { at: number; state: Promise<RevocationState> }>();

	constructor(options: StatesOptions) {
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

/** More than two clocks differ: made when the clock was wrong. */
export const isAhead = (thisUpdate: Date, now: number): boolean => thisUpdate.getTime() > now + 5 * 60_000;

/**
 * What no certificate shows on its own: that no key was certified twice, that what was renewed has one successor. It hears of
 * all certificates one by one and keeps a few words of each.
 */
import type { Certificate } from "../ports.ts";

export interface SetFinding {
	serialNumber: string;
	words: string;
}

export class IssuedSet {
	readonly #serials = new Set<string>();
	/** By key and generation, and by the challenge that paid. */
	readonly #keys = new Map<string, string>();
	readonly #challenges = new Map<string, string>();
	/** Successors that count, by what they renew. */
	readonly #successors = new Map<string, string>();
	readonly #renewed = new Map<string, string>();

	/** What contradicts a certificate that was told before. */
	add({ serialNumber, publicKeyHash, keyGeneration, challengeHash, renews, state }: Certificate): SetFinding[] {
		this.#serials.add(serialNumber);
		const findings = [
			...this.#once(this.#keys, `${publicKeyHash} ${keyGeneration}`, serialNumber, "has the key and generation of"),
			...this.#once(this.#challenges, challengeHash, serialNumber, "was paid for by the challenge of"),
		];
		if (renews === null) return findings;
		this.#renewed.set(serialNumber, renews);
		const counts = state === "issued" || state === "reserved";
		return counts
			? [...findings, ...this.#once(this.#successors, renews, serialNumber, "is a successor beside")]
			: findings;
	}

	/** Once all were told. */
	end(): SetFinding[] {
		return [...this.#renewed].flatMap(([serialNumber, renews]) =>
			this.#serials.has(renews) ? [] : [{ serialNumber, words: `renews ${renews}, which is not there` }],
		);
	}

	#once(known: Map<string, string>, what: string, serialNumber: string, how: string): SetFinding[] {
		const other = known.get(what);
		if (other === undefined) known.set(what, serialNumber);
		return other === undefined ? [] : [{ serialNumber, words: `${how} ${other}` }];
	}
}

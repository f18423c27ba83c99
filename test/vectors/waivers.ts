/** Where we answer another way than a corpus expects: written down in a file, each with the answer and why that is right. */
import { readFileSync } from "node:fs";
import { expect } from "@jest/globals";
import { OtaError } from "../../lib/errors.ts";

/** The answer, why that is right, and the cases. */
interface Waiver {
	verdict: string;
	reason: string;
	cases: readonly string[];
}

/** Verdicts that somebody relies on. */
const acceptances: readonly string[] = ["accepted", "good", "revoked"];

/** "accepted" or another verdict of `run`, or why not; anything but an OtaError is a crash and fails the test. */
export function outcome(run: () => string | undefined): string {
	try {
		return run() ?? "accepted";
	} catch (error) {
		if (!(error instanceof OtaError)) throw error;
		return error.message;
	}
}

/** The waivers of one corpus in a file beside this one. */
export class Waivers {
	readonly all: readonly Waiver[];

	constructor(file: string, corpus: string) {
		const corpora: Record<string, readonly Waiver[]> = JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8"));
		const waivers = corpora[corpus];
		if (!waivers) throw new Error(`${file} has nothing about ${corpus}`);
		this.all = waivers;
	}

	get cases(): string[] {
		return this.all.flatMap(({ cases }) => cases);
	}

	/** What a case must answer: as the corpus says (null: any refusal), unless a waiver tells otherwise; then exactly that. */
	expectVerdict(name: string, expected: string | null, verdict: string): void {
		const other = this.all.find(({ cases }) => cases.includes(name))?.verdict;
		if (other !== undefined) {
			expect(verdict).toBe(other);
			expect(acceptances.includes(verdict)).toBe(expected === null);
		} else if (expected !== null) expect(verdict).toBe(expected);
		else expect(acceptances).not.toContain(verdict);
	}

	/** No waiver takes what the corpus refuses. */
	expectRefusals(): void {
		expect(this.all.map(({ verdict }) => verdict).filter((verdict) => acceptances.includes(verdict))).toEqual([]);
	}

	/** Every waiver is of a case that exists, and none has two. */
	expectToBeOf(names: readonly string[]): void {
		expect(new Set(this.cases).size).toBe(this.cases.length);
		expect(this.cases.filter((name) => !names.includes(name))).toEqual([]);
		for (const { reason } of this.all) expect(reason.length).toBeGreaterThan(10);
	}
}

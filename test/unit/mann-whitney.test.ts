import { describe, expect, it } from "@jest/globals";
import { mannWhitney } from "../bench/mann-whitney.ts";

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, n) => from + n);

describe("Mann-Whitney", () => {
	it("agrees with scipy's mannwhitneyu (asymptotic, continuity)", () => {
		// scipy.stats.mannwhitneyu([19,22,16,29,24], [20,11,17,12], method="asymptotic").pvalue
		expect(mannWhitney([19, 22, 16, 29, 24], [20, 11, 17, 12])).toBeCloseTo(0.11134688653314041, 5);
	});
	it("calls the same distribution one, ties included", () => {
		expect(mannWhitney(range(0, 200), range(0, 200))).toBeGreaterThan(0.9);
		expect(mannWhitney([1, 1, 1, 1], [1, 1, 2, 1])).toBeGreaterThan(0.3);
	});
	it("tells apart what is apart", () => {
		expect(mannWhitney(range(0, 200), range(50, 200))).toBeLessThan(1e-6);
	});
});

/** Mann-Whitney U, two-sided, with the normal approximation and the correction for ties: are two sets of times separable? */

/** p: the probability of a difference like this between two samples of one distribution. */
export function mannWhitney(one: readonly number[], other: readonly number[]): number {
	const all = [...one.map((value) => ({ value, first: true })), ...other.map((value) => ({ value, first: false }))];
	all.sort((a, b) => a.value - b.value);
	let rankSum = 0;
	let ties = 0;
	for (let start = 0; start < all.length; ) {
		let end = start;
		while (end < all.length && all[end]?.value === all[start]?.value) end += 1;
		const rank = (start + 1 + end) / 2;
		rankSum += rank * all.slice(start, end).filter(({ first }) => first).length;
		ties += (end - start) ** 3 - (end - start);
		start = end;
	}
	const [n, m, total] = [one.length, other.length, all.length];
	const u = rankSum - (n * (n + 1)) / 2;
	const variance = ((n * m) / 12) * (total + 1 - ties / (total * (total - 1)));
	const z = (Math.abs(u - (n * m) / 2) - 0.5) / Math.sqrt(variance);
	return Math.min(1, 2 * (1 - normal(Math.max(0, z))));
}

/** The standard normal distribution function (Abramowitz and Stegun 7.1.26, error below 1.5e-7). */
function normal(z: number): number {
	const x = z / Math.SQRT2;
	const t = 1 / (1 + 0.3275911 * x);
	const series = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592];
	const sum = series.reduce((value, coefficient) => value * t + coefficient, 0) * t;
	return (1 + (1 - sum * Math.exp(-x * x))) / 2;
}

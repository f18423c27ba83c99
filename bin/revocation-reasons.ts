/** CRLReason (RFC 5280 section 5.3.1) by its names, and which of them an operator may give here. */

const names: readonly (readonly [number, string])[] = [
	[0, "unspecified"],
	[1, "keyCompromise"],
	[2, "cACompromise"],
	[3, "affiliationChanged"],
	[4, "superseded"],
	[5, "cessationOfOperation"],
	[6, "certificateHold"],
	[8, "removeFromCRL"],
	[9, "privilegeWithdrawn"],
	[10, "aACompromise"],
];
/** What is said of people's and machines' certificates, for good. */
const given: readonly number[] = [0, 1, 3, 4, 5, 9];
const takenBack: readonly number[] = [6, 8];

export const reasonNames: readonly string[] = names.flatMap(([number, name]) => (given.includes(number) ? [name] : []));

/** Of a reason in the database; null: a certificate that nobody ever had. */
export const reasonName = (reason: number | null): string =>
	reason === null ? "never issued" : (names.find(([number]) => number === reason)?.[1] ?? `reason ${reason}`);

/**
 * By name or number. "hold": certificateHold and removeFromCRL, which would let somebody take a revocation back. Null: no
 * reason, or one that is not of end entities' certificates.
 */
export function readReason(text: string): number | "hold" | null {
	const wanted = text.toLowerCase();
	const [number] = names.find((one) => one[1].toLowerCase() === wanted || String(one[0]) === wanted) ?? [];
	if (number === undefined) return null;
	if (takenBack.includes(number)) return "hold";
	return given.includes(number) ? number : null;
}

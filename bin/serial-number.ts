/** A certificate's serial number as people and tools write it. */

/**
 * Lower-case hex without leading zero octets, as the store has it, from `3F:0A:...`, `0x3f0a...`, `3F0A...` and the like;
 * null for what is no positive number of 20 octets at most.
 */
export function readSerialNumber(text: string): string | null {
	const spelled = text.trim().toLowerCase().replace(/^0x/, "");
	if (!/^[0-9a-f]+(?:[: ][0-9a-f]+)*$/.test(spelled)) return null;
	const digits = spelled.replace(/[: ]/g, "").replace(/^0+/, "");
	if (digits.length === 0 || digits.length > 40) return null;
	return digits.length % 2 === 0 ? digits : `0${digits}`;
}

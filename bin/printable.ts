/** Text of others (names in requests, of devices and people) on an operator's terminal: nothing in it that a terminal obeys. */

/** Controls, marks that turn the direction of writing or are not seen, line separators, halves of characters. */
const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** What would not be seen as itself is written `\uXXXX`, as in JSON; so one line of JSON stays the same JSON. */
export const printable = (text: string): string =>
	text.replace(unseen, (character) =>
		Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
			.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`)
			.join(""),
	);

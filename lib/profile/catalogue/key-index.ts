/** Key definitions by their names. A list of definitions never changes, so that its index is made once for all lints. */
import type { KeyDefinition } from "./form.ts";

export interface KeyIndex {
	/** The definition of `key`, or the one for any key. */
	find(key: string): KeyDefinition | undefined;
	/** Whether `key` is named. */
	has(key: string): boolean;
	/** Those that must be there. */
	required: readonly KeyDefinition[];
}

const indexes = new WeakMap<readonly KeyDefinition[], KeyIndex>();

export function keyIndex(keys: readonly KeyDefinition[]): KeyIndex {
	const found = indexes.get(keys);
	if (found) return found;
	const named = new Map(keys.map((each) => [each.key, each]));
	const any = named.get("ANY");
	const index: KeyIndex = {
		find: (key) => named.get(key) ?? any,
		has: (key) => named.has(key),
		required: keys.filter(({ key, isRequired }) => isRequired === true && key !== "ANY"),
	};
	indexes.set(keys, index);
	return index;
}

/** The texts of a property list, and where each stands. */
import { isPropertyListDict, type PropertyListDict, type PropertyListValue } from "./property-list.ts";

/** A key path: `VPN.Servers[0].Name`. */
export function join(path: string, key: string): string {
	return path === "" ? key : `${path}.${key}`;
}

/** Every text of a value with its key path, which begins with `path`. */
export function* textsOf(value: PropertyListValue, path = ""): Generator<[path: string, text: string]> {
	if (typeof value === "string") yield [path, value];
	else if (Array.isArray(value)) for (const [at, item] of value.entries()) yield* textsOf(item, `${path}[${at}]`);
	else if (isPropertyListDict(value)) {
		for (const [key, item] of Object.entries(value as PropertyListDict)) yield* textsOf(item, join(path, key));
	}
}

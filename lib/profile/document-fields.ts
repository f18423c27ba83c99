/**
 * What the fields of a document may hold. All faults are gathered, each with its path and what to write instead; a
 * field at fault has no value.
 */
import type { Tree, TreeDict } from "./document-tree.ts";
import { isPropertyListDict } from "./property-list.ts";

/** A line each: `payloads[2].for[0].os: ...`. */
export type Faults = string[];

/** Of a document, its payloads, its rules: a field by its name. */
export type FieldReader<Value> = (value: Tree, path: string, faults: Faults) => Value | undefined;

export function isTreeDict(value: Tree | undefined): value is TreeDict {
	return isPropertyListDict(value);
}

export function refuse(faults: Faults, path: string, what: string): undefined {
	faults.push(`${path || "The document"}: ${what}`);
	return undefined;
}

/** Texts alone: what YAML reads as a number, a date or a boolean was perhaps meant as one, and perhaps not. */
export const readText: FieldReader<string> = (value, path, faults) => {
	if (typeof value === "string" && value !== "" && value.length <= 1_000) return value;
	if (typeof value === "string") return refuse(faults, path, "needs a text of 1 to 1000 characters");
	const isScalar = value !== null && (typeof value !== "object" || value instanceof Date);
	return refuse(faults, path, isScalar ? 'is no text for YAML; put it in quotes: "..."' : "needs a text");
};

/** One, or a list of them. */
export function oneOrMore<Value>(read: FieldReader<Value>): FieldReader<Value[]> {
	return (value, path, faults) => {
		if (!Array.isArray(value)) {
			const only = read(value, path, faults);
			return only === undefined ? undefined : [only];
		}
		if (value.length === 0) return refuse(faults, path, "is empty; give at least one value, or leave it out");
		return readList(value, path, faults, read);
	};
}

export function readList<Value>(list: Tree[], path: string, faults: Faults, read: FieldReader<Value>): Value[] {
	return list.flatMap((item, index) => {
		const value = read(item, `${path}[${index}]`, faults);
		return value === undefined ? [] : [value];
	});
}

export function wholeNumber(min: number, max: number): FieldReader<number> {
	return (value, path, faults) => {
		const isOne = typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max;
		return isOne ? value : refuse(faults, path, `needs a whole number from ${min} to ${max}`);
	};
}

/** What the readers of `fields` give, field by field; keys that none of them reads are faults. */
export function readFields<Fields extends object>(
	dict: TreeDict,
	path: string,
	faults: Faults,
	fields: { readonly [Key in keyof Fields]-?: FieldReader<NonNullable<Fields[Key]>> },
): Partial<Fields> {
	const readers = fields as Readonly<Record<string, FieldReader<unknown>>>;
	const read: Record<string, unknown> = {};
	for (const [key, value] of Object.entries(dict)) {
		const below = path === "" ? key : `${path}.${key}`;
		const reader = Object.hasOwn(readers, key) ? readers[key] : undefined;
		if (!reader) {
			const at = path === "" ? key.slice(0, 80) : `${path}.${key.slice(0, 80)}`;
			refuse(faults, at, `is no key here; known are ${Object.keys(readers).join(", ")}`);
			continue;
		}
		const found = reader(value, below, faults);
		if (found !== undefined) read[key] = found;
	}
	return read as Partial<Fields>;
}

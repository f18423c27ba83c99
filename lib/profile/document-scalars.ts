/**
 * How the values of a property list that YAML's core schema does not have stand in a document: data as `!!binary`, dates
 * as `2027-01-01` or `2027-01-01T12:00:00Z`. Stricter than the package's own two tags, which take bad base64 and dates
 * that no calendar has, and lose the years before 1900.
 */
import type { DocumentOptions, ScalarTag, SchemaOptions } from "yaml";
import { Scalar } from "yaml";
import { stringifyString } from "yaml/util";

const dateForm = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}:\d{2})(Z|[+-]\d{2}:\d{2}))?$/;

const timestamp: ScalarTag = {
	tag: "tag:yaml.org,2002:timestamp",
	default: true,
	test: dateForm,
	identify: (value) => value instanceof Date,
	resolve(text, onError) {
		const date = readDate(text);
		if (!date) onError("no date");
		return date ?? text;
	},
	// A property list's dates have whole seconds.
	stringify: ({ value }) => `${(value as Date).toISOString().slice(0, 19)}Z`,
};

/** Undefined for 31 February, which is otherwise read as 3 March. */
function readDate(text: string): Date | undefined {
	const [, day = "", time = "00:00:00", zone = "Z"] = dateForm.exec(text) ?? [];
	const local = Date.parse(`${day}T${time}Z`);
	if (Number.isNaN(local) || new Date(local).toISOString() !== `${day}T${time}.000Z`) return undefined;
	const milliseconds = Date.parse(`${day}T${time}${zone}`);
	return Number.isNaN(milliseconds) ? undefined : new Date(milliseconds);
}

const binary: ScalarTag = {
	tag: "tag:yaml.org,2002:binary",
	default: false,
	identify: (value) => value instanceof Uint8Array,
	resolve(text, onError) {
		const base64 = text.replace(/\s+/g, "");
		const bytes = Buffer.from(base64, "base64");
		if (bytes.toString("base64") !== base64) onError("no base64");
		return new Uint8Array(bytes);
	},
	stringify({ value }, context) {
		const base64 = Buffer.from(value as Uint8Array).toString("base64");
		const lines = base64.match(/.{1,76}/g) ?? [];
		const type = lines.length > 1 ? Scalar.BLOCK_LITERAL : Scalar.PLAIN;
		return stringifyString({ value: lines.join("\n"), type }, context);
	},
};

/** For reading and writing alike: what is written as text must be read as text, by readers of YAML 1.1 as well. */
export const documentSchema: SchemaOptions & DocumentOptions = {
	schema: "core",
	compat: "yaml-1.1",
	customTags: (tags) => [...tags, binary, timestamp],
};

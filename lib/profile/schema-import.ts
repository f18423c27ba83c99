/**
 * Compiles Apple's published device-management YAML (one document a payload type) into the catalogue's form. Keys that
 * contain themselves become definitions that do; what cannot be understood is left out and told in a note.
 */
import { OtaError } from "../errors.ts";
import {
	type Availabilities,
	type Availability,
	isVersion,
	type KeyDefinition,
	type KeyType,
	keyTypes,
	operatingSystems,
	type PayloadDefinition,
} from "./catalogue/form.ts";
import { beyondSchema, meaningOf } from "./catalogue/meaning.ts";
import { isYamlDict, readYaml, type YamlDict, type YamlValue } from "./schema-import-yaml.ts";

export interface SchemaDocument {
	/** File name, for messages. */
	name: string;
	text: string;
}
export interface ImportedSchema {
	payloads: readonly PayloadDefinition[];
	/** What was left out, and where. */
	notes: readonly string[];
}

/** One definition a payload type. Throws `malformed` for a document that is no YAML, naming its file. */
export function importSchema(documents: readonly SchemaDocument[]): ImportedSchema {
	const payloads = new Map<string, PayloadDefinition>();
	const notes: string[] = [];
	for (const { name, text } of documents) {
		const definition = new Reading(name, notes).payload(readYaml(name, text));
		if (!definition) continue;
		const former = payloads.get(definition.type);
		payloads.set(definition.type, former ? unite(former, definition) : definition);
	}
	return { payloads: [...payloads.values()], notes };
}

/** A payload type that has several documents: any of their keys counts, and what not all of them require is optional. */
function unite(one: PayloadDefinition, other: PayloadDefinition): PayloadDefinition {
	const keys = new Map<string, KeyDefinition>();
	for (const [these, those] of [
		[one.keys, other.keys],
		[other.keys, one.keys],
	] as const) {
		for (const definition of these) {
			const { isRequired, ...optional } = definition;
			const isEverywhere = those.some((each) => each.key === definition.key && each.isRequired);
			if (!keys.has(definition.key)) keys.set(definition.key, isEverywhere ? definition : optional);
		}
	}
	return { ...one, on: { ...other.on, ...one.on }, keys: [...keys.values()] };
}

/** One document. */
class Reading {
	private payloadType = "";
	/** By the sequence in the document: an anchor's keys are read once, and may be asked for while they are read. */
	private readonly lists = new Map<YamlValue, KeyDefinition[]>();
	constructor(
		private readonly name: string,
		private readonly notes: string[],
	) {}

	/** Null for a document of another kind: a command, a check-in message, a declaration. */
	payload(document: YamlDict): PayloadDefinition | null {
		const { payload, payloadkeys } = document;
		if (!isYamlDict(payload) || typeof payload.payloadtype !== "string") return null;
		this.payloadType = payload.payloadtype;
		const title = typeof document.title === "string" ? document.title : this.payloadType;
		const on = this.availabilities(payload.supportedOS, this.payloadType);
		return { type: this.payloadType, title, on, keys: this.keys(payloadkeys ?? []) };
	}

	private keys(sequence: YamlValue): KeyDefinition[] {
		const known = this.lists.get(sequence);
		if (known) return known;
		if (!Array.isArray(sequence)) throw this.fault("keys that are no sequence");
		const keys: KeyDefinition[] = [];
		this.lists.set(sequence, keys);
		for (const each of sequence) keys.push(this.key(each));
		return keys;
	}

	private key(value: YamlValue): KeyDefinition {
		if (!isYamlDict(value) || typeof value.key !== "string") throw this.fault("a key without its name");
		const { key } = value;
		const type = keyTypes.find((candidate) => value.type === `<${candidate}>` || value.type === candidate);
		if (!type) throw this.fault(`${key}: no type that is known`);
		return {
			key,
			type,
			...(typeof value.title === "string" && value.title !== "" && { title: value.title }),
			...(value.supportedOS !== undefined && { on: this.availabilities(value.supportedOS, key) }),
			...(value.presence === "required" && { isRequired: true }),
			...this.bounds(value, key, type),
			...(typeof value.combinetype === "string" && { combine: value.combinetype }),
			...meaningOf(key, type, this.payloadType),
			...this.contents(value, type),
		};
	}

	private contents(value: YamlDict, type: KeyType): Pick<KeyDefinition, "of"> {
		if (value.subkeys === undefined || (type !== "array" && type !== "dictionary")) return {};
		const keys = this.keys(value.subkeys);
		const [only] = keys;
		// ConsentText: the schema's ConsentTextItem stands for what is in it, and is no key that a device reads.
		if (type === "dictionary" && keys.length === 1 && only?.of && only.key === `${value.key}Item`)
			return { of: only.of };
		if (type === "dictionary") return { of: this.completed(keys, String(value.key)) };
		if (!Array.isArray(value.subkeys) || value.subkeys.length === 1) return { of: keys };
		// Several keys below an array are those of the dictionaries in it.
		return { of: [{ key: "item", type: "dictionary", of: keys }] };
	}

	/** In place, for the list may lead back to itself. */
	private completed(keys: KeyDefinition[], dictionary: string): KeyDefinition[] {
		for (const more of beyondSchema(dictionary, this.payloadType)) {
			if (!keys.some(({ key }) => key === more.key)) keys.push(more);
		}
		return keys;
	}

	private bounds(value: YamlDict, key: string, type: KeyType): Partial<KeyDefinition> {
		const oneOf = this.list(value.rangelist, key, type);
		const preset = typeof value.default === "string" ? scalar(value.default, type) : undefined;
		const range = this.limits(value.range, key);
		const count = this.limits(value.repetition, key);
		const format = this.format(value, key);
		return {
			...(oneOf && { oneOf }),
			...(range && { range }),
			...(preset !== undefined && { default: preset }),
			...(format !== undefined && { format }),
			...(count && { count }),
		};
	}

	private list(value: YamlValue | undefined, key: string, type: KeyType): (string | number)[] | undefined {
		if (value === undefined || type === "boolean") return undefined;
		const items = Array.isArray(value) ? value : [];
		const read = items.map((item) => (typeof item === "string" ? scalar(item, type) : undefined));
		const values = read.filter((item) => typeof item === "string" || typeof item === "number");
		if (values.length === items.length && values.length > 0) return values;
		this.note(key, "its list of values is not understood");
		return undefined;
	}

	private limits(value: YamlValue | undefined, key: string): KeyDefinition["range"] {
		if (!isYamlDict(value)) return undefined;
		const limits: { min?: number; max?: number } = {};
		for (const end of ["min", "max"] as const) {
			const text = value[end];
			const limit = typeof text === "string" ? number(text) : undefined;
			if (limit !== undefined) limits[end] = limit;
			else if (text !== undefined) this.note(key, `its ${end} is no number`);
		}
		return limits;
	}

	private format({ format, subtype }: YamlDict, key: string): string | undefined {
		if (typeof subtype === "string" && /^<(?:url|hostname|email)>$/.test(subtype)) return subtype;
		if (typeof format !== "string" || format === "") return undefined;
		try {
			new RegExp(format);
			return format;
		} catch {
			this.note(key, "its format is no regular expression");
			return undefined;
		}
	}

	private availabilities(value: YamlValue | undefined, key: string): Availabilities {
		if (!isYamlDict(value)) return {};
		const found: Partial<Record<string, Availability>> = {};
		for (const system of operatingSystems) {
			const there = value[system];
			if (isYamlDict(there)) found[system] = this.availability(there, `${key} on ${system}`);
		}
		return found;
	}

	private availability(value: YamlDict, key: string): Availability {
		const found: Availability = {};
		for (const event of ["introduced", "deprecated", "removed"] as const) {
			const version = value[event];
			if (typeof version !== "string" || version === "") continue;
			if (isVersion(version)) found[event] = version;
			else if (event === "introduced" && version === "n/a") found.introduced = null;
			else if (version !== "n/a") this.note(key, `"${event}" is no version`);
		}
		if (value.supervised !== undefined) found.isSupervisedOnly = value.supervised === "true";
		if (value.allowmanualinstall !== undefined) found.isInstallableByHand = value.allowmanualinstall === "true";
		if (value.multiple !== undefined) found.isRepeatable = value.multiple === "true";
		return found;
	}

	private note(key: string, what: string): void {
		this.notes.push(`${this.name}: ${key}: ${what}; left out`);
	}

	private fault(what: string): OtaError {
		return new OtaError("malformed", `${this.name}: ${what}`);
	}
}

/** A default or a listed value in its key's type; undefined where there is none such. */
function scalar(text: string, type: KeyType): string | number | boolean | undefined {
	if (type === "boolean") return text === "true" || text === "false" ? text === "true" : undefined;
	if (type === "integer" || type === "real") return number(text);
	return type === "string" || type === "any" ? text : undefined;
}

function number(text: string): number | undefined {
	const value = Number(text);
	return /^[+-]?\d/.test(text) && Number.isFinite(value) ? value : undefined;
}

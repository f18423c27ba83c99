/**
 * The catalogue's form as a JSON file: what `ota schema import` writes and a catalogue loads beside the built-in one.
 * Lists of keys have names in it, since imported definitions contain themselves.
 */
import { OtaError } from "../../errors.ts";
import { builtInCatalogue } from "./built-in.ts";
import {
	type Availabilities,
	type Catalogue,
	isVersion,
	type KeyDefinition,
	keyTypes,
	operatingSystems,
	type PayloadDefinition,
	referenceKinds,
} from "./form.ts";

const form = "next-ota payload schema 1";
/** Characters of the file; lists of keys in it. */
const limits = { length: 16 * 1024 * 1024, lists: 20_000 } as const;

export function writeSchemaFile(payloads: readonly PayloadDefinition[]): string {
	const names = new Map<readonly KeyDefinition[], string>();
	const definitions: Record<string, object[]> = {};
	const nameOf = (keys: readonly KeyDefinition[]): string => {
		const known = names.get(keys);
		if (known !== undefined) return known;
		const name = `d${names.size}`;
		names.set(keys, name);
		const list: object[] = [];
		definitions[name] = list;
		for (const { of, ...facts } of keys) list.push(of ? { ...facts, of: nameOf(of) } : facts);
		return name;
	};
	const named = payloads.map(({ keys, ...facts }) => ({ ...facts, keys: nameOf(keys) }));
	return `${JSON.stringify({ form, payloads: named, definitions }, null, "\t")}\n`;
}

/** The built-in catalogue with further definitions beside it; of a type that both have, the further one counts. */
export function catalogueWith(further: readonly PayloadDefinition[]): Catalogue {
	const payloads = new Map(builtInCatalogue.payloads);
	let { common, profile } = builtInCatalogue;
	for (const definition of further) {
		if (definition.type === "CommonPayloadKeys") common = definition;
		else if (definition.type === "TopLevel") profile = definition;
		else payloads.set(definition.type, definition);
	}
	return { payloads, common, profile };
}

/** The built-in catalogue, with what the text of a schema file has. Throws `config`, naming the place. */
export function readCatalogue(schema: string | null): Catalogue {
	return schema === null ? builtInCatalogue : catalogueWith(readSchemaFile(schema));
}

/** The definitions of a schema file. Throws `config`, naming the place. */
export function readSchemaFile(text: string): PayloadDefinition[] {
	if (text.length > limits.length) throw fault("longer than 16 MiB");
	let root: unknown;
	try {
		root = JSON.parse(text);
	} catch (cause) {
		throw new OtaError("config", "Schema file: no JSON", { cause });
	}
	if (!isDict(root) || root.form !== form) throw fault(`not of the form ${JSON.stringify(form)}`);
	if (!isDict(root.definitions) || !Array.isArray(root.payloads)) throw fault("no definitions or no payloads");
	const entries = Object.entries(root.definitions);
	if (entries.length > limits.lists) throw fault(`more than ${limits.lists} lists of keys`);
	const lists = new Map<unknown, KeyDefinition[]>(entries.map(([name]) => [name, []]));
	for (const [name, keys] of entries) {
		if (!Array.isArray(keys)) throw fault(`${name} is no list`);
		const list = lists.get(name);
		for (const key of keys) list?.push(readKey(key, lists, name));
	}
	return root.payloads.map((payload) => readPayload(payload, lists));
}

function readPayload(value: unknown, lists: ReadonlyMap<unknown, KeyDefinition[]>): PayloadDefinition {
	if (!isDict(value) || typeof value.type !== "string") throw fault("a payload without its type");
	const { type, title } = value;
	const keys = lists.get(value.keys);
	if (typeof title !== "string" || !keys) throw fault(`${type}: no title or no keys`);
	return { type, title, on: readAvailabilities(value.on, type), keys };
}

/** Where a name should be. What else stands there may have a `toString` of its own, which is no function. */
const nameAt = (value: unknown): string => (typeof value === "string" ? value : "(no name)");

type Check = (value: unknown) => boolean;
const isText: Check = (value) => typeof value === "string";
const isNumber: Check = (value) => typeof value === "number" && Number.isFinite(value);
const isFlag: Check = (value) => typeof value === "boolean";
const isLimits: Check = (value) =>
	isDict(value) && Object.entries(value).every(([end, limit]) => /^(?:min|max)$/.test(end) && isNumber(limit));

const keyFields: Readonly<Record<Exclude<keyof KeyDefinition, "on" | "of">, Check>> = {
	key: isText,
	type: (value) => keyTypes.some((type) => type === value),
	title: isText,
	isRequired: isFlag,
	oneOf: (value) => Array.isArray(value) && value.every((item) => isText(item) || isNumber(item)),
	range: isLimits,
	default: (value) => isText(value) || isNumber(value) || isFlag(value),
	format: (value) => typeof value === "string" && isFormat(value),
	count: isLimits,
	refersTo: (value) => referenceKinds.some((kind) => kind === value),
	isSecret: isFlag,
	combine: isText,
};

function readKey(value: unknown, lists: ReadonlyMap<unknown, KeyDefinition[]>, list: string): KeyDefinition {
	if (!isDict(value)) throw fault(`${list}: a key is no object`);
	const { on, of, ...facts } = value;
	const at = `${list}.${nameAt(value.key)}`;
	for (const [name, fact] of Object.entries(facts)) {
		const check = Object.hasOwn(keyFields, name) ? keyFields[name as keyof typeof keyFields] : undefined;
		if (!check?.(fact)) throw fault(`${at}: ${name} is not of the form`);
	}
	if (facts.key === undefined || facts.type === undefined) throw fault(`${at}: no name or no type`);
	const keys = lists.get(of);
	if (of !== undefined && !keys) throw fault(`${at}: there is no list ${nameAt(of)}`);
	return {
		...(facts as Omit<KeyDefinition, "on" | "of"> & { key: string; type: KeyDefinition["type"] }),
		...(on !== undefined && { on: readAvailabilities(on, at) }),
		...(keys && { of: keys }),
	};
}

const availabilityFields: Readonly<Record<string, Check>> = {
	introduced: (value) => value === null || (typeof value === "string" && isVersion(value)),
	deprecated: (value) => typeof value === "string" && isVersion(value),
	removed: (value) => typeof value === "string" && isVersion(value),
	isSupervisedOnly: isFlag,
	isInstallableByHand: isFlag,
	isRepeatable: isFlag,
};

function readAvailabilities(value: unknown, at: string): Availabilities {
	if (!isDict(value)) throw fault(`${at}: no operating systems`);
	for (const [system, there] of Object.entries(value)) {
		const isKnown = operatingSystems.some((name) => name === system) && isDict(there);
		const fields = isKnown ? Object.entries(there) : [];
		const isGood = fields.every(
			([name, fact]) => Object.hasOwn(availabilityFields, name) && availabilityFields[name]?.(fact),
		);
		if (!isKnown || !isGood) throw fault(`${at}: ${system} is not of the form`);
	}
	return value as Availabilities;
}

function isFormat(text: string): boolean {
	try {
		new RegExp(text);
		return true;
	} catch {
		return false;
	}
}

function isDict(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fault(what: string): OtaError {
	return new OtaError("config", `Schema file: ${what}`);
}

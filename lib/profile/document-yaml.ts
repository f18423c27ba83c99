/**
 * A document's YAML, read and written. Reading tells all that is wrong at once; writing is canonical: equal documents
 * have equal text, and what was written is read back equal.
 */
import { Document } from "yaml";
import { OtaError } from "../errors.ts";
import type { DocumentPayload, ProfileDocument, Rule } from "./document.ts";
import { readAudience, readRules } from "./document-audience.ts";
import {
	type Faults,
	type FieldReader,
	isTreeDict,
	readFields,
	readList,
	readText,
	refuse,
	wholeNumber,
} from "./document-fields.ts";
import { documentSchema } from "./document-scalars.ts";
import { readTree, type TreeDict } from "./document-tree.ts";
import { mostPayloads } from "./lint-finding.ts";
import {
	checkPropertyListValue,
	isPropertyListDict,
	type PropertyListDict,
	type PropertyListValue,
} from "./property-list.ts";
import { isTemplateName } from "./templates.ts";
import { templatesProfile } from "./templates-document.ts";

const faultsTold = 20;

/** Throws `malformed` with a line for each fault, or `too_large`. */
export function readDocumentYaml(text: string): ProfileDocument {
	const tree = readTree(text);
	if (!isTreeDict(tree)) throw new OtaError("malformed", 'The document has no keys; it begins with "name: ..."');
	const faults: Faults = [];
	const read = readFields<ProfileDocument>(tree, "", faults, {
		name: readName,
		priority: wholeNumber(-1_000, 1_000),
		for: readAudience,
		except: readRules,
		updateAfterDays: wholeNumber(1, 3_650),
		profile: readOuterKeys,
		payloads: readPayloads,
		secrets: readSecrets,
	});
	refuseMissing(tree, ["name", "payloads"], "", faults);
	if (faults.length > 0) throw new OtaError("malformed", told(faults));
	return {
		...{ name: "", priority: 0, for: [], except: [], profile: {}, updateAfterDays: null, payloads: [], secrets: {} },
		...read,
	};
}

function told(faults: Faults): string {
	const more = faults.length - faultsTold;
	return [...faults.slice(0, faultsTold), ...(more > 0 ? [`and ${more} more`] : [])].join("\n");
}

function refuseMissing(dict: TreeDict, keys: readonly string[], path: string, faults: Faults): void {
	for (const key of keys) {
		if (!Object.hasOwn(dict, key)) refuse(faults, path === "" ? key : `${path}.${key}`, "is missing; add it");
	}
}

const readName: FieldReader<string> = (value, path, faults) => {
	const text = readText(value, path, faults);
	if (text === templatesProfile && path === "name")
		return refuse(faults, path, "is what the template files are called; choose another");
	if (text === undefined || isTemplateName(text)) return text;
	return refuse(faults, path, "is no name; up to 64 letters, digits, '.', '_' and '-', a letter or digit first");
};

const readKeys: FieldReader<PropertyListDict> = (value, path, faults) => {
	if (!isTreeDict(value)) return refuse(faults, path, "needs Apple's keys with their values: {PayloadType: ...}");
	const keys: unknown = value;
	try {
		checkPropertyListValue(keys, path);
		return keys as PropertyListDict;
	} catch (error) {
		if (!(error instanceof OtaError)) throw error;
		const [, at = path, what = error.message] = /^Property list, ([\s\S]*): ([^:]*)$/.exec(error.message) ?? [];
		return refuse(faults, at.slice(0, 300), remedies[what] ?? what);
	}
};

const remedies: Readonly<Record<string, string>> = {
	// An empty field is YAML's null, and the fault that is met most.
	"no type of a property list": 'has no value; write one ("" for an empty text), or leave it out',
	"a character that XML does not carry": "has a control character, or half of one; take it out",
	"a key that XML does not carry": "has a key that is empty or has a control character; take it out",
	"an inexact integer": `needs a whole number up to ${Number.MAX_SAFE_INTEGER}, or a text in quotes`,
	"not a finite number": "needs a number, or a text in quotes",
	"nested too deep": "is nested too deep; 32 levels are the most",
};

const readOuterKeys: FieldReader<PropertyListDict> = (value, path, faults) => {
	const keys = readKeys(value, path, faults);
	if (keys === undefined || !Object.hasOwn(keys, "PayloadContent")) return keys;
	return refuse(faults, `${path}.PayloadContent`, "does not belong here; payloads stand under the key payloads");
};

const readPayload: FieldReader<DocumentPayload> = (value, path, faults) => {
	if (!isTreeDict(value)) return refuse(faults, path, "is no payload; write {name: ..., payload: {PayloadType: ...}}");
	refuseMissing(value, ["name", "payload"], path, faults);
	const {
		name = "",
		payload = {},
		...rules
	} = readFields<DocumentPayload>(value, path, faults, {
		name: readName,
		for: readPayloadRules,
		except: readRules,
		payload: readKeys,
	});
	return { name, ...rules, payload };
};

const readPayloadRules: FieldReader<readonly Rule[]> = (value, path, faults) => {
	if (value !== "everyone") return readRules(value, path, faults);
	return refuse(faults, path, "needs a list of rules; leave it out for everyone who gets the profile");
};

const readPayloads: FieldReader<readonly DocumentPayload[]> = (value, path, faults) => {
	if (!Array.isArray(value)) return refuse(faults, path, "needs a list of payloads: [{name: ..., payload: {...}}]");
	if (value.length > mostPayloads) {
		return refuse(faults, path, `has more than ${mostPayloads} payloads; make several profiles of it`);
	}
	const seen = new Set<unknown>();
	for (const [index, payload] of value.entries()) {
		const name = isTreeDict(payload) ? payload.name : undefined;
		if (name === undefined) continue;
		if (seen.has(name)) refuse(faults, `${path}[${index}].name`, "is another payload's as well; give each its own");
		seen.add(name);
	}
	return readList(value, path, faults, readPayload);
};

const readSecrets: FieldReader<Readonly<Record<string, number>>> = (value, path, faults) => {
	if (!isTreeDict(value)) return refuse(faults, path, "needs names of secrets with their versions: {wifi.Password: 1}");
	const secrets: Record<string, number> = Object.create(null);
	for (const [name, version] of Object.entries(value)) {
		if (/[{}]/.test(name) || name === "") refuse(faults, `${path}.${name}`, "is no name of a secret");
		secrets[name] = wholeNumber(1, Number.MAX_SAFE_INTEGER)(version, `${path}.${name}`, faults) ?? 0;
	}
	return secrets;
};

/** Canonical text: our keys in their order, Apple's by name with PayloadType first, defaults left out. */
export function documentYaml(document: ProfileDocument): string {
	const { name, priority, except, updateAfterDays, profile, payloads, secrets } = document;
	const text = {
		name,
		...(priority !== 0 && { priority }),
		...(document.for === "everyone" && { for: "everyone" }),
		...(document.for !== "everyone" && document.for.length > 0 && { for: document.for.map(writtenRule) }),
		...(except.length > 0 && { except: except.map(writtenRule) }),
		...(updateAfterDays !== null && { updateAfterDays }),
		...(Object.keys(profile).length > 0 && { profile: sorted(profile) }),
		payloads: payloads.map((payload) => ({
			name: payload.name,
			...(payload.for && { for: payload.for.map(writtenRule) }),
			...(payload.except && { except: payload.except.map(writtenRule) }),
			payload: sorted(payload.payload),
		})),
		...(Object.keys(secrets).length > 0 && { secrets: sorted(secrets) }),
	};
	return new Document(text, { ...documentSchema, aliasDuplicateObjects: false }).toString({ lineWidth: 0 });
}

function writtenRule({ group, user, claim, platform, model, os, device }: Rule): object {
	const lists = { group, user, platform, model };
	const claims = Object.entries(claim ?? {})
		.sort(byKey)
		.map(([name, values]) => [name, shortest(values)] as const);
	return {
		...Object.fromEntries(Object.entries(lists).flatMap(([key, list]) => (list ? [[key, shortest(list)]] : []))),
		...(claim && { claim: dictOf(claims) }),
		...(os !== undefined && { os }),
		...(device && { device: shortest(device) }),
	};
}

function shortest(list: readonly unknown[]): unknown {
	return list.length === 1 ? list[0] : list;
}

function sorted(value: PropertyListValue): PropertyListValue {
	if (Array.isArray(value)) return value.map(sorted);
	if (!isPropertyListDict(value)) return value;
	const entries = Object.entries(value as PropertyListDict).sort(byKey);
	return dictOf(entries.map(([key, item]) => [key, sorted(item)])) as PropertyListDict;
}

function byKey([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
	if (one === "PayloadType" || other === "PayloadType") return one === "PayloadType" ? -1 : 1;
	return one < other ? -1 : 1;
}

/** Without a prototype, for a key may be named like one of its. */
function dictOf<Value>(entries: readonly (readonly [string, Value])[]): Record<string, Value> {
	const dict: Record<string, Value> = Object.create(null);
	for (const [key, value] of entries) dict[key] = value;
	return dict;
}

/**
 * A profile of Apple's tools that was a document before: such a file has no word of whom it is for, so that each payload is
 * found again in the document, keeps its name (the UUIDs on devices hang on it) and its rules, or is refused.
 */
import { OtaError } from "../errors.ts";
import type { DocumentPayload, ProfileDocument } from "./document.ts";
import { documentFromProfile, freeName, profileFromDocument } from "./document-file.ts";
import { textAt } from "./lint-finding.ts";
import type { PropertyListDict } from "./property-list.ts";
import { withUuids } from "./rename-uuids.ts";

/** A payload of the document, and its keys as an export of it has them. */
interface Former {
	payload: DocumentPayload;
	exported: PropertyListDict;
}
/** By what of them a payload of the file is a payload of the document; empty: by nothing. */
type Mark = (payload: PropertyListDict) => string;

/** A tool may give new UUIDs and keep identifiers, or give both anew: then a type that is there once must do. */
const marks: readonly Mark[] = [
	(payload) => textAt(payload, "PayloadUUID").toUpperCase(),
	(payload) => textAt(payload, "PayloadIdentifier"),
];
const typeMark: Mark = (payload) => textAt(payload, "PayloadType");

/**
 * The file's keys with the document's rules. Throws `malformed` as `documentFromProfile` does, and for a payload with rules
 * that is not found again: another one of the file may be it, and would reach more people.
 */
export function documentAgain(profile: PropertyListDict, before: ProfileDocument): ProfileDocument {
	const { payloads: read, profile: outer } = documentFromProfile(profile, before.name);
	const whole = profileFromDocument(before);
	const dicts = whole.PayloadContent as readonly PropertyListDict[];
	const formers = before.payloads.map((payload, index) => ({ payload, exported: dicts[index] ?? {} }));
	const files = read.map(({ payload }) => payload);
	const found = counterparts(files, formers);
	refuseLost(formers, found, files);
	const taken = new Set([...found.values()].map(({ payload }) => payload.name));
	const uuids = madeUuids(found.values());
	const payloads = files.map((file): DocumentPayload => {
		const former = found.get(file);
		if (!former) return { name: freeName(file, taken), payload: withUuids(file, uuids) };
		const { payload, exported } = former;
		return { ...payload, payload: withUuids(withoutMade(file, payload.payload, exported), uuids) };
	});
	return { ...before, profile: withoutMade(outer, before.profile, whole), payloads, secrets: {} };
}

function counterparts(files: readonly PropertyListDict[], formers: readonly Former[]): Map<PropertyListDict, Former> {
	const found = new Map<PropertyListDict, Former>();
	for (const mark of marks) {
		const left = new Set(found.values());
		match(
			mark,
			files.filter((file) => !found.has(file)),
			formers.filter((former) => !left.has(former)),
			found,
		);
	}
	// Of two payloads of a type nobody can tell which is which, also when one of them was found: the other may be new.
	const byType = new Map<PropertyListDict, Former>();
	match(typeMark, files, formers, byType);
	const known = new Set(found.values());
	for (const [file, former] of byType) if (!found.has(file) && !known.has(former)) found.set(file, former);
	return found;
}

/** Only where one of the file and one of the document have the mark. */
function match(
	mark: Mark,
	files: readonly PropertyListDict[],
	formers: readonly Former[],
	found: Map<PropertyListDict, Former>,
): void {
	const ofFile = single(files, mark);
	for (const [text, former] of single(formers, ({ exported }) => mark(exported))) {
		const file = ofFile.get(text);
		if (file && former) found.set(file, former);
	}
}

/** By its mark, null where several have it. */
function single<Item>(items: readonly Item[], mark: (item: Item) => string): Map<string, Item | null> {
	const byMark = new Map<string, Item | null>();
	for (const item of items) byMark.set(mark(item), byMark.has(mark(item)) ? null : item);
	byMark.delete("");
	return byMark;
}

/** A payload that is gone while nothing new is there was taken out. */
function refuseLost(
	formers: readonly Former[],
	found: ReadonlyMap<PropertyListDict, Former>,
	files: readonly PropertyListDict[],
): void {
	if (files.every((file) => found.has(file))) return;
	const kept = new Set(found.values());
	const lost = formers.filter((former) => !kept.has(former) && (former.payload.for || former.payload.except));
	if (lost.length === 0) return;
	const names = lost.map(({ payload }) => payload.name).join(", ");
	throw new OtaError(
		"malformed",
		`The profile has payloads that cannot be told from ${names}, which not everybody gets: their rules (for, except) would be lost. Change ${names} in the YAML document instead (ota profile export), or take it out there first`,
	);
}

/** UUIDs that only the export had made -> what the document calls these payloads. */
function madeUuids(found: Iterable<Former>): Map<string, string> {
	const uuids = new Map<string, string>();
	for (const { payload, exported } of found) {
		if (payload.payload.PayloadUUID !== undefined) continue;
		uuids.set(textAt(exported, "PayloadUUID"), `\${payload.${payload.name}}`);
	}
	return uuids;
}

/** Without the keys that `own` lacks and `exported` was given. */
function withoutMade(file: PropertyListDict, own: PropertyListDict, exported: PropertyListDict): PropertyListDict {
	return Object.fromEntries(
		Object.entries(file).filter(([key, value]) => own[key] !== undefined || exported[key] !== value),
	);
}

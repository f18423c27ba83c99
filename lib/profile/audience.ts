/** Whether a profile or a payload is for a person and a device at a time, and the nearest miss when it is not. */
import type { DocumentPayload, ProfileDocument, Rule } from "./document.ts";
import type { PropertyListDict } from "./property-list.ts";
import { matches, misses } from "./rules.ts";
import { deviceKind, type Subject } from "./subject.ts";

/** A profile in the version that counts; files have one of their own. */
export interface Candidate {
	document: ProfileDocument;
	version: number;
}

export interface TraceLine {
	profile: string;
	version: number;
	/** Null: of the profile as a whole, or of a key around the payloads. */
	payload: string | null;
	counts: boolean;
	/** Why; names of keys and what rules ask for, never a payload's value. */
	words: string;
}

export interface Judgement {
	counts: boolean;
	words: string;
}

export function judgeProfile(document: ProfileDocument, subject: Subject, now: Date): Judgement {
	const ended = endOf(document.profile, now);
	if (ended) return { counts: false, words: `its ${ended} has passed` };
	if (isForOthers(document.profile, subject)) return { counts: false, words: "its TargetDeviceType is another kind" };
	const { for: audience, except } = document;
	if (audience === "everyone") return judge(undefined, except, subject, "is for everyone");
	if (audience.length === 0) return { counts: false, words: "is for nobody" };
	return judge(audience, except, subject, "");
}

export function judgePayload(payload: DocumentPayload, subject: Subject): Judgement {
	return judge(payload.for, payload.except ?? [], subject, "is for whoever gets the profile");
}

/** `wanted` absent: everybody, in the words given. */
function judge(
	wanted: readonly Rule[] | undefined,
	except: readonly Rule[],
	subject: Subject,
	everybody: string,
): Judgement {
	const rule = wanted?.findIndex((each) => matches(each, subject));
	if (wanted && rule === -1) return { counts: false, words: `no rule holds: ${nearestMiss(wanted, subject)}` };
	const exception = except.findIndex((each) => matches(each, subject));
	if (exception !== -1) return { counts: false, words: `exception ${exception + 1} holds` };
	return { counts: true, words: rule === undefined ? everybody : `rule ${rule + 1} holds` };
}

/** Of the rule with the fewest conditions that do not hold. */
function nearestMiss(rules: readonly Rule[], subject: Subject): string {
	let nearest: { rule: number; missed: readonly string[] } | undefined;
	for (const [index, rule] of rules.entries()) {
		const missed = misses(rule, subject);
		if (!nearest || missed.length < nearest.missed.length) nearest = { rule: index + 1, missed };
		if (nearest.missed.length === 1) break;
	}
	return nearest ? `nearest is rule ${nearest.rule}, ${nearest.missed.join("; ")}` : "there is none";
}

/** A device refuses a profile for another kind; one of no known kind may be any. */
function isForOthers({ TargetDeviceType: kind = 0 }: PropertyListDict, { device }: Subject): boolean {
	const { targetDeviceType } = deviceKind(device.PRODUCT ?? null);
	return kind !== 0 && targetDeviceType !== 0 && kind !== targetDeviceType;
}

/** The key whose date has passed: such a profile would leave at once, or be asked for again at once. */
function endOf(profile: PropertyListDict, now: Date): string | undefined {
	return ["RemovalDate", "PayloadExpirationDate"].find((key) => {
		const date = profile[key];
		return date instanceof Date && date <= now;
	});
}

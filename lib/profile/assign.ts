/**
 * Who gets what: the profiles whose rules hold for a person and a device, their payloads without those that another one
 * takes the place of, and the keys around them. Every decision is told in a trace.
 */
import { OtaError } from "../errors.ts";
import { type Candidate, type Judgement, judgePayload, judgeProfile, type TraceLine } from "./audience.ts";
import { builtInCatalogue } from "./catalogue/built-in.ts";
import type { Catalogue } from "./catalogue/form.ts";
import { type Claim, claimsOf } from "./conflicts.ts";
import type { DocumentPayload } from "./document.ts";
import { foreignPayloads } from "./foreign.ts";
import { mergeOuter } from "./outer-keys.ts";
import type { PropertyListDict } from "./property-list.ts";
import { type Subject, systemOf } from "./subject.ts";

export type { Candidate, TraceLine } from "./audience.ts";

export interface AssignedPayload {
	/** The profile's name. */
	profile: string;
	payload: DocumentPayload;
}

export interface Assignment {
	/** In the order of precedence. */
	payloads: readonly AssignedPayload[];
	/** Apple's keys around the payloads, variables in them as they are. */
	outer: PropertyListDict;
	updateAfterDays: number | null;
	/** `a@3 b@1`: the profiles that give something. */
	contents: string;
	/** The same, by name. */
	documents: ReadonlyMap<string, Candidate>;
	/** `profile/payload` that a conflict left out -> the `profile/payload` that counts. */
	left: ReadonlyMap<string, string>;
	/** By which it was decided, and will be judged. */
	catalogue: Catalogue;
	trace: readonly TraceLine[];
}

/** What was decided so far, profile by profile. */
interface Decisions {
	subject: Subject;
	catalogue: Catalogue;
	payloads: AssignedPayload[];
	documents: Map<string, Candidate>;
	left: Map<string, string>;
	trace: TraceLine[];
	/** What can be there once -> the `profile/payload` that has it. */
	taken: Map<string, string>;
}

/** Throws `config` for two candidates of one name. */
export function assign(
	candidates: readonly Candidate[],
	subject: Subject,
	now: Date,
	catalogue: Catalogue = builtInCatalogue,
): Assignment {
	const decisions = begin(subject, catalogue);
	const { payloads, documents, left, trace } = decisions;
	for (const candidate of inOrder(candidates)) assignProfile(candidate, decisions, now);
	const giving = [...documents.values()];
	const { outer, trace: outerTrace } = mergeOuter(giving);
	return {
		payloads,
		outer,
		updateAfterDays: least(giving.map(({ document }) => document.updateAfterDays)),
		contents: giving.map(({ document, version }) => `${document.name}@${version}`).join(" "),
		documents,
		left,
		catalogue,
		trace: [...trace, ...outerTrace],
	};
}

function begin(subject: Subject, catalogue: Catalogue): Decisions {
	return { subject, catalogue, payloads: [], documents: new Map(), left: new Map(), trace: [], taken: new Map() };
}

/** Highest priority first, then by name. */
function inOrder(candidates: readonly Candidate[]): Candidate[] {
	const names = new Set<string>();
	for (const { document } of candidates) {
		if (names.has(document.name)) {
			throw new OtaError("config", `Profile ${document.name}: there are two of that name; withdraw or rename one`);
		}
		names.add(document.name);
	}
	return [...candidates].sort(
		({ document: one }, { document: other }) => other.priority - one.priority || (one.name < other.name ? -1 : 1),
	);
}

function assignProfile(candidate: Candidate, decisions: Decisions, now: Date): void {
	const { document, version } = candidate;
	const { name: profile } = document;
	const judgement = judgeProfile(document, decisions.subject, now);
	const line: TraceLine = { profile, version, payload: null, ...judgement };
	decisions.trace.push(line);
	if (!judgement.counts) return;
	const judged = document.payloads.map((payload) => ({ payload, judgement: judgePayload(payload, decisions.subject) }));
	const wanted = judged.flatMap(({ payload, judgement: { counts } }) => (counts ? [payload] : []));
	const foreign = foreignPayloads(wanted, decisions.subject, decisions.catalogue);
	let given = 0;
	for (const { payload, judgement: own } of judged) {
		const payloadJudgement = own.counts ? decide(profile, payload, own, foreign, decisions) : own;
		decisions.trace.push({ profile, version, payload: payload.name, ...payloadJudgement });
		if (payloadJudgement.counts) given += 1;
	}
	if (given > 0) decisions.documents.set(profile, candidate);
	else Object.assign(line, { counts: false, words: `${line.words}, but none of its payloads counts` });
}

/** `own`: what its rules say, which hold. */
function decide(
	profile: string,
	payload: DocumentPayload,
	own: Judgement,
	foreign: ReadonlyMap<string, string>,
	decisions: Decisions,
): Judgement {
	const words = foreign.get(payload.name);
	if (words !== undefined) return { counts: false, words };
	const name = `${profile}/${payload.name}`;
	const claims = claimsOf(profile, payload, systemOf(decisions.subject.platform), decisions.catalogue);
	const lost = claims.find(({ key }) => decisions.taken.has(key));
	if (lost) return leaveOut(name, lost, decisions);
	for (const { key } of claims) decisions.taken.set(key, name);
	decisions.payloads.push({ profile, payload });
	return own;
}

function leaveOut(name: string, { key, words }: Claim, { taken, left }: Decisions): Judgement {
	const winner = taken.get(key) ?? "";
	left.set(name, winner);
	return { counts: false, words: `${winner} counts: ${words}` };
}

function least(values: readonly (number | null)[]): number | null {
	const known = values.filter((value) => value !== null);
	return known.length === 0 ? null : Math.min(...known);
}

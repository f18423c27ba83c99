/**
 * A trial before a version is published: it is composed and judged with all that is published for people and devices that
 * its rules ask for, so that nobody's delivery is the first to find out.
 */
import { publishedCandidates } from "../lib/enroll/published.ts";
import { OtaError } from "../lib/errors.ts";
import type { Candidate } from "../lib/profile/assign.ts";
import type { ProfileDocument } from "../lib/profile/document.ts";
import { type RenderInput, renderFinal } from "../lib/profile/render.ts";
import type { Subject } from "../lib/profile/subject.ts";
import type { Operator } from "./operator.ts";
import { templatesFor } from "./operator-context.ts";
import { judgingProfiles } from "./profile-fault.ts";
import type { KeysOf } from "./profile-save.ts";
import { secretsOpen } from "./profile-sealed-secrets.ts";
import { rootOf, surroundingsOf } from "./profile-surroundings.ts";
import { trialSubjects } from "./profile-trial-subjects.ts";

const mostTold = 10;
/** Where the root certificate is not at hand: its octets decide nothing. */
const anyCertificate = new Uint8Array([0x30, 0]);

/** Tells what stands against publishing; whether nothing does. `brought`: secrets that come with the version. */
export async function mayBePublished(
	operator: Operator,
	tried: Candidate,
	brought: ReadonlyMap<string, unknown>,
	keysOf: KeysOf,
): Promise<boolean> {
	return (await isTaken(operator, tried)) && (await secretsOpen(operator, tried.document, brought, keysOf));
}

/** Tells what a device would refuse; whether there is nothing. What fails without the version as well is no fault of it, and a warning. */
async function isTaken(operator: Operator, tried: Candidate): Promise<boolean> {
	const { tell } = operator;
	const { published, others, subjects, judge } = await trialOf(operator, tried.document);
	const [faults, former] = [new Set<string>(), new Set<string>()];
	for (const subject of subjects) {
		const found = judge(subject, [...others, tried]);
		if (found.faults.length === 0) continue;
		// Former is what devices meet today as well as without this profile: what today's version prevents is not.
		const [today, without] = [judge(subject, published), judge(subject, others)];
		const isFormer = (fault: string) => today.faults.includes(fault) && without.faults.includes(fault);
		for (const fault of found.faults) (isFormer(fault) ? former : faults).add(`${kindOf(subject)}: ${fault}`);
		// One that cannot be composed at all hides what comes after it.
		const alone = without.isThrown ? judge(subject, [tried]).faults : [];
		for (const fault of alone) faults.add(`${kindOf(subject)}: ${fault}`);
	}
	tellEach(tell, "warning  devices are refused now already, without this version:", former);
	tellEach(tell, "error    a trial for", faults);
	if (faults.size > 0) tell("Devices would be refused all that is published for them, not this profile alone.");
	return faults.size === 0;
}

/** Tells what devices are refused without what was published, and were not with it: it may have outranked or completed another. */
export async function tellWithout(operator: Operator, withdrawn: Candidate): Promise<void> {
	const { others, subjects, judge } = await trialOf(operator, withdrawn.document);
	const faults = new Set<string>();
	for (const subject of subjects) {
		const [before, without] = [judge(subject, [...others, withdrawn]), judge(subject, others)];
		// What it hid cannot be told from what it prevented.
		if (before.isThrown) continue;
		const uncovered = without.faults.filter((fault) => !before.faults.includes(fault));
		for (const fault of uncovered) faults.add(`${kindOf(subject)}: ${fault}`);
	}
	tellEach(operator.tell, "warning  without it devices are refused:", faults);
}

/** Those whom the rules of `document` ask for, and what is published: with it, without it, and what it comes to for one of them. */
async function trialOf(operator: Operator, document: ProfileDocument) {
	const { store } = operator;
	const templates = await templatesFor(operator);
	const published = await judgingProfiles(() => publishedCandidates({ store, templates }));
	const others = published.filter((each) => each.document.name !== document.name);
	const input = { ...surroundingsOf(operator), rootCertificate: rootOf(operator) ?? anyCertificate };
	const subjects = trialSubjects(
		document,
		others.map((each) => each.document),
		input.catalogue,
	);
	const judge = (subject: Subject, candidates: readonly Candidate[]) => faultsFor({ ...input, subject, candidates });
	return { published, others, subjects, judge };
}

function tellEach(tell: Operator["tell"], title: string, faults: ReadonlySet<string>): void {
	for (const fault of [...faults].slice(0, mostTold)) tell(`${title} ${fault}`);
	if (faults.size > mostTold) tell(`and ${faults.size - mostTold} more`);
}

const kindOf = ({ platform, osVersion }: Subject): string => `${platform}, version ${osVersion}`;

/** `isThrown`: nothing could be judged but this one fault. */
function faultsFor(input: RenderInput): { faults: string[]; isThrown: boolean } {
	try {
		const { findings } = renderFinal(input);
		const errors = findings.filter(({ level, rule }) => level === "error" && rule !== "secret");
		const faults = errors.map(({ rule, payload, path, words, remedy }) => {
			const name = payload?.identifier.replace(`${input.identifier}.payload.`, "");
			const where = name === undefined ? "the keys around the payloads" : `payload ${name}`;
			return `${where}${path && ` ${path}`}: ${words}. ${remedy} [${rule}]`;
		});
		return { faults, isThrown: false };
	} catch (error) {
		if (!(error instanceof OtaError)) throw error;
		return { faults: [error.message], isThrown: true };
	}
}

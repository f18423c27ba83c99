/** Which operating systems of a target know a payload or a key, and what they make of it. */
import { type Availabilities, type Availability, compareVersions, type OperatingSystem } from "./catalogue/form.ts";
import type { Lint, Standing } from "./lint-finding.ts";

const united = new WeakMap<Availabilities, WeakMap<Availabilities, Availabilities>>();

/** What the surroundings say, with a key's own facts in place of theirs. Facts never change: two are united once. */
export function within(around: Availabilities, own: Availabilities | undefined): Availabilities {
	if (own === undefined) return around;
	const inside = united.get(around) ?? new WeakMap<Availabilities, Availabilities>();
	united.set(around, inside);
	const merged = inside.get(own) ?? unite(around, own);
	inside.set(own, merged);
	return merged;
}

/** What is nowhere stays nowhere. */
function unite(around: Availabilities, own: Availabilities): Availabilities {
	const merged: Partial<Record<OperatingSystem, Availability>> = { ...around };
	for (const [system, facts] of Object.entries(own) as [OperatingSystem, Availability][]) {
		if (merged[system]?.introduced !== null) merged[system] = { ...merged[system], ...facts };
	}
	return merged;
}

export function standing(lint: Lint, on: Availabilities): Standing {
	const found = lint.standings.get(on) ?? judge(lint, on);
	lint.standings.set(on, found);
	return found;
}

/** A system that the catalogue tells nothing of counts neither way. */
function judge({ systems, target }: Lint, on: Availabilities): Standing {
	const known = systems.filter((system) => on[system] !== undefined);
	const facts = (system: OperatingSystem): Availability => on[system] ?? {};
	const present = known.filter((system) => isPresent(facts(system), target.version));
	return {
		present,
		absent: known.filter((system) => !present.includes(system)),
		deprecated: present.filter((system) => isReached(facts(system).deprecated, target.version)),
		supervisedOnly: target.isSupervised ? [] : present.filter((system) => facts(system).isSupervisedOnly === true),
		mdmOnly: present.filter((system) => facts(system).isInstallableByHand === false),
	};
}

/** Whether a system has it, in this version or (undefined) in those of today. */
export function isPresent({ introduced, removed }: Availability, version: string | undefined): boolean {
	if (introduced === null || isReached(removed, version)) return false;
	return version === undefined || introduced === undefined || compareVersions(introduced, version) <= 0;
}

/** Whether a change has come to the target's version; without one, it has come to today's. */
function isReached(change: string | undefined, version: string | undefined): boolean {
	return change !== undefined && (version === undefined || compareVersions(change, version) <= 0);
}

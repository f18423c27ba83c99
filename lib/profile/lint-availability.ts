/** Which operating systems of a target know a payload or a key, and what they make of it. */
import { type Availabilities, type Availability, compareVersions, type OperatingSystem } from "./catalogue/form.ts";
import type { Lint } from "./lint-finding.ts";

/** What the surroundings say, with a key's own facts in place of theirs. What is nowhere stays nowhere. */
export function within(around: Availabilities, own: Availabilities | undefined): Availabilities {
	if (own === undefined) return around;
	const merged: Partial<Record<OperatingSystem, Availability>> = { ...around };
	for (const [system, facts] of Object.entries(own) as [OperatingSystem, Availability][]) {
		if (merged[system]?.introduced !== null) merged[system] = { ...merged[system], ...facts };
	}
	return merged;
}

export interface Standing {
	/** Of the target's systems, those that know it; and those that do not. */
	present: OperatingSystem[];
	absent: OperatingSystem[];
	/** Of those that know it. */
	deprecated: OperatingSystem[];
	supervisedOnly: OperatingSystem[];
	mdmOnly: OperatingSystem[];
}

/** A system that the catalogue tells nothing of counts neither way. */
export function standing({ systems, target }: Lint, on: Availabilities): Standing {
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

function isPresent({ introduced, removed }: Availability, version: string | undefined): boolean {
	if (introduced === null || isReached(removed, version)) return false;
	return version === undefined || introduced === undefined || compareVersions(introduced, version) <= 0;
}

/** Whether a change has come to the target's version; without one, it has come to today's. */
function isReached(change: string | undefined, version: string | undefined): boolean {
	return change !== undefined && (version === undefined || compareVersions(change, version) <= 0);
}

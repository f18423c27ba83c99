/** What the lint says of a composed profile for the very device that it is for. */

import { lintProfile } from "./lint.ts";
import type { Finding, LintOptions } from "./lint-finding.ts";
import { payloadUuid } from "./payload-uuid.ts";
import type { PropertyListDict } from "./property-list.ts";
import { type Subject, systemOf } from "./subject.ts";

export interface FinalContent {
	/** From `composeFinal`. */
	payloads: readonly PropertyListDict[];
	/** From `composeOuter`. */
	outer: PropertyListDict;
}

const profileUuid = payloadUuid("final", "profile");

/** A device passes over what it does not obey, and takes the profile: when it is saved that is told, and an error. */
const passedOver: ReadonlySet<string> = new Set(["system", "supervised", "byHand"]);

/** The keys that `encryptedProfile` sets stand there as it would; of the device count its system and version. */
export function finalFindings(
	{ payloads, outer }: FinalContent,
	subject: Subject,
	options: Pick<LintOptions, "hasVariables" | "catalogue"> = {},
): Finding[] {
	const os = systemOf(subject.platform);
	const target = { ...(os && { os }), ...(os && subject.osVersion && { version: subject.osVersion }) };
	const profile = {
		...outer,
		PayloadType: "Configuration",
		PayloadVersion: 1,
		PayloadIdentifier: "final",
		PayloadUUID: profileUuid,
		PayloadContent: payloads,
	};
	return lintProfile(profile, { ...options, target }).map((finding) =>
		passedOver.has(finding.rule) ? { ...finding, level: "warning" } : finding,
	);
}

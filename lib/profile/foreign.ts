/**
 * Payloads whose type a device's system does not take, and those that refer to them: one profile may be for iPhones and
 * Macs, and each gets what its system can make something of.
 */
import type { Catalogue } from "./catalogue/form.ts";
import type { DocumentPayload } from "./document.ts";
import { isPresent } from "./lint-availability.ts";
import { textAt } from "./lint-finding.ts";
import type { PropertyListDict } from "./property-list.ts";
import { namesWithin } from "./rename-uuids.ts";
import { type Subject, systemOf } from "./subject.ts";

/**
 * Why each of them is left out, by name.
 * @param payloads of one profile, those that are for this device by their rules
 */
export function foreignPayloads(
	payloads: readonly DocumentPayload[],
	subject: Subject,
	catalogue: Catalogue,
): ReadonlyMap<string, string> {
	const system = systemName(subject);
	const foreign = new Map<string, string>();
	for (const { name, payload } of payloads) {
		if (isForeign(payload, subject, catalogue)) foreign.set(name, `${system} does not take its type`);
	}
	if (foreign.size === 0) return foreign;
	const types = new Set(foreign.keys());
	const references = new Map(payloads.map(({ name, payload }) => [name, namesWithin(payload)]));
	for (let before = 0; before < foreign.size; ) {
		before = foreign.size;
		const calls = callsOf(payloads, foreign);
		for (const [name, texts] of references) {
			const call = foreign.has(name) ? undefined : texts.find((text) => calls.has(text));
			const target = call === undefined ? undefined : calls.get(call);
			if (target === undefined) continue;
			const reason = types.has(target) ? `${system} does not take` : "is left out";
			foreign.set(name, `refers to ${target}, which ${reason}`);
		}
	}
	return foreign;
}

function isForeign(payload: PropertyListDict, { platform, osVersion }: Subject, { payloads }: Catalogue): boolean {
	const system = systemOf(platform);
	const on = system && payloads.get(textAt(payload, "PayloadType"))?.on[system];
	return on ? !isPresent(on, osVersion ?? undefined) : false;
}

function systemName({ platform, osVersion }: Subject): string {
	return [systemOf(platform), osVersion].filter((part) => part !== null).join(" ");
}

/** How others call those that are left out -> their names. Of two with one UUID, the one that the device gets is meant. */
function callsOf(
	payloads: readonly DocumentPayload[],
	foreign: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
	const calls = new Map<string, string>();
	const uuidOf = ({ payload }: DocumentPayload): string => textAt(payload, "PayloadUUID").toUpperCase();
	for (const each of payloads) {
		if (!foreign.has(each.name)) continue;
		calls.set(`payload.${each.name}`, each.name);
		calls.set(uuidOf(each), each.name);
	}
	for (const each of payloads) if (!foreign.has(each.name)) calls.delete(uuidOf(each));
	calls.delete("");
	return calls;
}

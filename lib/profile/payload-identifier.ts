/**
 * PayloadIdentifiers that are made from names. A device takes two payloads with one identifier for one, and names may have
 * the full stops that part them.
 */
import { templatesProfile } from "./templates-document.ts";

/** What follows `<PayloadIdentifier of the profile>.payload.`: another for each payload, but for case and template files. */
export function identifierEnd(profile: string, name: string): string {
	if (profile === templatesProfile) return name;
	const names = [profile, name];
	if (!names.some((each) => each.includes("."))) return names.join(".");
	// `-` is the sign that the next character is the name's own: the one full stop without it is between the two.
	return names.map((each) => each.replace(/[-.]/g, "-$&")).join(".");
}

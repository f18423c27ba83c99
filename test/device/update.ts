/** What an update's answer means to Apple's client: another profile, the way to a page in Safari, or an error (facts: the device's posts). */
import { ensure } from "./errors.ts";
import type { FinalProfile } from "./final-profile.ts";
import type { PlainAnswer } from "./http.ts";

/** How an update ended, where the device shows no error. */
export type UpdateOutcome =
	| {
			kind: "profile";
			/** What the device has now. */
			profile: FinalProfile;
			/** What it had before. */
			replaced: FinalProfile;
	  }
	/** 301: the device opens this address in Safari. */
	| { kind: "redirect"; location: string };

/** The address that the device is sent to; null for an answer that is no 301. `secrets` are texts that must not be in it. */
export function redirectOf(answer: PlainAnswer, url: string, step: string, secrets: readonly string[]): string | null {
	if (answer.status !== 301) return null;
	const location = answer.header("location") ?? "";
	ensure(location !== "" && URL.canParse(location, url), step, "The 301 names no address to go to.");
	const { href, protocol } = new URL(location, url);
	ensure(/^https?:$/.test(protocol), step, "The 301 leads to an address that Safari does not open from here.");
	const readable = decodeURIComponent(href).toLowerCase();
	const leaked = secrets.some((secret) => secret !== "" && readable.includes(secret.toLowerCase()));
	ensure(!leaked, step, "The 301's address names the person or the device.");
	return href;
}

/** Checks that one profile takes the other's place on the device: which one it replaces, the identifier decides. */
export function checkReplaces(profile: FinalProfile, replaced: FinalProfile, step: string): void {
	const isSame = profile.outer.PayloadIdentifier === replaced.outer.PayloadIdentifier;
	ensure(isSame, step, "The profile has another PayloadIdentifier: it would come beside the one that is there.");
}

/** PayloadUUIDs by PayloadIdentifier: where both are the same, the device keeps the payload and updates it in place. */
export function payloadUUIDs({ payloads }: FinalProfile): Map<string, string> {
	return new Map(payloads.map((one) => [String(one.PayloadIdentifier), String(one.PayloadUUID)]));
}

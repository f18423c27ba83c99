/** Rules on the profile around the payloads, and on the payloads beside each other. */
import { type Fault, type Lint, mostPayloads, textAt } from "./lint-finding.ts";
import { namingFaults } from "./lint-payloads.ts";
import { isPropertyListDict } from "./property-list.ts";
import { textsOf } from "./texts.ts";

/** `index` is the payload's, or null. */
export type ProfileFault = Fault & { index: number | null };
type ProfileRule = (lint: Lint) => Iterable<ProfileFault>;

function* hasPayloads({ profile, isEncrypted }: Lint): Generator<ProfileFault> {
	const { PayloadContent: content } = profile;
	const fault = (words: string, remedy: string): ProfileFault => {
		return { index: null, level: "error", path: "PayloadContent", words, remedy };
	};
	if (isEncrypted || !Array.isArray(content)) return;
	if (content.length === 0) yield fault("is empty", "Put at least one payload into it.");
	if (content.length > mostPayloads)
		yield fault(`has more than ${mostPayloads} payloads`, "Make several profiles of it.");
	if (!content.every(isPropertyListDict)) yield fault("has elements that are no payload", "Dictionaries only.");
}

function* isWellNamed(lint: Lint): Generator<ProfileFault> {
	for (const fault of namingFaults(lint.profile, lint)) yield { index: null, ...fault };
}

/** The same version of two things cannot be told apart; devices refuse such a profile, or lose one of the two. */
function* hasNoTwins({ profile, payloads, isVariable }: Lint): Generator<ProfileFault> {
	for (const key of ["PayloadUUID", "PayloadIdentifier"] as const) {
		const seen = new Set<string>();
		if (key === "PayloadUUID") seen.add(textAt(profile, key).toUpperCase());
		for (const { index, dict } of payloads) {
			const text = textAt(dict, key).toUpperCase();
			if (text === "" || isVariable(text)) continue;
			const words = "is another's as well";
			const remedy = key === "PayloadUUID" ? "Give each a UUID of its own (uuidgen)." : "Give each its own.";
			if (seen.has(text)) yield { index, level: "error", path: key, words, remedy };
			seen.add(text);
		}
	}
}

/** Both keys of an encrypted profile, or none. */
function* isEncryptedWhole({ profile, isEncrypted }: Lint): Generator<ProfileFault> {
	const fault = (path: string, words: string, remedy: string): ProfileFault => {
		return { index: null, level: "error", path, words, remedy };
	};
	if (isEncrypted && profile.PayloadContent !== undefined) {
		yield fault("PayloadContent", "stands readable beside what is encrypted", "Take it out.");
	}
	if (isEncrypted && profile.IsEncrypted !== true) {
		yield fault("IsEncrypted", "is not true although the content is encrypted", "Set it to true.");
	}
	if (!isEncrypted && profile.IsEncrypted === true) {
		yield fault(
			"EncryptedPayloadContent",
			"is missing although IsEncrypted is true",
			"Add it, or take IsEncrypted out.",
		);
	}
}

/** Texts that say who or what a device belongs to. */
const tellTales: readonly (readonly [form: RegExp, what: string])[] = [
	[/[^\s@<>]@[^\s@<>]{1,253}\.[a-z]{2,}/i, "an e-mail address"],
	[/\bhttps?:\/\//i, "a web address"],
	[/\b(?:[0-9a-f]{40}|[0-9a-f]{8}-[0-9a-f]{16})\b/i, "a device's UDID"],
	[/\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/i, "a hardware address"],
	[/\b(?:\d{1,3}\.){3}\d{1,3}\b/, "an IP address"],
	[/\$\{(?!organization\}|baseUrl\})[^{}]*\}/, "a variable"],
];
/** They are read as they are looked at: no longer than this. */
const lookedAt = 10_000;
/** Not texts of an operator's; they are judged by their form. */
const named: ReadonlySet<string> = new Set(["PayloadUUID", "PayloadType", "PayloadContent", "EncryptedPayloadContent"]);

/** The outer keys stay readable to anyone who gets hold of the profile, also when its content is encrypted. */
function* keepsSecrets(lint: Lint): Generator<ProfileFault> {
	for (const [key, value] of Object.entries(lint.profile)) {
		if (named.has(key)) continue;
		for (const [path, text] of textsOf(value, key)) {
			const what = leak(text.slice(0, lookedAt), lint.privateTexts);
			if (what === undefined) continue;
			const words = `stays readable outside of what is encrypted, and has ${what}`;
			const level = lint.isEncrypted ? "error" : "warning";
			yield { index: null, level, path, words, remedy: "Say it inside a payload, or not at all." };
		}
	}
}

function leak(text: string, privateTexts: readonly string[]): string | undefined {
	const lower = text.toLowerCase();
	if (privateTexts.some((each) => each.length > 2 && lower.includes(each.toLowerCase()))) {
		return "a text of this person's or device's";
	}
	return tellTales.find(([form]) => form.test(text))?.[1];
}

export const profileRules = {
	payloads: hasPayloads,
	profileName: isWellNamed,
	twins: hasNoTwins,
	encryption: isEncryptedWhole,
	leak: keepsSecrets,
} as const satisfies Record<string, ProfileRule>;

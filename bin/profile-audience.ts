/** Who gets a profile, as it is typed: `--for everyone`, `--for group:staff`. */
import { type Audience, type Platform, platforms, type Rule } from "../lib/profile/document.ts";
import { isOsCondition } from "../lib/profile/rules.ts";

export const audienceForms =
	"everyone, nobody, group:NAME, user:EMAIL-OR-SUBJECT, device:UDID-OR-SERIAL, platform:iPhone, model:iPhone15,* or os:>=17";

type TypedAudience = { audience: Audience } | { fault: string };

export function readAudience(words: readonly string[]): TypedAudience {
	if (words.length === 1 && words[0] === "everyone") return { audience: "everyone" };
	if (words.length === 1 && words[0] === "nobody") return { audience: [] };
	const rules = words.map(readRule);
	const fault = rules.find((rule) => typeof rule === "string");
	return fault === undefined ? { audience: rules as Rule[] } : { fault };
}

function readRule(word: string): Rule | string {
	const [, kind = "", value = ""] = /^([a-z]+):(.+)$/.exec(word.trim()) ?? [];
	if (kind === "group") return { group: [value] };
	if (kind === "user") return { user: [value] };
	if (kind === "device") return { device: [value] };
	if (kind === "model") return { model: [value] };
	if (kind === "os") return isOsCondition(value) ? { os: value } : `--for ${word}: write a condition like os:>=17.2`;
	if (kind !== "platform") return `--for is ${audienceForms}; everyone and nobody stand alone.`;
	return platforms.some((each) => each === value)
		? { platform: [value as Platform] }
		: `--for platform: is one of ${platforms.join(", ")}.`;
}

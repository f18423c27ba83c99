/** How profiles are spoken of on a terminal: findings, and who gets one. What they are made of goes through `printable` after. */
import type { Audience, ProfileDocument, Rule } from "../lib/profile/document.ts";
import type { Finding } from "../lib/profile/lint-finding.ts";

export function findingLine({ rule, level, payload, path, words, remedy }: Finding): string {
	const where = payload ? `payload ${payload.index} ${payload.type} (${payload.identifier})` : "profile";
	return `${level.padEnd(7)}  ${where}${path && ` ${path}`}: ${words}. ${remedy} [${rule}]`;
}

export function countsOf(findings: readonly Finding[]): string {
	const errors = findings.filter(({ level }) => level === "error").length;
	return `${errors} errors, ${findings.length - errors} warnings`;
}

/** `everyone`, `nobody`, or the rules: `group staff, it + platform Mac; user ana@example.com`. */
export function audienceWords({ for: audience, except }: Pick<ProfileDocument, "for" | "except">): string {
	const without = except.length > 0 ? ` but for ${rulesWords(except)}` : "";
	return `${audience === "everyone" ? "everyone" : rulesWords(audience)}${without}`;
}

function rulesWords(rules: Exclude<Audience, "everyone">): string {
	return rules.length === 0 ? "nobody" : rules.map(ruleWords).join("; ");
}

function ruleWords(rule: Rule): string {
	const { claim = {}, ...rest } = rule;
	const conditions: (readonly [string, string | readonly (string | number | boolean)[]])[] = [
		...Object.entries(rest),
		...Object.entries(claim).map(([name, values]) => [`claim ${name}`, values] as const),
	];
	if (conditions.length === 0) return "everyone";
	return conditions
		.map(([name, value]) => `${name} ${typeof value === "string" ? value : value.join(", ")}`)
		.join(" + ");
}

export const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`;

/** The versions of systems at which what a trial composes may become another. */
import { type Catalogue, compareVersions, type OperatingSystem } from "../lib/profile/catalogue/form.ts";
import type { ProfileDocument } from "../lib/profile/document.ts";

/** Of each system; the newest, for most devices have one of them. */
const mostVersions = 12;
/** Of any system; what was there before is there for all devices that enroll. */
const oldest = "10.15";

/** Those at which a type that the documents use came or went, and the one before each; the newest first. */
export function turningVersions(
	documents: readonly ProfileDocument[],
	system: OperatingSystem,
	{ payloads }: Catalogue,
): string[] {
	const types = new Set(documents.flatMap((document) => document.payloads.map(({ payload }) => payload.PayloadType)));
	const versions = new Set<string>();
	for (const type of types) {
		const { introduced, removed } = payloads.get(String(type))?.on[system] ?? {};
		for (const version of [introduced, removed]) if (version) versions.add(version).add(versionBefore(version));
	}
	const living = [...versions].filter((version) => compareVersions(version, oldest) >= 0);
	return living.sort((one, other) => compareVersions(other, one)).slice(0, mostVersions);
}

/** The versions that a condition of a rule names, and the one before each. */
export function versionsNear(condition: string): string[] {
	const named = condition.match(/\d+(?:\.\d+)*/g) ?? [];
	return named.flatMap((version) => [version, `${Number.parseInt(version, 10) - 1}.0`]);
}

/** Of a major version the last of the one before it; no system had more than nine of them but for macOS 10. */
function versionBefore(version: string): string {
	const [major = 0, minor = 0] = version.split(".").map(Number);
	if (minor > 0) return `${major}.${minor - 1}`;
	return major === 11 ? "10.15" : `${Math.max(major - 1, 0)}.9`;
}

/**
 * Who and what a profile is for: the person, and the device as it described itself. Rules, variables and the lint before
 * delivery all ask here, so that they never disagree on a device's kind or version.
 */
import type { User } from "../ports.ts";
import { isVersion, type OperatingSystem } from "./catalogue/form.ts";
import type { Platform } from "./document.ts";

export interface Subject {
	user: User;
	/** Attributes under Apple's names. */
	device: Readonly<Record<string, string>>;
	/** Null: PRODUCT is missing, or says nothing known. */
	platform: Platform | null;
	/** `18.1`; of a build as near as it tells. Null: nothing is known. */
	osVersion: string | null;
}

/** `platform` null: unknown, or none that rules can ask for. `targetDeviceType`: Apple's number, 0 any. */
interface DeviceKind {
	platform: Platform | null;
	targetDeviceType: number;
}

const kinds: readonly (readonly [product: RegExp, platform: Platform | null, targetDeviceType: number])[] = [
	[/^iPhone/, "iPhone", 1],
	[/^iPad/, "iPad", 1],
	[/^iPod/, "iPod", 1],
	[/^Watch/, "Watch", 2],
	// HomePod.
	[/^AudioAccessory/, null, 3],
	[/^AppleTV/, "TV", 4],
	[/^(?:i?Mac|VirtualMac)/, "Mac", 5],
	[/^RealityDevice/, "Vision", 6],
];

const systems: Readonly<Record<Platform, OperatingSystem>> = {
	iPhone: "iOS",
	iPad: "iOS",
	iPod: "iOS",
	Mac: "macOS",
	TV: "tvOS",
	Watch: "watchOS",
	Vision: "visionOS",
};

/** First number of a build (Darwin's, but for iOS) -> version; the letter that follows counts the minor ones. */
const builds: Readonly<Partial<Record<OperatingSystem, Readonly<Record<string, string>>>>> = {
	iOS: { 15: "11", 16: "12", 17: "13", 18: "14", 19: "15", 20: "16", 21: "17", 22: "18", 23: "26", 24: "27" },
	macOS: { 19: "10.15", 20: "11", 21: "12", 22: "13", 23: "14", 24: "15", 25: "26", 26: "27" },
};

export function subjectOf(user: User, device: Readonly<Record<string, string>>): Subject {
	const { platform } = deviceKind(device.PRODUCT ?? null);
	return { user, device, platform, osVersion: osVersionOf(device, systemOf(platform)) };
}

/** From PRODUCT: "iPhone15,2". */
export function deviceKind(product: string | null): DeviceKind {
	const [, platform = null, targetDeviceType = 0] = kinds.find(([form]) => form.test(product ?? "")) ?? [];
	return { platform, targetDeviceType };
}

/** The system as the catalogue names it: iPadOS is iOS there. */
export function systemOf(platform: Platform | null): OperatingSystem | null {
	return platform === null ? null : systems[platform];
}

function osVersionOf(device: Readonly<Record<string, string>>, system: OperatingSystem | null): string | null {
	const { OS_VERSION: version, VERSION: build } = device;
	if (version !== undefined && isVersion(version)) return version;
	const [, first = "", letter = "A"] = /^(\d{1,3})([A-Z])\d/.exec(build ?? "") ?? [];
	const major = system === null ? undefined : builds[system]?.[first];
	return major === undefined ? null : `${major}.${letter.charCodeAt(0) - "A".charCodeAt(0)}`;
}

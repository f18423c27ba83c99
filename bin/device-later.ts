/** `ota device update` and `ota device open`: what a saved device does after its enrollment. */
import { readFileSync } from "node:fs";
import { type FinalProfile, payloadUUIDs } from "../test/device/index.ts";
import { readDevice, writeDevice } from "./device-file.ts";
import {
	deviceAsJson,
	deviceAsText,
	profileAsJson,
	profileAsText,
	tellJson,
	tellRefusal,
	tellStep,
} from "./device-report.ts";

export interface UpdateCommand {
	/** The saved device; what it has afterwards is saved there again. */
	from: string;
	/** Whether it gets the identities that the profile asks for as well. */
	client: boolean;
	json: boolean;
}

/** Answers the exit code: 0 when another profile came, 1 when the device is sent to Safari, or refused. */
export async function updateDevice({ from, client, json }: UpdateCommand): Promise<number> {
	try {
		const session = readDevice(from, { report: tellStep });
		const outcome = await session.update();
		if (outcome.kind === "redirect") return tellRedirect(outcome.location, json);
		if (client) await session.enrollClientIdentities();
		writeDevice(from, session);
		const change = changeOf(outcome);
		if (json) tellJson({ ok: true, kind: outcome.kind, ...deviceAsJson(session), change });
		else process.stdout.write(`${deviceAsText(session, "updated")}\n${changeAsText(change)}`);
		return 0;
	} catch (error) {
		return tellRefusal(error, json, {});
	}
}

function tellRedirect(location: string, json: boolean): 1 {
	if (json) tellJson({ ok: false, kind: "redirect", location });
	else process.stdout.write(`${location}\n`);
	process.stderr.write("The server has no update for this device; it sends its person to that address.\n");
	return 1;
}

/** PayloadIdentifiers: "same" are those whose PayloadUUID stayed, which the device updates in place; "changed" are of these. */
interface Change {
	same: string[];
	/** Other keys or values than before, but for challenges: they are new with every delivery. */
	changed: string[];
	replaced: string[];
	added: string[];
	removed: string[];
}

function changeOf({ profile, replaced }: { profile: FinalProfile; replaced: FinalProfile }): Change {
	const [now, before] = [payloadUUIDs(profile), payloadUUIDs(replaced)];
	const both = [...now.keys()].filter((identifier) => before.has(identifier));
	const same = both.filter((identifier) => now.get(identifier) === before.get(identifier));
	const [content, former] = [contents(profile), contents(replaced)];
	return {
		same,
		changed: same.filter((identifier) => content.get(identifier) !== former.get(identifier)),
		replaced: both.filter((identifier) => now.get(identifier) !== before.get(identifier)),
		added: [...now.keys()].filter((identifier) => !before.has(identifier)),
		removed: [...before.keys()].filter((identifier) => !now.has(identifier)),
	};
}

function contents({ payloads }: FinalProfile): Map<string, string> {
	return new Map(payloads.map((one) => [String(one.PayloadIdentifier), JSON.stringify(comparable(one))]));
}

/** Equal for equal values, in whatever order their keys come. */
function comparable(value: unknown): unknown {
	if (value instanceof Uint8Array) return { data: Buffer.from(value).toString("base64") };
	if (value instanceof Date) return { date: value.toISOString() };
	if (Array.isArray(value)) return value.map(comparable);
	if (typeof value !== "object" || value === null) return value;
	const entries = Object.entries(value).filter(([key]) => key !== "Challenge");
	entries.sort(([one], [other]) => (one < other ? -1 : 1));
	return { keys: entries.map(([key, item]) => [key, comparable(item)]) };
}

function changeAsText({ same, changed, replaced, added, removed }: Change): string {
	const kept = `${same.length} kept (${changed.length} changed)`;
	return `Against the profile before: ${kept}, ${replaced.length} replaced, ${added.length} added, ${removed.length} removed.\n`;
}

export interface OpenCommand {
	from: string;
	/** A .mobileconfig that was encrypted to the saved device. */
	profile: string;
	json: boolean;
}

/** Verifies, opens and tells a profile that came as a file; the saved device stays as it is. */
export function openProfile({ from, profile, json }: OpenCommand): number {
	try {
		const opened = readDevice(from).openDownloaded(new Uint8Array(readFileSync(profile)));
		if (json) tellJson({ ok: true, ...profileAsJson(opened) });
		else process.stdout.write(profileAsText(opened));
		return 0;
	} catch (error) {
		return tellRefusal(error, json, {});
	}
}

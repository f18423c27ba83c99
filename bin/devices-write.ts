/** The allow list and blocks of devices that may be unknown here: written a thousand at a time, told in one line. */
import type { AuditEvent } from "../lib/ports.ts";
import type { NamedDevice } from "./devices-list.ts";
import type { Operator } from "./operator.ts";
import { counted } from "./profile-words.ts";
import { reasonName } from "./revocation-reasons.ts";

export async function allowDevices(operator: Operator, devices: readonly NamedDevice[]): Promise<0> {
	const { store, now, by, say, tell, config } = operator;
	const rows = devices.map(({ value, note }) => ({ value, note, createdAt: now, by }));
	const audit = deviceEvent(operator, "device.allowed");
	const added = await inParts(rows, (part) => store.allowDevices({ devices: part, audit }));
	say(`${counted(added, "device")} allowed, ${devices.length - added} were on the list before`);
	if (config.policy.devices !== "listed") {
		tell("Any device may enroll now; for those of the list alone set OTA_DEVICES=listed");
	}
	return 0;
}

export async function removeDevices(operator: Operator, devices: readonly NamedDevice[]): Promise<0 | 1> {
	const values = devices.map(({ value }) => value);
	const audit = deviceEvent(operator, "device.disallowed");
	const removed = await inParts(values, (part) => operator.store.disallowDevices({ values: part, audit }));
	operator.say(`${counted(removed, "device")} removed, ${values.length - removed} were not on the list`);
	return removed > 0 ? 0 : 1;
}

export async function blockDevices(operator: Operator, devices: readonly NamedDevice[], reason: number): Promise<0> {
	const { store, now, by, say, tell } = operator;
	const blocks = devices.map(({ value }) => ({
		kind: "device" as const,
		value: asTheDeviceSays(value),
		createdAt: now,
		...{ reason, by },
	}));
	const audit = deviceEvent(operator, "blocked", { reason });
	const added = await inParts(blocks, (part) => store.blockDevices({ blocks: part, audit }));
	say(`${counted(added, "device")} blocked  ${reasonName(reason)}, ${blocks.length - added} were blocked before`);
	tell("Certificates that they have still hold: ota revoke --device. To lift a block: ota revoke --device NAME --lift");
	return 0;
}

export async function listDevices({ store, say, tell }: Operator, isJson: boolean): Promise<0> {
	const devices = await store.listAllowedDevices();
	if (isJson) say(JSON.stringify(devices.map(({ value, note, createdAt, by }) => ({ value, note, createdAt, by }))));
	else {
		for (const { value, note, createdAt, by } of devices) {
			say(`${value}  since ${createdAt.toISOString()} by ${by}${note && `  ${note}`}`);
		}
	}
	tell(`${counted(devices.length, "device")} on the allow list.`);
	return 0;
}

/** One transaction for a hundred thousand would keep a running server's from writing for seconds. All of it may be done again. */
async function inParts<T>(all: readonly T[], write: (part: readonly T[]) => Promise<number>): Promise<number> {
	const size = 1_000;
	let written = 0;
	for (let at = 0; at < all.length; at += size) written += await write(all.slice(at, at + size));
	return written;
}

/** UDIDs of 40 digits come in lower case, all other names in upper. */
const asTheDeviceSays = (value: string): string => (/^[0-9A-F]{40}$/.test(value) ? value.toLowerCase() : value);

const deviceEvent = ({ now, by }: Operator, event: string, detail: AuditEvent["detail"] = {}): AuditEvent => ({
	at: now,
	event,
	enrollmentId: null,
	detail: { ...detail, by },
});

/** By what a person and a device are known to an operator: the names that a block is kept for, and is asked by. */
import type { Block, Enrollment } from "../ports.ts";

/** The serial number as the device told it, if it did. */
export const deviceSerial = (device: Enrollment["device"]): string | null => device.SERIAL || null;

/** An e-mail address as it is looked for. */
export const comparableEmail = (email: string): string | null => email.toLowerCase() || null;

/** UDIDs and serial numbers are typed by people: as it is, in capitals, in small letters. An index finds all three. */
export const spellings = (name: string) => [name, name.toUpperCase(), name.toLowerCase()] as const;

export function blockedNames({ user, udid, device }: Pick<Enrollment, "user" | "udid" | "device">) {
	const names: Pick<Block, "kind" | "value">[] = [{ kind: "person", value: user.id }];
	for (const value of [udid, deviceSerial(device)]) if (value) names.push({ kind: "device", value });
	return names;
}

/**
 * PayloadUUIDs that stay the same for the same payload of the same device, so that a later profile replaces the
 * earlier one: RFC 9562 version 8, from SHA-256.
 */
import { createHash } from "node:crypto";

/** Upper-case UUID of `name` within `scope` (a device, an enrollment: whatever must have UUIDs of its own). */
export function payloadUuid(scope: string, name: string): string {
	const hash = createHash("sha256")
		.update(JSON.stringify([scope, name]))
		.digest();
	const octets = hash.subarray(0, 16);
	octets.writeUInt8((octets.readUInt8(6) & 0x0f) | 0x80, 6);
	octets.writeUInt8((octets.readUInt8(8) & 0x3f) | 0x80, 8);
	const hex = octets.toString("hex").toUpperCase();
	return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** The 8-4-4-4-12 form that Apple asks of a PayloadUUID. */
export function isUuid(text: string): boolean {
	return /^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/.test(text);
}

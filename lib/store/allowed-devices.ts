/** The allow list: devices that may come, by UDID or serial number in upper case. */
import type { AllowedDevice, AuditEvent, PeopleStore } from "../ports.ts";
import { insertAuditEvent } from "./audit.ts";
import type { PrismaLike, Tables } from "./client.ts";
import { isUnique, persist } from "./failures.ts";

/** Of one statement: a company's list of devices is long. */
const portion = 1000;

export async function allowDevices(
	client: PrismaLike,
	{ devices, audit }: Parameters<PeopleStore["allowDevices"]>[0],
): Promise<number> {
	const wanted = new Map<string, AllowedDevice>();
	for (const device of devices) {
		const value = device.value.toUpperCase();
		if (!wanted.has(value)) wanted.set(value, { ...device, value });
	}
	const all = [...wanted.values()];
	const attempt = async () => {
		let added = 0;
		await persist(() =>
			client.$transaction(async (tables) => {
				added = 0;
				for (let at = 0; at < all.length; at += portion) {
					added += await add(tables, all.slice(at, at + portion), audit);
				}
			}),
		);
		return added;
	};
	try {
		return await attempt();
	} catch (error) {
		// Somebody else has put one of them on the list meanwhile.
		if (!isUnique(error)) throw error;
		return attempt();
	}
}

/** Those that are not on the list; answers how many. */
async function add(tables: Tables, devices: readonly AllowedDevice[], audit: AuditEvent): Promise<number> {
	const where = { value: { in: devices.map(({ value }) => value) } };
	const known = (await tables.allowedDevice.findMany({ where, select: { value: true } })) as { value: string }[];
	const values = new Set(known.map(({ value }) => value));
	const data = devices.filter(({ value }) => !values.has(value));
	if (data.length === 0) return 0;
	const rows = data.map(({ value, note, createdAt, by }) => ({ value, note, createdAt, by }));
	await tables.allowedDevice.createMany({ data: rows } as never);
	const events = data.map(({ value }) => told(audit, value));
	const eventRows = events.map((event) => ({ ...event, detail: JSON.stringify(event.detail) }));
	await tables.auditEvent.createMany({ data: eventRows } as never);
	return data.length;
}

function told({ at, event, enrollmentId, detail }: AuditEvent, device: string): AuditEvent {
	return { at, event, enrollmentId, detail: { ...detail, device } };
}

export async function disallowDevices(
	client: PrismaLike,
	{ values, audit }: Parameters<PeopleStore["disallowDevices"]>[0],
): Promise<number> {
	let gone = 0;
	// In one order, so that two of these wait for each other rather than deadlock.
	const named = [...new Set(values.map((value) => value.toUpperCase()))].sort();
	await persist(() =>
		client.$transaction(async (sql) => {
			gone = 0;
			for (const value of named) {
				if ((await sql.$executeRaw`DELETE FROM "AllowedDevice" WHERE "value" = ${value}`) !== 1) continue;
				await insertAuditEvent(sql, told(audit, value));
				gone += 1;
			}
		}),
	);
	return gone;
}

export async function listAllowedDevices(client: PrismaLike): Promise<AllowedDevice[]> {
	const rows = await persist(() => client.$queryRaw`SELECT * FROM "AllowedDevice"`);
	return (rows as AllowedDevice[]).sort((a, b) => (a.value < b.value ? -1 : 1));
}

export async function isAllowed(
	client: PrismaLike,
	{ udid, serialNumber }: Parameters<PeopleStore["isAllowed"]>[0],
): Promise<boolean> {
	const rows = await persist(
		() => client.$queryRaw`
			SELECT 1 FROM "AllowedDevice"
			WHERE "value" <> '' AND "value" IN (${udid.toUpperCase()}, ${(serialNumber ?? "").toUpperCase()})
			LIMIT 1`,
	);
	return (rows as unknown[]).length > 0;
}

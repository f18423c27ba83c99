/** The whole server side in memory: createOta over software keys and the memory store, and devices that talk to it. */
import { randomBytes } from "node:crypto";
import { createOta, type Ota } from "../../lib/index.ts";
import type { OtaOptions, SessionUser } from "../../lib/options.ts";
import type { Keys, Log, LogFields, Store } from "../../lib/ports.ts";
import { defaultTemplates } from "../../lib/profile/default-templates.ts";
import { parseTemplate } from "../../lib/profile/templates.ts";
import { memoryStore } from "../../lib/store/memory.ts";
import {
	type DeviceAuthority,
	type DeviceOptions,
	DeviceSession,
	generateDeviceAuthority,
	handlersTransport,
	type Transport,
} from "../device/index.ts";
import { type SoftwareKeys, softwareKeys } from "./software-keys.ts";

export interface LogLine extends LogFields {
	level: string;
	event: string;
}

export interface TestOta {
	ota: Ota;
	url: string;
	keys: SoftwareKeys;
	store: Store;
	authority: DeviceAuthority;
	transport: Transport;
	/** Everything logged, in order. */
	log: LogLine[];
	/** Who is signed in. */
	person: { now: SessionUser | null };
	/** What time it is: an offset to the machine's clock in milliseconds. */
	clock: { offset: number };
	device(options?: Partial<DeviceOptions>): DeviceSession;
	/** A device that has its identity profile. */
	identified(options?: Partial<DeviceOptions>): Promise<DeviceSession>;
}

export interface TestOtaOptions {
	keys?: SoftwareKeys;
	/** Instead of the software keys' own. */
	wrapKeys?: (keys: Keys) => Keys;
	store?: Store;
	authority?: DeviceAuthority;
	basePath?: string;
	options?: Partial<OtaOptions>;
}

export const alice: SessionUser = { id: "alice", email: "alice@example.com", name: "Alice Example", groups: ["staff"] };

export async function testOta(setup: TestOtaOptions = {}): Promise<TestOta> {
	const keys = setup.keys ?? (await softwareKeys());
	const authority = setup.authority ?? generateDeviceAuthority();
	const store = setup.store ?? memoryStore();
	const log: LogLine[] = [];
	const write =
		(level: string) =>
		(event: string, fields: LogFields = {}) =>
			void log.push({ ...fields, level, event });
	const quiet: Log = { info: write("info"), warn: write("warn"), error: write("error") };
	const person: TestOta["person"] = { now: alice };
	const clock = { offset: 0 };
	const origin = "https://ota.example.com";
	const ota = createOta({
		baseUrl: origin,
		basePath: setup.basePath ?? "",
		organization: "Example & Söhne",
		user: async () => person.now,
		signIn: async (_request, returnTo) => Response.redirect(`${origin}/sign-in?to=${encodeURIComponent(returnTo)}`),
		keys: () => (setup.wrapKeys ? setup.wrapKeys(keys.keys) : keys.keys),
		store: () => store,
		authorities: () => keys.authorities,
		deviceRoots: () => [authority.deviceCa],
		templates: () => defaultTemplates.map(({ file, text }) => parseTemplate(file, text)),
		log: quiet,
		clock: () => new Date(Date.now() + clock.offset),
		random: (length) => randomBytes(length),
		...setup.options,
	});
	const url = `${origin}${setup.basePath ?? ""}`;
	const transport = handlersTransport(ota.handlers);
	const device = (options: Partial<DeviceOptions> = {}) => new DeviceSession({ url, transport, authority, ...options });
	const identified = async (options: Partial<DeviceOptions> = {}) => {
		const session = device(options);
		await session.fetchRoot();
		await session.fetchProfileService();
		await session.sendDeviceResponse();
		return session;
	};
	return { ota, url, keys, store, authority, transport, log, person, clock, device, identified };
}

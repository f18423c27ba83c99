/**
 * The server in memory under observation: it remembers every secret that the server drew, and `refused` asserts what no
 * refusal may do (the global must-nots of the hostile cases), whatever else a test looks at.
 */
import { randomBytes } from "node:crypto";
import { expect } from "@jest/globals";
import type { Store } from "../../lib/ports.ts";
import { type MemoryStore, memoryStore } from "../../lib/store/memory.ts";
import { type LogLine, type TestOta, type TestOtaOptions, testOta } from "./ota.ts";

export interface Refused {
	status: number;
	headers: Headers;
	body: Uint8Array;
	/** The one line that was logged. */
	line: LogLine;
}

export interface WatchedOta extends TestOta {
	memory: MemoryStore;
	/** Everything of 32 octets that the server drew, hex: its challenges and content keys. */
	secrets: ReadonlySet<string>;
	request(path: string, init?: RequestInit): Promise<Response>;
	postScep(message: Uint8Array, contentType?: string): Promise<Response>;
	postProfile(message: Uint8Array, contentType?: string): Promise<Response>;
	/** Runs what must be refused; fails when anything was spent, issued, told or left out of the log. */
	refused(act: () => Promise<Response>): Promise<Refused>;
	/** Fails when a secret can be read in it. */
	tellsNothing(text: string): void;
}

export interface WatchedOptions extends Omit<TestOtaOptions, "store"> {
	/** Between the server and the store that is watched. */
	wrapStore?: (store: Store) => Store;
}

export async function watchedOta({ wrapStore, ...setup }: WatchedOptions = {}): Promise<WatchedOta> {
	const memory = memoryStore();
	const secrets = new Set<string>();
	const draw = setup.options?.random ?? randomBytes;
	const random = (length: number): Uint8Array => {
		const bytes = draw(length);
		if (length === 32) secrets.add(Buffer.from(bytes).toString("hex"));
		return bytes;
	};
	const ota = await testOta({ ...setup, store: wrapStore?.(memory) ?? memory, options: { ...setup.options, random } });
	const request: WatchedOta["request"] = (path, init = {}) => ota.transport(new Request(`${ota.url}${path}`, init));
	const post = (path: string, body: Uint8Array, type: string) =>
		request(path, { method: "POST", body: Buffer.from(body), headers: { "content-type": type } });
	const tellsNothing = (text: string): void => {
		const lower = text.toLowerCase();
		for (const secret of secrets) expect(lower.includes(secret)).toBe(false);
	};
	return {
		...ota,
		memory,
		secrets,
		request,
		postScep: (message, type = "application/x-pki-message") => post("/scep?operation=PKIOperation", message, type),
		postProfile: (message, type = "application/pkcs7-signature") => post("/profile", message, type),
		refused: (act) => refused(act, memory, ota.log, tellsNothing),
		tellsNothing,
	};
}

async function refused(
	act: () => Promise<Response>,
	memory: MemoryStore,
	log: LogLine[],
	tellsNothing: (text: string) => void,
): Promise<Refused> {
	const before = traces(memory);
	const logged = log.length;
	const start = process.cpuUsage();
	const response = await act();
	const { user, system } = process.cpuUsage(start);
	const body = new Uint8Array(await response.arrayBuffer());
	const text = Buffer.from(body).toString("latin1");

	expect(traces(memory)).toEqual(before);
	expect((user + system) / 1e6).toBeLessThan(1);
	expect(text).not.toMatch(/node_modules|node:internal|\.(?:ts|js):\d+|\n\s+at /);
	tellsNothing(text);
	const lines = log.slice(logged);
	expect(lines).toHaveLength(1);
	const written = JSON.stringify(lines[0]);
	expect(written.length).toBeLessThan(1024);
	tellsNothing(written);
	return { status: response.status, headers: response.headers, body, line: lines[0] as LogLine };
}

/** Everything that a refusal must leave as it was. */
export function traces(memory: MemoryStore) {
	return {
		certificates: [...memory.certificates.values()].map(({ serialNumber, state }) => `${serialNumber} ${state}`),
		challenges: [...memory.challenges.values()].map(({ hash, usedAt, withdrawnAt }) => ({ hash, usedAt, withdrawnAt })),
		enrollments: [...memory.enrollments.values()].map(({ id, state, attempts, udid }) => ({
			id,
			state,
			attempts,
			udid,
		})),
		deliveries: memory.deliveries.size,
		transactions: memory.transactions.length,
	};
}

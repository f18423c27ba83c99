import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import pkcs11js from "pkcs11js";
import { RefusedPins } from "../../hsm/agent/refused-pins.ts";
import { PinRefused, type TokenInfo } from "../../hsm/token/slot.ts";

let directory: string;
let pins: RefusedPins;
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), "ota-pins-"));
	pins = restarted();
});
afterEach(() => rmSync(directory, { recursive: true }));

const silent = { info() {}, warn() {}, error() {} };
/** What a new process knows. */
const restarted = (): RefusedPins =>
	new RefusedPins({ directory, log: silent, random: (length) => Buffer.alloc(length, 5) });

const info = (fields: Partial<TokenInfo> = {}): TokenInfo =>
	({ label: "ota", manufacturerID: "m", model: "x", serialNumber: "1", flags: 0, ...fields }) as TokenInfo;
const token = (fields?: Partial<TokenInfo>, module = "/lib/a.so") => ({ module, info: info(fields) });

const writeMarker = (name: string, marker: object): void =>
	writeFileSync(join(directory, name), `${JSON.stringify([marker])}\n`);

const refuse = (): never => {
	throw new PinRefused("token ota refused the PIN", true);
};
const good = (): void => undefined;
/** Whether the PIN reached the token. */
function isSent(of: ReturnType<typeof token>, pin: string, login: () => void = good): boolean {
	let sent = false;
	try {
		restarted().guard(of, pin, () => {
			sent = true;
			login();
		});
	} catch (error) {
		expect(error).toMatchObject({ code: "config" });
	}
	return sent;
}

describe("a PIN that a token refused", () => {
	it("is not sent again by the next process, another one is", () => {
		expect(() => pins.guard(token(), "1234", refuse)).toThrow(PinRefused);
		expect(isSent(token(), "1234")).toBe(false);
		expect(isSent(token(), "12345")).toBe(true);
		expect(readdirSync(directory)).toEqual([]);
	});

	it("bars no token whose serial number is equal, but its label or its library is another's", () => {
		expect(() => pins.guard(token(), "1234", refuse)).toThrow(PinRefused);
		expect(isSent(token({ label: "other" }), "1234")).toBe(true);
		expect(isSent(token({}, "/lib/b.so"), "1234")).toBe(true);
		// Nor do these take the marker away.
		expect(isSent(token(), "1234")).toBe(false);
	});

	it("is remembered beside others that were refused after it", () => {
		for (const pin of ["1234", "4321"]) expect(() => pins.guard(token(), pin, refuse)).toThrow(PinRefused);
		for (const pin of ["1234", "4321"]) expect(isSent(token(), pin)).toBe(false);
		expect(isSent(token(), "the right one")).toBe(true);
	});

	it("is remembered also when the process dies before it hears the answer", () => {
		const died = new Error("killed");
		expect(() =>
			pins.guard(token(), "1234", () => {
				expect(readFileSync(join(directory, readdirSync(directory)[0] as string), "utf8")).toContain('"state":"sent"');
				throw died;
			}),
		).toThrow(died);
		// An error that came back is an answer: nothing is held against the PIN.
		expect(readdirSync(directory)).toEqual([]);
	});

	it("is not sent where it may have been refused: the token counts one, or its answer failed to come three times", () => {
		/** Leaves the marker as a killed process does. */
		const killed = (): void => {
			const path = directory;
			restarted().guard(token(), "1234", () => {
				const [name] = readdirSync(path);
				left.push([name as string, readFileSync(join(path, name as string), "utf8")]);
			});
		};
		const left: [string, string][] = [];
		killed();
		expect(left[0]?.[1]).toContain('"count":1');
		const [marker] = JSON.parse(left[0]?.[1] as string);
		const write = (change: object): void => writeMarker(left[0]?.[0] as string, { ...marker, ...change });
		write({});
		expect(isSent(token({ flags: pkcs11js.CKF_USER_PIN_COUNT_LOW }), "1234")).toBe(false);
		expect(isSent(token(), "1234")).toBe(true);
		write({ count: 3 });
		expect(isSent(token(), "1234")).toBe(false);
	});

	it("is not held against it when the token was not asked (one attempt left, locked)", () => {
		const unsent = (): never => {
			throw new PinRefused("token ota: one attempt is left before its PIN locks", false);
		};
		expect(() => pins.guard(token(), "1234", unsent)).toThrow(PinRefused);
		expect(isSent(token(), "1234")).toBe(true);
	});
});

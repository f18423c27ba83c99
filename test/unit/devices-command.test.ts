/** `ota devices` on a real database: the allow list and blocks, typed and from spreadsheets. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { run } from "../../bin/commands/devices.ts";
import { devicesFromCsv } from "../../bin/devices-list.ts";
import { type OperatorDesk, operatorDesk } from "../harness/operator-desk.ts";

const udid = "00008030-001A2D3C4E5F0011";
const old = "0123456789abcdef0123456789abcdef01234567";
const mac = "4F3C2B1A-0000-1111-2222-33334444AAAA";
const serial = "C39VK7XQ0D91";

describe("ota devices", () => {
	let desk: OperatorDesk;
	const type = (...args: string[]) => desk.type(run, ...args);
	const listed = async () => (await desk.store.listAllowedDevices()).map(({ value, note }) => [value, note]);
	const file = (text: string) => {
		const path = join(desk.folder, "devices.csv");
		writeFileSync(path, text);
		return path;
	};
	beforeAll(async () => {
		desk = await operatorDesk();
	});
	beforeEach(async () => {
		const values = (await desk.store.listAllowedDevices()).map(({ value }) => value);
		await desk.store.disallowDevices({
			values,
			audit: { at: new Date(0), event: "x", enrollmentId: null, detail: {} },
		});
	});
	afterAll(() => desk.leave());

	it.each([
		["nothing", []],
		["a verb that is none", ["forget", serial]],
		["no device", ["allow"]],
		["devices and a list", ["allow", serial, "--csv", "x.csv"]],
		["a list of the list", ["list", serial]],
		["a flag that is none", ["allow", serial, "--force"]],
		["a note of a block", ["block", serial, "--note", "x"]],
		["a reason of the allow list", ["allow", serial, "--reason", "superseded"]],
		["a reason that is none", ["block", serial, "--reason", "because"]],
		["a hold", ["block", serial, "--reason", "certificateHold"]],
		["a list in JSON of what is allowed", ["allow", serial, "--json"]],
		["a note without end", ["allow", serial, "--note", "x".repeat(501)]],
	])("answers 2 and its usage to %s", async (_, args) => {
		const { code, out, err } = await type(...args);
		expect({ code, out }).toEqual({ code: 2, out: "" });
		expect(err).toContain("usage: ota devices");
	});

	it("explains itself", async () => {
		expect(await type("--help")).toMatchObject({ code: 0, out: expect.stringContaining("--csv FILE"), err: "" });
	});

	it("allows devices in any spelling, once, and shows them", async () => {
		const first = await type("allow", serial.toLowerCase(), udid, "--note", "Ana's\u001b[2J");
		expect(first).toMatchObject({ code: 0, out: "2 devices allowed, 0 were on the list before\n" });
		expect(first.err).toContain("OTA_DEVICES=listed");
		const again = await type("allow", serial, old, mac);
		expect(again.out).toBe("2 devices allowed, 1 were on the list before\n");
		const { code, out, err } = await type("list");
		expect([code, err]).toEqual([0, "4 devices on the allow list.\n"]);
		expect(out.split("\n").map((line) => line.split("  ")[0])).toEqual(
			[udid, old.toUpperCase(), mac, serial, ""].sort((a, b) => (a === "" ? 1 : b === "" ? -1 : a < b ? -1 : 1)),
		);
		expect(out).toContain("Ana's\\u001b[2J");
		expect(await desk.store.isAllowed({ udid: old, serialNumber: null })).toBe(true);
	});

	it("shows them as JSON", async () => {
		await type("allow", serial, "--note", "Ana's\u202e");
		const { code, out } = await type("list", "--json");
		expect([code, out]).toEqual([0, expect.not.stringContaining("\u202e")]);
		const [device] = await desk.store.listAllowedDevices();
		expect(JSON.parse(out)).toEqual([
			{ value: serial, note: "Ana's\u202e", createdAt: device?.createdAt.toISOString(), by: device?.by },
		]);
		await type("remove", serial);
		expect(JSON.parse((await type("list", "--json")).out)).toEqual([]);
	});

	it("says nothing of the policy where the list counts", async () => {
		const { code, err } = await desk.typeWith({ OTA_DEVICES: "listed" }, run, "allow", serial);
		expect([code, err]).toEqual([0, ""]);
	});

	it("removes them, and answers 1 where there was nothing to remove", async () => {
		await type("allow", serial, udid);
		expect(await type("remove", serial, mac)).toMatchObject({
			code: 0,
			out: "1 device removed, 1 were not on the list\n",
		});
		expect(await listed()).toEqual([[udid, ""]]);
		expect((await type("remove", serial)).code).toBe(1);
	});

	it("writes nothing when one value is wrong", async () => {
		const { code, err } = await type("allow", serial, "an iPhone", "1234");
		expect(code).toBe(1);
		expect(err).toMatch(/^"an iPhone" is neither[^\n]*\n"1234" is neither[^\n]*\n$/);
		expect(await listed()).toEqual([]);
	});

	it("blocks devices that nobody has seen, and revokes nothing", async () => {
		const { code, out, err } = await type("block", serial, old, "--reason", "keyCompromise");
		expect([code, out]).toEqual([0, "2 devices blocked  keyCompromise, 0 were blocked before\n"]);
		expect(err).toContain("still hold: ota revoke --device");
		expect(await desk.store.isBlocked({ udid: old })).toBe(true);
		expect(await desk.store.isBlocked({ udid, serialNumber: serial })).toBe(true);
		expect((await type("block", serial)).out).toBe("0 devices blocked  cessationOfOperation, 1 were blocked before\n");
	});

	it("takes what spreadsheets write", async () => {
		const text = `\ufeffSerial Number;Note;Bought\r\n${serial.toLowerCase()};"Ana; her ""first""";2024\r\n\r\n${udid};\r\n`;
		const { code, out } = await type("allow", "--csv", file(text), "--note", "stock");
		expect([code, out]).toEqual([0, "2 devices allowed, 0 were on the list before\n"]);
		expect(await listed()).toEqual([
			[udid, "stock"],
			[serial, 'Ana; her "first"'],
		]);
		expect((await type("remove", "--csv", file(text))).code).toBe(0);
		expect((await type("block", "--csv", file(text))).code).toBe(0);
		expect(await listed()).toEqual([]);
	});

	it("tells every wrong line with its number, and writes nothing then", async () => {
		const text = `udid,note\n${udid},good\nnonsense!,x\n"two\nlines",y\n${serial},${"n".repeat(501)}\n`;
		const { code, out, err } = await type("allow", "--csv", file(text));
		expect([code, out]).toEqual([1, ""]);
		expect(err.split("\n").map((line) => line.split(":")[0])).toEqual([
			"line 3",
			"line 5",
			"line 6",
			"Nothing was written.",
			"",
		]);
		expect(err).not.toContain("\u001b");
		expect(await listed()).toEqual([]);
	});

	it.each([
		["an open quote", `${udid},"no end\n`, /quote/i],
		["nothing", "", /no device/],
		["a header alone", "UDID,note\n", /no device/],
		["more than 100,000 lines", `${serial}\n`.repeat(100_001), /more than 100000/],
	])("refuses a list with %s", async (_, text, words) => {
		const { code, err } = await type("allow", "--csv", file(text));
		expect(code).toBe(1);
		expect(err).toMatch(words);
		expect(await listed()).toEqual([]);
	});

	it("answers 1 where there is no such list", async () => {
		expect(await type("allow", "--csv", join(desk.folder, "nowhere.csv"))).toMatchObject({
			code: 1,
			err: expect.stringContaining("ENOENT"),
		});
	});
});

describe("a list of 100,000 devices", () => {
	it("is read in seconds, each once", () => {
		const folder = mkdtempSync(join(tmpdir(), "devices-"));
		const path = join(folder, "many.csv");
		const lines = Array.from({ length: 100_000 }, (_, index) => `SERIAL${index.toString().padStart(6, "0")},note`);
		writeFileSync(path, lines.join("\n"));
		const begun = performance.now();
		expect(devicesFromCsv(path, "")).toHaveLength(100_000);
		expect(performance.now() - begun).toBeLessThan(10_000);
		rmSync(folder, { recursive: true });
	});
});

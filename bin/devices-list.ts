/** Devices as an operator names them: UDIDs and serial numbers, typed or as a list from a spreadsheet. */
import { CsvError, parse } from "csv-parse/sync";
import { OtaError } from "../lib/errors.ts";
import { readInput } from "./profile-input.ts";

export interface NamedDevice {
	/** In upper case. */
	value: string;
	note: string;
}

const mostLines = 100_000;
const longestNote = 500;

/** 40 hexadecimal digits, 8-16 of them, a UUID (Macs with an Intel processor); or a serial number. */
const valueForm =
	/^(?:[0-9A-F]{40}|[0-9A-F]{8}-[0-9A-F]{16}|[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}|[A-Z0-9]{8,20})$/;
const headerForm = /^(?:udid|serial(?:[ _-]?(?:number|no\.?))?|device|identifier|value)$/i;

/** In upper case; null: neither a UDID nor a serial number. */
export function readDeviceValue(text: string): string | null {
	const value = text.trim().toUpperCase();
	return valueForm.test(value) ? value : null;
}

/** All of them, or one `malformed` that tells of each that is wrong. */
export function typedDevices(words: readonly string[], note: string): NamedDevice[] {
	const devices = words.map((word) => ({ word, value: readDeviceValue(word) }));
	const wrong = devices.filter(({ value }) => value === null).map(({ word }) => fault(JSON.stringify(word)));
	if (wrong.length > 0) throw new OtaError("malformed", wrong.join("\n"));
	return once(devices.map(({ value }) => ({ value: value ?? "", note })));
}

const fault = (what: string): string => `${what} is neither a UDID nor a serial number (8 to 20 letters and digits).`;

/**
 * The first column is the UDID or serial number, the second a note (`note` where it is empty); more are not looked at.
 * Throws one `malformed` that tells of every wrong line; `too_large`, `not_found`.
 */
export function devicesFromCsv(path: string, note: string): NamedDevice[] {
	const lines = readLines(path, readInput(path).toString("utf8"));
	const [first] = lines;
	const devices = first && headerForm.test(first.cells[0]?.trim() ?? "") ? lines.slice(1) : lines;
	if (devices.length > mostLines) throw new OtaError("too_large", `${path}: more than ${mostLines} lines`);
	if (devices.length === 0) throw new OtaError("malformed", `${path}: no device in it`);
	const read = devices.map(({ number, cells: [value = "", own = ""] }) => {
		const device = { value: readDeviceValue(value) ?? "", note: own.trim() || note };
		if (device.value === "") return { device, wrong: `line ${number}: ${fault(JSON.stringify(value.slice(0, 80)))}` };
		const wrong =
			device.note.length > longestNote && `line ${number}: the note is longer than ${longestNote} characters.`;
		return { device, wrong };
	});
	const wrong = read.flatMap((each) => each.wrong || []);
	if (wrong.length > 0) throw new OtaError("malformed", [...wrong, "Nothing was written."].join("\n"));
	return once(read.map(({ device }) => device));
}

interface Line {
	/** Of the file, from 1 on. */
	number: number;
	cells: readonly string[];
}

function readLines(path: string, content: string): Line[] {
	const options = { bom: true, delimiter: delimiterOf(content), info: true, relax_column_count: true } as const;
	try {
		const records = parse(content, { ...options, skip_empty_lines: true, max_record_size: 64 * 1024 });
		// With `info` each record comes with where it ended.
		const told = records as unknown as { record: string[]; info: { lines: number } }[];
		return told.map(({ record, info }) => ({ number: info.lines, cells: record }));
	} catch (error) {
		if (!(error instanceof CsvError)) throw error;
		throw new OtaError("malformed", `${path}: ${error.message}. Nothing was written.`, { cause: error });
	}
}

/** What spreadsheets write where a comma is the decimal sign: whichever comes first. */
const delimiterOf = (content: string): string => /[,;\n]/.exec(content)?.[0]?.replace("\n", ",") ?? ",";

/** A list that names a device twice says it once: the first note counts. */
function once(devices: readonly NamedDevice[]): NamedDevice[] {
	const byValue = new Map<string, NamedDevice>();
	for (const device of devices) if (!byValue.has(device.value)) byValue.set(device.value, device);
	return [...byValue.values()];
}

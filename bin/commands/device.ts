/** `ota device ...`: an emulated iPhone or Mac, or many of them, enroll with a running server, and come back later. */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { loadDeviceAuthority } from "../../test/device/index.ts";
import { type EnrollCommand, enrollDevices } from "../device-enroll.ts";
import { openProfile, updateDevice } from "../device-later.ts";

const usage = `usage: ota device enroll [--url URL] [--user NAME] [--password P] [--mac] [--json]
                         [--udid UDID] [--serial SERIAL] [--save FILE] [--data-dir DIR]
       ota device enroll --devices N [--concurrency C] [--client] [--url URL] [--user NAME]
                         [--password P] [--mac] [--json] [--data-dir DIR]
       ota device update --from FILE [--client] [--json]
       ota device open --from FILE PROFILE [--json]

An emulated iPhone (or Mac) signs in as NAME (alice unless told), enrolls, and shows the profile it received.
Its fake Apple CA is in <data dir>/device; the server must trust it (OTA_DEVICE_ROOTS), as under "npm run up".
With --save, the device is kept in FILE afterwards, its private keys included (readable by its owner alone).

With --devices, N devices (1 to 100,000) enroll, C at a time (8 unless told, 1 to 1,000), each up to its decrypted
final profile; with --client, on to the identity that the profile asks for. The people are load-1, load-2 and so on, as
the local provider knows them, or NAME alone. Keys and sign-ins are made beforehand and not timed.

"update" has the device of FILE ask for its profile again; with --client, it gets the identities that the profile asks
for as well. What it has then is saved in FILE again. Exit code 1 when it is refused, or is sent to a page in Safari, whose
address is shown. "open" shows PROFILE, a .mobileconfig that was made for the device of FILE, and changes nothing.
`;

/** The command; answers the exit code: 0 done, 1 refused, 2 usage. */
export async function run(args: readonly string[]): Promise<number> {
	const act = readArguments(args);
	if (typeof act === "string") {
		process.stderr.write(`${act}\n${usage}`);
		return 2;
	}
	if (act === null) {
		process.stdout.write(usage);
		return 0;
	}
	return act();
}

type Act = () => number | Promise<number>;

const text = { type: "string" } as const;
const flag = { type: "boolean", default: false } as const;

/** What to do; null to explain, or a sentence that says what is wrong. */
function readArguments(args: readonly string[]): Act | string | null {
	const [command, ...rest] = args;
	if (args.includes("--help") || args.includes("-h")) return null;
	try {
		if (command === "enroll") return readEnroll(rest);
		if (command === "update") return readUpdate(rest);
		if (command === "open") return readOpen(rest);
		return 'What "ota device" does is enroll, update or open.';
	} catch (error) {
		return error instanceof Error ? error.message : String(error);
	}
}

function readUpdate(args: string[]): Act | string {
	const { values } = parseArgs({ args, options: { from: text, client: flag, json: flag } });
	const { from, client, json } = values;
	return from === undefined ? missingDevice : () => updateDevice({ from, client, json });
}

function readOpen(args: string[]): Act | string {
	const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { from: text, json: flag } });
	const { from, json } = values;
	const [profile, ...more] = positionals;
	if (profile === undefined || more.length > 0) return 'The one thing that "open" opens is a profile\'s file.';
	return from === undefined ? missingDevice : () => openProfile({ from, profile, json });
}

const missingDevice = 'Which device? --from names a file of "ota device enroll --save".';

function readEnroll(args: string[]): Act | string {
	const port = process.env.PORT || "3000";
	const { values } = parseArgs({
		args,
		options: {
			url: { type: "string", default: process.env.OTA_BASE_URL || `http://localhost:${port}` },
			user: text,
			password: { type: "string", default: "password" },
			mac: flag,
			json: flag,
			udid: text,
			serial: text,
			save: text,
			devices: text,
			concurrency: text,
			client: { type: "boolean" },
			"data-dir": { type: "string", default: process.env.OTA_DATA_DIR || ".ota" },
		},
	});
	if (!URL.canParse(values.url) || !/^https?:\/\//.test(values.url)) return "--url must be an http or https address.";
	const load = readLoad(values);
	if (typeof load === "string") return load;
	const { user, password, mac, json, udid, serial: serialNumber, save } = values;
	const url = values.url.replace(/\/+$/, "");
	const folder = join(resolve(values["data-dir"]), "device");
	return () => enrollUnder(folder, { url, user, password, mac, json, udid, serialNumber, save, load });
}

function enrollUnder(folder: string, command: EnrollCommand): number | Promise<number> {
	const authority = loadDeviceAuthority(folder);
	if (authority) return enrollDevices(command, authority);
	process.stderr.write(
		`There is no emulated Apple CA in ${folder}. Start the server with "npm run up" first, or name its data directory with --data-dir.\n`,
	);
	return 1;
}

interface LoadValues {
	devices?: string;
	concurrency?: string;
	client?: boolean;
	udid?: string;
	serial?: string;
	save?: string;
}

/** The load's own arguments; a sentence when they do not fit. */
function readLoad({ devices, concurrency, client, udid, serial, save }: LoadValues): EnrollCommand["load"] | string {
	if (devices === undefined) {
		const hasMore = concurrency !== undefined || client !== undefined;
		return hasMore ? "--concurrency and --client belong to --devices." : undefined;
	}
	const isOne = udid !== undefined || serial !== undefined || save !== undefined;
	if (isOne) return "--udid, --serial and --save are of one device, not of many.";
	const [count, lanes] = [wholeNumber(devices, 100_000), wholeNumber(concurrency ?? "8", 1000)];
	if (count === null) return "--devices must be a number from 1 to 100000.";
	if (lanes === null) return "--concurrency must be a number from 1 to 1000.";
	return { devices: count, concurrency: lanes, client: client ?? false };
}

function wholeNumber(text: string, largest: number): number | null {
	const value = /^[1-9]\d{0,6}$/.test(text) ? Number(text) : 0;
	return value >= 1 && value <= largest ? value : null;
}

/** `ota device enroll`: an emulated iPhone or Mac, or many of them, go through the whole journey with a running server. */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import {
	type DeviceAuthority,
	DeviceError,
	describePayloads,
	enrollDevice,
	type Journey,
	loadDeviceAuthority,
	plainValue,
	readCertificate,
	type StepReport,
} from "../../test/device/index.ts";
import { runDevices } from "../device-load.ts";

const usage = `usage: ota device enroll [--url URL] [--user NAME] [--password P] [--mac] [--json]
                         [--udid UDID] [--serial SERIAL] [--data-dir DIR]
       ota device enroll --devices N [--concurrency C] [--client] [--url URL] [--user NAME]
                         [--password P] [--mac] [--json] [--data-dir DIR]

An emulated iPhone (or Mac) signs in as NAME (alice unless told), enrolls, and shows the profile it received.
Its fake Apple CA is in <data dir>/device; the server must trust it (OTA_DEVICE_ROOTS), as under "npm run up".

With --devices, N devices (1 to 100,000) enroll, C at a time (8 unless told, 1 to 1,000), each up to its decrypted
final profile; with --client, on to the identity that the profile asks for. The people are load-1, load-2 and so on, as
the local provider knows them, or NAME alone. Keys and sign-ins are made beforehand and not timed.
`;

interface Options {
	url: string;
	/** Absent: alice, or the many of a load. */
	user: string | undefined;
	password: string;
	mac: boolean;
	json: boolean;
	udid: string | undefined;
	serialNumber: string | undefined;
	dataDir: string;
	/** Absent: one device. */
	load: { devices: number; concurrency: number; client: boolean } | undefined;
}

/** The command; answers the exit code: 0 enrolled, 1 refused, 2 usage. */
export async function run(args: readonly string[]): Promise<number> {
	const options = readArguments(args);
	if (typeof options === "string") {
		process.stderr.write(`${options}\n${usage}`);
		return 2;
	}
	if (options === null) {
		process.stdout.write(usage);
		return 0;
	}
	const folder = join(options.dataDir, "device");
	const authority = loadDeviceAuthority(folder);
	if (authority) return options.load ? enrollMany(options, options.load, authority) : enroll(options, authority);
	process.stderr.write(
		`There is no emulated Apple CA in ${folder}. Start the server with "npm run up" first, or name its data directory with --data-dir.\n`,
	);
	return 1;
}

async function enrollMany(options: Options, load: Required<Options>["load"] & object, authority: DeviceAuthority) {
	const { url, user, password, mac, json } = options;
	try {
		return await runDevices({ url, user, password, model: mac ? "mac" : "iphone", json, authority, ...load });
	} catch (error) {
		if (!(error instanceof DeviceError)) throw error;
		process.stderr.write(`The load could not begin: refused at "${error.step}": ${error.message}\n`);
		if (json) process.stdout.write(`${JSON.stringify(refusal(error, [], user))}\n`);
		return 1;
	}
}

async function enroll(options: Options, authority: DeviceAuthority): Promise<number> {
	const { user = "alice" } = options;
	const steps: StepReport[] = [];
	const report = (step: StepReport): void => {
		steps.push(step);
		process.stderr.write(`${step.ms.toFixed(1).padStart(9)} ms  ${step.step}\n`);
	};
	try {
		const journey = await enrollDevice({
			url: options.url,
			user,
			password: options.password,
			authority,
			model: options.mac ? "mac" : "iphone",
			...(options.udid === undefined ? {} : { udid: options.udid }),
			...(options.serialNumber === undefined ? {} : { serialNumber: options.serialNumber }),
			report,
		});
		process.stdout.write(options.json ? `${JSON.stringify(asJson(journey, user))}\n` : asText(journey, user));
		return 0;
	} catch (error) {
		if (!(error instanceof DeviceError)) throw error;
		process.stderr.write(`refused at "${error.step}": ${error.message}\n`);
		if (steps.length === 0) process.stderr.write(`Does the server run at ${options.url}? "npm run up" starts one.\n`);
		if (options.json) process.stdout.write(`${JSON.stringify(refusal(error, steps, user))}\n`);
		return 1;
	}
}

function readArguments(args: readonly string[]): Options | string | null {
	const port = process.env.PORT || "3000";
	try {
		const { values, positionals } = parseArgs({
			args: [...args],
			allowPositionals: true,
			options: {
				url: { type: "string", default: process.env.OTA_BASE_URL || `http://localhost:${port}` },
				user: { type: "string" },
				password: { type: "string", default: "password" },
				mac: { type: "boolean", default: false },
				json: { type: "boolean", default: false },
				udid: { type: "string" },
				serial: { type: "string" },
				devices: { type: "string" },
				concurrency: { type: "string" },
				client: { type: "boolean" },
				"data-dir": { type: "string", default: process.env.OTA_DATA_DIR || ".ota" },
				help: { type: "boolean", short: "h", default: false },
			},
		});
		if (values.help) return null;
		if (positionals.length !== 1 || positionals[0] !== "enroll") return 'The one thing "ota device" does is enroll.';
		if (!URL.canParse(values.url) || !/^https?:\/\//.test(values.url)) return "--url must be an http or https address.";
		const load = readLoad(values);
		if (typeof load === "string") return load;
		return {
			load,
			url: values.url.replace(/\/+$/, ""),
			user: values.user,
			password: values.password,
			mac: values.mac,
			json: values.json,
			udid: values.udid,
			serialNumber: values.serial,
			dataDir: resolve(values["data-dir"]),
		};
	} catch (error) {
		return error instanceof Error ? error.message : String(error);
	}
}

interface LoadValues {
	devices?: string;
	concurrency?: string;
	client?: boolean;
	udid?: string;
	serial?: string;
}

/** The load's own arguments; a sentence when they do not fit. */
function readLoad({ devices, concurrency, client, udid, serial }: LoadValues): Options["load"] | string {
	if (devices === undefined) {
		const hasMore = concurrency !== undefined || client !== undefined;
		return hasMore ? "--concurrency and --client belong to --devices." : undefined;
	}
	if (udid !== undefined || serial !== undefined) return "--udid and --serial are of one device, not of many.";
	const [count, lanes] = [wholeNumber(devices, 100_000), wholeNumber(concurrency ?? "8", 1000)];
	if (count === null) return "--devices must be a number from 1 to 100000.";
	if (lanes === null) return "--concurrency must be a number from 1 to 1000.";
	return { devices: count, concurrency: lanes, client: client ?? false };
}

function wholeNumber(text: string, largest: number): number | null {
	const value = /^[1-9]\d{0,6}$/.test(text) ? Number(text) : 0;
	return value >= 1 && value <= largest ? value : null;
}

function asText({ session, identity, clientIdentities }: Journey, user: string): string {
	const { outer, payloads } = session.finalProfile ?? { outer: {}, payloads: [] };
	const total = session.steps.reduce((sum, step) => sum + step.ms, 0);
	const lines = [
		`${session.model === "mac" ? "Mac" : "iPhone"} ${session.serialNumber} (${session.udid}) enrolled for ${user} in ${total.toFixed(0)} ms.`,
		`Identity certificate ${readCertificate(identity.certificate).serialHex}`,
		...clientIdentities.map((one) => `Client certificate ${readCertificate(one.certificate).serialHex}`),
		"",
		`${String(outer.PayloadDisplayName ?? "Profile")} (${String(outer.PayloadIdentifier)}), decrypted:`,
		"",
	];
	return `${lines.join("\n")}\n${describePayloads(payloads)}`;
}

function asJson({ session, identity, clientIdentities }: Journey, user: string): Record<string, unknown> {
	const certificate = (der: Uint8Array): Record<string, string> => {
		const { serialHex, x509 } = readCertificate(der);
		return { serialNumber: serialHex, subject: x509.subject.replaceAll("\n", ", "), notAfter: x509.validTo };
	};
	return {
		ok: true,
		model: session.model,
		udid: session.udid,
		serialNumber: session.serialNumber,
		user,
		steps: session.steps,
		identity: certificate(identity.certificate),
		clientIdentities: clientIdentities.map((one) => certificate(one.certificate)),
		profile: plainValue(session.finalProfile?.outer ?? {}),
		payloads: (session.finalProfile?.payloads ?? []).map((one) => plainValue(one)),
	};
}

function refusal(error: DeviceError, steps: readonly StepReport[], user: string | undefined): Record<string, unknown> {
	const { step, message, status, failInfo } = error;
	return { ok: false, user, steps, refused: { step, message, status, failInfo } };
}

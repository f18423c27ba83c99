/** `ota device enroll`: an emulated iPhone or Mac goes through the whole journey with a running server. */
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

const usage = `usage: ota device enroll [--url URL] [--user NAME] [--password P] [--mac] [--json]
                         [--udid UDID] [--serial SERIAL] [--data-dir DIR]

An emulated iPhone (or Mac) signs in as NAME (alice unless told), enrolls, and shows the profile it received.
Its fake Apple CA is in <data dir>/device; the server must trust it (OTA_DEVICE_ROOTS), as under "npm run up".
`;

interface Options {
	url: string;
	user: string;
	password: string;
	mac: boolean;
	json: boolean;
	udid: string | undefined;
	serialNumber: string | undefined;
	dataDir: string;
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
	if (authority) return enroll(options, authority);
	process.stderr.write(
		`There is no emulated Apple CA in ${folder}. Start the server with "npm run up" first, or name its data directory with --data-dir.\n`,
	);
	return 1;
}

async function enroll(options: Options, authority: DeviceAuthority): Promise<number> {
	const steps: StepReport[] = [];
	const report = (step: StepReport): void => {
		steps.push(step);
		process.stderr.write(`${step.ms.toFixed(1).padStart(9)} ms  ${step.step}\n`);
	};
	try {
		const journey = await enrollDevice({
			url: options.url,
			user: options.user,
			password: options.password,
			authority,
			model: options.mac ? "mac" : "iphone",
			...(options.udid === undefined ? {} : { udid: options.udid }),
			...(options.serialNumber === undefined ? {} : { serialNumber: options.serialNumber }),
			report,
		});
		process.stdout.write(options.json ? `${JSON.stringify(asJson(journey, options))}\n` : asText(journey, options));
		return 0;
	} catch (error) {
		if (!(error instanceof DeviceError)) throw error;
		process.stderr.write(`refused at "${error.step}": ${error.message}\n`);
		if (steps.length === 0) process.stderr.write(`Does the server run at ${options.url}? "npm run up" starts one.\n`);
		if (options.json) process.stdout.write(`${JSON.stringify(refusal(error, steps, options))}\n`);
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
				user: { type: "string", default: "alice" },
				password: { type: "string", default: "password" },
				mac: { type: "boolean", default: false },
				json: { type: "boolean", default: false },
				udid: { type: "string" },
				serial: { type: "string" },
				"data-dir": { type: "string", default: process.env.OTA_DATA_DIR || ".ota" },
				help: { type: "boolean", short: "h", default: false },
			},
		});
		if (values.help) return null;
		if (positionals.length !== 1 || positionals[0] !== "enroll") return 'The one thing "ota device" does is enroll.';
		if (!URL.canParse(values.url) || !/^https?:\/\//.test(values.url)) return "--url must be an http or https address.";
		return {
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

function asText({ session, identity, clientIdentities }: Journey, options: Options): string {
	const { outer, payloads } = session.finalProfile ?? { outer: {}, payloads: [] };
	const total = session.steps.reduce((sum, step) => sum + step.ms, 0);
	const lines = [
		`${session.model === "mac" ? "Mac" : "iPhone"} ${session.serialNumber} (${session.udid}) enrolled for ${options.user} in ${total.toFixed(0)} ms.`,
		`Identity certificate ${readCertificate(identity.certificate).serialHex}`,
		...clientIdentities.map((one) => `Client certificate ${readCertificate(one.certificate).serialHex}`),
		"",
		`${String(outer.PayloadDisplayName ?? "Profile")} (${String(outer.PayloadIdentifier)}), decrypted:`,
		"",
	];
	return `${lines.join("\n")}\n${describePayloads(payloads)}`;
}

function asJson({ session, identity, clientIdentities }: Journey, options: Options): Record<string, unknown> {
	const certificate = (der: Uint8Array): Record<string, string> => {
		const { serialHex, x509 } = readCertificate(der);
		return { serialNumber: serialHex, subject: x509.subject.replaceAll("\n", ", "), notAfter: x509.validTo };
	};
	return {
		ok: true,
		model: session.model,
		udid: session.udid,
		serialNumber: session.serialNumber,
		user: options.user,
		steps: session.steps,
		identity: certificate(identity.certificate),
		clientIdentities: clientIdentities.map((one) => certificate(one.certificate)),
		profile: plainValue(session.finalProfile?.outer ?? {}),
		payloads: (session.finalProfile?.payloads ?? []).map((one) => plainValue(one)),
	};
}

function refusal(error: DeviceError, steps: readonly StepReport[], options: Options): Record<string, unknown> {
	const { step, message, status, failInfo } = error;
	return { ok: false, user: options.user, steps, refused: { step, message, status, failInfo } };
}

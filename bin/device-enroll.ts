/** `ota device enroll`: one emulated device, or many of them, go through the whole journey. */
import {
	type DeviceAuthority,
	DeviceError,
	type DeviceOptions,
	enrollDevice,
	type StepReport,
} from "../test/device/index.ts";
import { writeDevice } from "./device-file.ts";
import { runDevices } from "./device-load.ts";
import { deviceAsJson, deviceAsText, refusal, tellJson, tellRefusal, tellStep } from "./device-report.ts";

export interface EnrollCommand {
	url: string;
	/** Absent: alice, or the many of a load. */
	user: string | undefined;
	password: string;
	mac: boolean;
	json: boolean;
	udid: string | undefined;
	serialNumber: string | undefined;
	/** Where the enrolled device goes. */
	save: string | undefined;
	/** Absent: one device. */
	load: { devices: number; concurrency: number; client: boolean } | undefined;
}

/** Answers the exit code: 0 enrolled, 1 refused. */
export function enrollDevices(command: EnrollCommand, authority: DeviceAuthority): Promise<number> {
	return command.load ? enrollMany(command, command.load, authority) : enrollOne(command, authority);
}

async function enrollMany(
	{ url, user, password, mac, json }: EnrollCommand,
	load: NonNullable<EnrollCommand["load"]>,
	authority: DeviceAuthority,
): Promise<number> {
	try {
		return await runDevices({ url, user, password, model: mac ? "mac" : "iphone", json, authority, ...load });
	} catch (error) {
		if (!(error instanceof DeviceError)) throw error;
		process.stderr.write(`The load could not begin: refused at "${error.step}": ${error.message}\n`);
		if (json) tellJson(refusal(error, { user, steps: [] }));
		return 1;
	}
}

async function enrollOne(command: EnrollCommand, authority: DeviceAuthority): Promise<number> {
	const { url, password, mac, json, udid, serialNumber, save, user = "alice" } = command;
	const steps: StepReport[] = [];
	const report = (step: StepReport): void => {
		steps.push(step);
		tellStep(step);
	};
	const device: DeviceOptions = {
		url,
		authority,
		model: mac ? "mac" : "iphone",
		...(udid === undefined ? {} : { udid }),
		...(serialNumber === undefined ? {} : { serialNumber }),
		report,
	};
	try {
		const { session } = await enrollDevice({ ...device, user, password });
		if (save !== undefined) writeDevice(save, session);
		if (json) tellJson({ ok: true, ...deviceAsJson(session) });
		else process.stdout.write(deviceAsText(session, `enrolled for ${user}`));
		return 0;
	} catch (error) {
		const status = tellRefusal(error, json, { user, steps });
		if (steps.length === 0) process.stderr.write(`Does the server run at ${url}? "npm run up" starts one.\n`);
		return status;
	}
}

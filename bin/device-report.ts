/** What `ota device` tells: the steps as they are taken, a device with what it has got, a refusal; for people and as JSON. */
import {
	DeviceError,
	type DeviceSession,
	describePayloads,
	type FinalProfile,
	type Identity,
	plainValue,
	readCertificate,
	type StepReport,
} from "../test/device/index.ts";
import { isFileError } from "./file-error.ts";

/** A line on stderr. */
export function tellStep({ step, ms }: StepReport): void {
	process.stderr.write(`${ms.toFixed(1).padStart(9)} ms  ${step}\n`);
}

export function tellJson(value: Record<string, unknown>): void {
	process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Tells why it did not go on, on stdout as well where that is JSON, and answers the exit code; throws what nobody foresaw. */
export function tellRefusal(error: unknown, json: boolean, more: Record<string, unknown>): 1 {
	if (error instanceof DeviceError) {
		process.stderr.write(`refused at "${error.step}": ${error.message}\n`);
		if (json) tellJson(refusal(error, more));
		return 1;
	}
	if (!isFileError(error)) throw error;
	process.stderr.write(`${error.message}\n`);
	if (json) tellJson({ ok: false, ...more, refused: { step: "file", message: error.message } });
	return 1;
}

export function refusal(error: DeviceError, more: Record<string, unknown>): Record<string, unknown> {
	const { step, message, status, failInfo } = error;
	return { ok: false, ...more, refused: { step, message, status, failInfo } };
}

/** `what` it did: "enrolled for alice". */
export function deviceAsText(session: DeviceSession, what: string): string {
	const { model, serialNumber, udid, steps, identity, clientIdentities, finalProfile } = session;
	const total = steps.reduce((sum, step) => sum + step.ms, 0);
	const serial = (one: Identity): string => readCertificate(one.certificate).serialHex;
	const lines = [
		`${model === "mac" ? "Mac" : "iPhone"} ${serialNumber} (${udid}) ${what} in ${total.toFixed(0)} ms.`,
		...(identity ? [`Identity certificate ${serial(identity)}`] : []),
		...[...clientIdentities.values()].map((one) => `Client certificate ${serial(one)}`),
	];
	return `${lines.join("\n")}\n\n${profileAsText(finalProfile)}`;
}

export function profileAsText({ outer, payloads }: FinalProfile = { outer: {}, payloads: [] }): string {
	const title = `${String(outer.PayloadDisplayName ?? "Profile")} (${String(outer.PayloadIdentifier)}), decrypted:`;
	return `${title}\n\n${describePayloads(payloads)}`;
}

export function deviceAsJson(session: DeviceSession): Record<string, unknown> {
	const { model, udid, serialNumber, user, steps, identity, clientIdentities, finalProfile } = session;
	return {
		model,
		udid,
		serialNumber,
		user,
		steps,
		identity: identity && certificateAsJson(identity),
		clientIdentities: [...clientIdentities.values()].map(certificateAsJson),
		...profileAsJson(finalProfile),
	};
}

export const profileAsJson = (profile: FinalProfile | undefined): { profile: unknown; payloads: unknown[] } => ({
	profile: plainValue(profile?.outer ?? {}),
	payloads: (profile?.payloads ?? []).map((one) => plainValue(one)),
});

function certificateAsJson({ certificate }: Identity): Record<string, string> {
	const { serialHex, x509 } = readCertificate(certificate);
	return { serialNumber: serialHex, subject: x509.subject.replaceAll("\n", ", "), notAfter: x509.validTo };
}

/**
 * The final profile as a file: for an e-mail's attachment or a web page. It is encrypted to the identity that the device
 * has, so that it is of no use anywhere else.
 */
import { readCertificate, type X509 } from "../cms/certificate.ts";
import { OtaError } from "../errors.ts";
import type { FoundDevice } from "../ports.ts";
import { authorised, judgeDevice, judgeMember, type Visit, visiting } from "./authorise.ts";
import { type EnrollContext, lifetime } from "./context.ts";
import { type Recipient, recipientOf } from "./final.ts";
import { deliverAgain, isEnding } from "./update.ts";

export interface DownloadOptions {
	/** How long the device has to install it. */
	validHours: number;
	/** The operator's login. */
	by: string;
}

/** For an operator. `not_found`, `policy` or `conflict` with words for who asked. */
export async function download(
	context: EnrollContext,
	device: string,
	{ validHours, by }: DownloadOptions,
): Promise<Uint8Array> {
	const now = context.clock();
	const found = await context.store.findDevice(device, now);
	if (!found) throw new OtaError("not_found", `No device ${device} has enrolled here.`);
	if (found.isContested) {
		const remedy = "End the wrong one first: ota revoke --serial, or --person.";
		throw new OtaError("conflict", `Devices of two people tell the name ${device}. ${remedy}`);
	}
	const identity = identityOf(found, now);
	const { user, isFresh } = await authorised(context, found.enrollment, now, "download");
	if (!isFresh) {
		throw new OtaError("policy", "The last sign-in of its owner is too long ago: the owner has to sign in once more.");
	}
	const recipient = await recipientOf(context, found.enrollment, user, now);
	const clientUntil = new Date(now.getTime() + validHours * 3_600_000);
	return store(context, found, { recipient, identity, clientUntil, by });
}

/** For a person with a session; `not_found` for a device that is not theirs. */
export async function downloadOwn(context: EnrollContext, visit: Visit, enrollmentId: string): Promise<Uint8Array> {
	const now = context.clock();
	await context.limits.start(visit.user.id);
	const found = (await context.store.listDevices(visit.user.id, now)).find(
		({ enrollment }) => enrollment.id === enrollmentId,
	);
	if (!found) throw new OtaError("not_found", "this person has no such device");
	const { person, isKnown } = await visiting(context, visit, now);
	if (!isKnown) await context.store.savePerson(person);
	judgeMember(context, person.user);
	const { udid, device } = found.enrollment;
	await judgeDevice(context, { udid: udid ?? "", serialNumber: device.SERIAL ?? null });
	const identity = identityOf(found, now);
	await context.limits.mayUpdate(enrollmentId, "download");
	const recipient = await recipientOf(context, found.enrollment, person.user, now);
	const clientUntil = new Date(now.getTime() + lifetime);
	return store(context, found, { recipient, identity, clientUntil, by: null });
}

function identityOf({ enrollment, identity, isBlocked }: FoundDevice, now: Date): X509 {
	if (isBlocked) throw new OtaError("policy", "The person or the device is blocked.");
	if (enrollment.state !== "delivered" || !identity?.der || isEnding(identity, now)) {
		throw new OtaError("conflict", "The device has no identity that counts for long: it has to enroll (again) first.");
	}
	return readCertificate(identity.der);
}

interface File {
	recipient: Recipient;
	identity: X509;
	clientUntil: Date;
	by: string | null;
}

/** A delivery that came between takes the number: once more, with the next one. */
async function store(
	context: EnrollContext,
	{ enrollment, delivery }: FoundDevice,
	{ recipient, identity, ...file }: File,
): Promise<Uint8Array> {
	const now = context.clock();
	const deliver = (number: number) =>
		deliverAgain(context, recipient, identity, now, { kind: "download", number, device: null, ...file });
	const first = await deliver((delivery?.number ?? -1) + 1);
	if (first) return first;
	const latest = await context.store.findDelivery(enrollment.id);
	const again = await deliver((latest?.number ?? -1) + 1);
	if (again) return again;
	throw new OtaError("conflict", "The device's enrollment has changed meanwhile. Try again.");
}

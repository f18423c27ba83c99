/**
 * The final profile as a file: for an e-mail's attachment or a web page. It is encrypted to the identity that the device
 * has, so that it is of no use anywhere else.
 */
import { readCertificate } from "../cms/certificate.ts";
import { OtaError } from "../errors.ts";
import type { FoundDevice, User } from "../ports.ts";
import { deviceFault, judgePerson } from "./authorise.ts";
import { type EnrollContext, lifetime } from "./context.ts";
import { recipientOf } from "./final.ts";
import { authorised, deliverAgain } from "./update.ts";

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
	const identity = identityOf(found);
	const recipient = await authorised(context, found.enrollment, now);
	if (!recipient) {
		throw new OtaError("policy", "The last sign-in of its owner is too long ago: the owner has to sign in once more.");
	}
	const clientUntil = new Date(now.getTime() + validHours * 3_600_000);
	return store(context, found, (number) =>
		deliverAgain(context, recipient, identity, now, { kind: "download", number, device: null, clientUntil, by }),
	);
}

/** For a person who has signed in just now; `not_found` for a device that is not theirs. */
export async function downloadOwn(context: EnrollContext, user: User, udid: string): Promise<Uint8Array> {
	const now = context.clock();
	await context.limits.start(user.id);
	const found = (await context.store.listDevices(user.id, now)).find(({ enrollment }) => enrollment.udid === udid);
	if (!found) throw new OtaError("not_found", "this person has no such device");
	await context.store.savePerson({ user, signedInAt: now });
	judgePerson(context, user);
	const fault = await deviceFault(context, { udid, serialNumber: found.enrollment.device.SERIAL ?? null });
	if (fault) throw new OtaError("policy", fault);
	const identity = identityOf(found);
	const recipient = await recipientOf(context, found.enrollment, user, now);
	const clientUntil = new Date(now.getTime() + lifetime);
	return store(context, found, (number) =>
		deliverAgain(context, recipient, identity, now, { kind: "download", number, device: null, clientUntil, by: null }),
	);
}

function identityOf({ enrollment, identity, isBlocked }: FoundDevice) {
	if (isBlocked) throw new OtaError("policy", "The person or the device is blocked.");
	if (enrollment.state !== "delivered" || !identity?.der) {
		throw new OtaError("conflict", "The device has no identity that counts now: it has to enroll (again) first.");
	}
	return readCertificate(identity.der);
}

/** A delivery that came between takes the number: once more, with the next one. */
async function store(
	context: EnrollContext,
	{ enrollment, delivery }: FoundDevice,
	deliver: (number: number) => Promise<Uint8Array | null>,
): Promise<Uint8Array> {
	const first = await deliver((delivery?.number ?? -1) + 1);
	if (first) return first;
	const latest = await context.store.findDelivery(enrollment.id);
	const again = await deliver((latest?.number ?? -1) + 1);
	if (again) return again;
	throw new OtaError("conflict", "The device's enrollment has changed meanwhile. Try again.");
}

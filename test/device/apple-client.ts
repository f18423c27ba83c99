/** Plays the whole exchange, from the sign-in to the client identity (facts: the exchange; design: the journey). */
import type { Identity } from "./certificate.ts";
import type { DeviceOptions } from "./device-options.ts";
import { DeviceSession } from "./device-session.ts";
import type { Credentials } from "./sign-in.ts";

/** The device and the person who signs in on it. */
export interface EnrollOptions extends DeviceOptions, Credentials {}

/** A journey that succeeded. */
export interface Journey {
	session: DeviceSession;
	/** From the identity profile: the final profile was encrypted to it. */
	identity: Identity;
	/** From the SCEP payloads inside the final profile. */
	clientIdentities: Identity[];
}

/** Enrolls an emulated device. Throws DeviceError at the first step that is not as Apple's client needs it. */
export async function enrollDevice(options: EnrollOptions): Promise<Journey> {
	const session = new DeviceSession(options);
	await session.fetchRoot();
	await session.fetchProfileService({
		...(options.user === undefined ? {} : { user: options.user }),
		...(options.password === undefined ? {} : { password: options.password }),
	});
	await session.sendDeviceResponse();
	const identity = await session.enrollIdentity();
	await session.sendProfileRequest();
	const clientIdentities = await session.enrollClientIdentities();
	return { session, identity, clientIdentities };
}

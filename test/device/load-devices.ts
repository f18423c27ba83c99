/** Devices made beforehand, so that a load's clock times the server and not the making of keys. */
import type { KeyObject } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { type DeviceAuthority, issueDeviceIdentity } from "./authority.ts";
import type { Identity } from "./certificate.ts";
import { makePrimes, primesFor, rsaKeySource } from "./rsa-keys.ts";
import { type SignerStyle, selfSignedSigner } from "./scep-message.ts";

/** A key for one SCEP enrollment, and the throw-away certificate that signs its request. */
export interface ScepKey {
	key: KeyObject;
	signer: { certificate: Uint8Array; privateKey: KeyObject };
}

/** What a device brings to its journey. */
export interface PreparedDevice {
	/** RSA-1024, issued by the fake Apple CA. */
	builtIn: Identity;
	/** RSA-2048; the first is the identity's, the others the client identities'. */
	scepKeys: ScepKey[];
}

/** What shall be made. */
export interface DevicePlan {
	authority: DeviceAuthority;
	/** Devices altogether. */
	devices: number;
	/** SCEP enrollments of each. */
	keysPerDevice: number;
	style: SignerStyle;
	/** Hears of each prime and of each device. */
	made(what: "primes" | "devices", done: number, total: number): void;
	signal?: AbortSignal | undefined;
}

/** Makes the next so many devices; every one has keys that none before it had. */
export type DeviceSource = (count: number) => Promise<PreparedDevice[]>;

/** The primes of all keys are made at once, the devices in portions: so the memory they take is bounded. */
export async function deviceSource(plan: DevicePlan): Promise<DeviceSource> {
	const { authority, devices, keysPerDevice, style, made } = plan;
	const scepPrimes = primesFor(devices * keysPerDevice);
	const builtInPrimes = primesFor(devices);
	let primes = 0;
	const madePrime = (): void => made("primes", ++primes, scepPrimes + builtInPrimes);
	const nextScepKey = rsaKeySource(2048, await makePrimes(scepPrimes, 2048, madePrime));
	const nextBuiltInKey = rsaKeySource(1024, await makePrimes(builtInPrimes, 1024, madePrime));
	const scepKey = (): ScepKey => {
		const key = nextScepKey();
		return { key, signer: selfSignedSigner(key, style) };
	};
	let done = 0;
	return async (count) => {
		const portion: PreparedDevice[] = [];
		while (portion.length < count && !plan.signal?.aborted) {
			portion.push({
				builtIn: issueDeviceIdentity(authority, { key: nextBuiltInKey() }),
				scepKeys: Array.from({ length: keysPerDevice }, scepKey),
			});
			made("devices", ++done, devices);
			// Signals and timers get their turn.
			if (done % 16 === 0) await setImmediate();
		}
		return portion;
	};
}

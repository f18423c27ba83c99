/**
 * PINs that a token refused, remembered across restarts: tokens lock after a few attempts, and supervisors start again. The
 * marker is written before a PIN is sent and taken away when it was good, so that no crash in between loses it.
 */
import { createHash, scryptSync, timingSafeEqual } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pkcs11js from "pkcs11js";
import type { Log, Random } from "../../lib/ports.ts";
import { PinRefused, type TokenInfo, unpadded } from "../token/slot.ts";

export interface RefusedPinsOptions {
	/** Where the markers lie; made when it is missing. Undefined: nothing outlasts the process. */
	directory: string | undefined;
	log: Log;
	random: Random;
}

/** A token as this machine reaches it: serial numbers alone are equal on tokens of one maker. */
export interface PinnedToken {
	module: string;
	info: TokenInfo;
}

/** What a marker holds: never the PIN, and its hash at a price, since a refused PIN is often nearly the right one. */
interface Marker {
	token: string;
	serial: string;
	salt: string;
	hash: string;
	/** sent: the answer never came. */
	state: "sent" | "refused";
	/** How often it was sent without an answer. */
	count: number;
}

/** A PIN whose fate is unknown this often is not sent again: an agent that died each time may have been refused each time. */
const mostUnanswered = 3;
/** An operator who tries PINs one after the other must not send an old one again. */
const mostMarkers = 8;

export class RefusedPins {
	readonly #options: RefusedPinsOptions;

	constructor(options: RefusedPinsOptions) {
		this.#options = options;
	}

	/**
	 * Runs `login`, which sends the PIN. Throws PinRefused, and sends nothing, when this token refused this very PIN before, or
	 * may have: it says itself that one was refused (CKF_USER_PIN_COUNT_LOW), or the answer failed to come too often.
	 */
	guard(token: PinnedToken, pin: string, login: () => void): void {
		const path = this.#path(token);
		const known = path === null ? [] : readMarkers(path);
		const same = known.find((marker) => isOf(marker, pin));
		if (same && isSpent(same, token.info)) throw refusedBefore(token.info, path);
		const others = known.filter((marker) => marker !== same);
		const note = (state: Marker["state"]): void => {
			const marker = this.#marker(token.info, pin, state, (same?.count ?? 0) + 1);
			this.#keep(path, [marker, ...others].slice(0, mostMarkers));
		};
		note("sent");
		try {
			login();
		} catch (error) {
			if (error instanceof PinRefused && error.wasSent) note("refused");
			// Not sent, or not understood: what was known before is known still.
			else this.#keep(path, known);
			throw error;
		}
		this.#keep(path, []);
	}

	#marker(info: TokenInfo, pin: string, state: Marker["state"], count: number): Marker {
		const salt = Buffer.from(this.#options.random(16));
		const [token, serial] = [unpadded(info.label), unpadded(info.serialNumber)];
		return { token, serial, salt: salt.toString("hex"), hash: hash(pin, salt).toString("hex"), state, count };
	}

	/** None: the file goes. */
	#keep(path: string | null, markers: readonly Marker[]): void {
		if (path === null) return;
		try {
			mkdirSync(join(path, ".."), { recursive: true, mode: 0o700 });
			if (markers.length === 0) rmSync(path, { force: true });
			else writeFileSync(path, `${JSON.stringify(markers)}\n`, { mode: 0o600, flush: true });
		} catch (error) {
			const reason = error instanceof Error ? error.message : "it cannot be written";
			const remedy = "what is known of this token's PINs is out of date: make the folder writable";
			this.#options.log.error("hsm.pin_not_remembered", { path, reason, remedy });
		}
	}

	#path({ module, info }: PinnedToken): string | null {
		const { directory } = this.#options;
		if (directory === undefined) return null;
		const parts = [module, ...[info.manufacturerID, info.model, info.serialNumber, info.label].map(unpadded)];
		const identity = createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
		return join(directory, `pin-refused-${identity}.json`);
	}
}

const isSpent = ({ state, count }: Marker, { flags }: TokenInfo): boolean =>
	state === "refused" || count >= mostUnanswered || (flags & pkcs11js.CKF_USER_PIN_COUNT_LOW) !== 0;

function refusedBefore({ label }: TokenInfo, path: string | null): PinRefused {
	const words = `token ${unpadded(label)} refused this PIN before, and it is not tried again: correct the PIN file; if it is right by now, remove ${path}`;
	return new PinRefused(words, false);
}

function isOf({ salt, hash: known }: Marker, pin: string): boolean {
	const [ours, asked] = [Buffer.from(known, "hex"), hash(pin, Buffer.from(salt, "hex"))];
	return ours.length === asked.length && timingSafeEqual(ours, asked);
}

const hash = (pin: string, salt: Uint8Array): Buffer => scryptSync(pin, salt, 32, { N: 16_384, r: 8, p: 1 });

/** None when they cannot be read: nothing bars a PIN then. */
function readMarkers(path: string): Marker[] {
	try {
		const markers: unknown = JSON.parse(readFileSync(path, "utf8"));
		return Array.isArray(markers) ? markers.filter(isMarker) : [];
	} catch {
		return [];
	}
}

const isMarker = (value: Partial<Marker>): value is Marker =>
	typeof value?.salt === "string" && typeof value.hash === "string" && typeof value.count === "number";

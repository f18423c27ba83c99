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
		const known = path === null ? null : readMarker(path);
		const same = known !== null && isOf(known, pin) ? known : null;
		if (same !== null && isSpent(same, token.info)) throw refusedBefore(token.info, path);
		const count = (same?.count ?? 0) + 1;
		this.#write(path, token.info, pin, "sent", count);
		try {
			login();
		} catch (error) {
			if (error instanceof PinRefused && error.wasSent) this.#write(path, token.info, pin, "refused", count);
			// Not sent, or not understood: what was known before is known still.
			else if (known !== null && path !== null) this.#keep(path, JSON.stringify(known));
			else this.#forget(path);
			throw error;
		}
		this.#forget(path);
	}

	#write(path: string | null, info: TokenInfo, pin: string, state: Marker["state"], count: number): void {
		if (path === null) return;
		const salt = Buffer.from(this.#options.random(16));
		const [token, serial] = [unpadded(info.label), unpadded(info.serialNumber)];
		const marker: Marker = {
			token,
			serial,
			salt: salt.toString("hex"),
			hash: hash(pin, salt).toString("hex"),
			state,
			count,
		};
		this.#keep(path, JSON.stringify(marker));
	}

	#keep(path: string, text: string): void {
		try {
			mkdirSync(join(path, ".."), { recursive: true, mode: 0o700 });
			writeFileSync(path, `${text}\n`, { mode: 0o600, flush: true });
		} catch (error) {
			const reason = error instanceof Error ? error.message : "it cannot be written";
			const remedy = "a refused PIN would be sent again by each start: make the folder writable";
			this.#options.log.error("hsm.pin_not_remembered", { path, reason, remedy });
		}
	}

	#forget(path: string | null): void {
		try {
			if (path !== null) rmSync(path, { force: true });
		} catch {
			// It tells of another PIN and bars nothing.
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

/** Null when there is none. A marker that cannot be read counts as one of another PIN. */
function readMarker(path: string): Marker | null {
	try {
		const marker = JSON.parse(readFileSync(path, "utf8")) as Partial<Marker>;
		const isMarker = typeof marker.salt === "string" && typeof marker.hash === "string";
		return isMarker ? ({ state: "refused", count: 1, ...marker } as Marker) : null;
	} catch {
		return null;
	}
}

/** PINs that a token refused, remembered across restarts: tokens lock after a few attempts, and supervisors start again. */
import { createHash, scryptSync, timingSafeEqual } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Log, Random } from "../../lib/ports.ts";
import { PinRefused, type TokenInfo, unpadded } from "../token/slot.ts";

export interface RefusedPinsOptions {
	/** Where the markers lie; made when it is missing. Undefined: nothing outlasts the process. */
	directory: string | undefined;
	log: Log;
	random: Random;
}

/** What a marker holds: never the PIN, and its hash at a price, since a refused PIN is often nearly the right one. */
interface Marker {
	token: string;
	serial: string;
	salt: string;
	hash: string;
}

export class RefusedPins {
	readonly #options: RefusedPinsOptions;

	constructor(options: RefusedPinsOptions) {
		this.#options = options;
	}

	/** Throws PinRefused when this token refused this very PIN before; another PIN, or another token, may be tried. */
	check(info: TokenInfo, pin: string): void {
		const path = this.#path(info);
		const marker = path === null ? null : readMarker(path);
		if (marker === null) return;
		const known = Buffer.from(marker.hash, "hex");
		const asked = hash(pin, Buffer.from(marker.salt, "hex"));
		if (known.length !== asked.length || !timingSafeEqual(known, asked)) return;
		const name = unpadded(info.label);
		throw new PinRefused(
			`token ${name} refused this PIN before, and it is not tried again: correct the PIN file; if it is right by now, remove ${path}`,
		);
	}

	remember(info: TokenInfo, pin: string): void {
		const { directory, log, random } = this.#options;
		const path = this.#path(info);
		if (directory === undefined || path === null) return;
		const salt = Buffer.from(random(16));
		const marker: Marker = {
			token: unpadded(info.label),
			serial: unpadded(info.serialNumber),
			salt: salt.toString("hex"),
			hash: hash(pin, salt).toString("hex"),
		};
		try {
			mkdirSync(directory, { recursive: true, mode: 0o700 });
			writeFileSync(path, `${JSON.stringify(marker)}\n`, { mode: 0o600 });
		} catch (error) {
			const reason = error instanceof Error ? error.message : "it cannot be written";
			log.error("hsm.pin_not_remembered", { path, reason, remedy: "stop the agent until the PIN file is corrected" });
		}
	}

	/** The token took a PIN. */
	forget(info: TokenInfo): void {
		const path = this.#path(info);
		try {
			if (path !== null) rmSync(path, { force: true });
		} catch {
			// It tells of another PIN and bars nothing.
		}
	}

	#path(info: TokenInfo): string | null {
		const { directory } = this.#options;
		if (directory === undefined) return null;
		const identity = [info.manufacturerID, info.model, info.serialNumber].map(unpadded).join("|");
		return join(directory, `pin-refused-${createHash("sha256").update(identity).digest("hex").slice(0, 16)}.json`);
	}
}

const hash = (pin: string, salt: Uint8Array): Buffer => scryptSync(pin, salt, 32, { N: 16_384, r: 8, p: 1 });

/** Null when there is none. A marker that cannot be read counts as one of another PIN. */
function readMarker(path: string): Marker | null {
	try {
		const marker = JSON.parse(readFileSync(path, "utf8")) as Partial<Marker>;
		return typeof marker.salt === "string" && typeof marker.hash === "string" ? (marker as Marker) : null;
	} catch {
		return null;
	}
}

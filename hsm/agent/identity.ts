/**
 * That a key found again is the very key that was proven before: a token may come back with other keys of the same name. A
 * public key says so itself and is compared before anything is done with the key; the seal key must open what it sealed,
 * in this process's life and, by a sealed text in the data directory, from one to the next.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { asOtaError, OtaError } from "../../lib/errors.ts";
import type { Log, Random } from "../../lib/ports.ts";
import { anotherKey, type KnownKey, publicOctets, type RoleKey } from "./keys.ts";
import type { KeyedRole } from "./policy.ts";

/** What a key is known by. `prove` resolves for the same key, and is `config` for another; to be followed by a proof that it signs. */
export interface Identity extends KnownKey {
	prove(found: RoleKey): Promise<void>;
}

export interface Memory {
	/** Where the seal key's text lies; undefined: nothing outlasts the process. */
	directory: string | undefined;
	random: Random;
	log: Log;
}

export async function identify(role: KeyedRole, key: RoleKey, memory: Memory): Promise<Identity> {
	const known = { publicOctets: publicOctets(key), names: key.means.names };
	if (role !== "seal") return { ...known, prove: async () => undefined };
	const sealed = await sealedText(key, memory);
	return {
		...known,
		async prove(found) {
			if (!(await opens(found, sealed))) throw anotherKey("it does not open what was sealed before");
		},
	};
}

const aad = Buffer.from("next-ota|seal-key|identity|1");
const secret = Buffer.from("the seal key of this installation");
const fileName = "seal-key.sealed";

/** The one in the directory, which the key must open; a fresh one is left in its place, for keys that take each other's over. */
async function sealedText(key: RoleKey, { directory, random, log }: Memory): Promise<Uint8Array> {
	const path = directory === undefined ? null : join(directory, fileName);
	const kept = path === null ? null : readSealed(path);
	if (kept !== null && !(await opens(key, kept))) {
		throw new OtaError(
			"config",
			`it does not open what this installation sealed before: it is another seal key, and every secret in the database would be lost. Configure the key of before; or, if no secret was ever sealed, remove ${path}`,
		);
	}
	const sealed = await key.seal(secret, aad);
	if (path !== null) keep(path, sealed, Buffer.from(random(4)).toString("hex"), log);
	return sealed;
}

async function opens(key: RoleKey, sealed: Uint8Array): Promise<boolean> {
	const opened = await key.open(sealed, aad).catch((error: unknown) => {
		const failure = asOtaError(error);
		if (failure.code !== "hsm_refused") throw failure;
		return null;
	});
	return opened !== null && secret.equals(opened);
}

/** Null when there is none; `config` when it cannot be read, for then nothing tells which key it was. */
function readSealed(path: string): Uint8Array | null {
	try {
		const sealed = Buffer.from(readFileSync(path, "utf8").trim(), "base64");
		if (sealed.length > 0) return sealed;
	} catch (cause) {
		if ((cause as NodeJS.ErrnoException).code === "ENOENT") return null;
		throw new OtaError("config", `${path} cannot be read: make it readable for the agent`, { cause });
	}
	throw new OtaError("config", `${path} is empty: restore it, or remove it if the seal key is the one of before`);
}

/** Whole or not at all, whatever happens meanwhile. */
function keep(path: string, sealed: Uint8Array, suffix: string, log: Log): void {
	try {
		mkdirSync(join(path, ".."), { recursive: true, mode: 0o700 });
		const unfinished = `${path}.${suffix}`;
		writeFileSync(unfinished, `${Buffer.from(sealed).toString("base64")}\n`, { mode: 0o600, flag: "wx", flush: true });
		renameSync(unfinished, path);
	} catch (error) {
		log.warn("hsm.seal_key_not_remembered", { path, reason: error instanceof Error ? error.message : "not written" });
	}
}

/** The PKCS#11 library of a vendor: loaded once per process, initialised with locking, finalised by who initialised it. */
import { realpathSync } from "node:fs";
import pkcs11js from "pkcs11js";
import { asOtaError, OtaError } from "../../lib/errors.ts";
import { CKR_CRYPTOKI_ALREADY_INITIALIZED, failureWords, returnValue } from "./failure.ts";

export type Pkcs11 = InstanceType<typeof pkcs11js.PKCS11>;

interface Loaded {
	pkcs11: Pkcs11;
	users: number;
	isOurs: boolean;
	/** Of the last C_Initialize. */
	parameters: string | undefined;
}

/** C_Initialize holds for the whole process, so the handles are kept for the whole process. */
const modules = new Map<string, Loaded>();

/** A held library. Release it once nothing of it is in flight: the last release finalises. */
export interface Module {
	readonly pkcs11: Pkcs11;
	readonly path: string;
	/**
	 * Finalises and initialises: the one cure for a lost token that every vendor has. Voids all sessions, slots and handles of
	 * every holder, and nothing may be in flight. `hsm_unavailable` when it does not come up; then call it again.
	 */
	restart(): void;
	release(): void;
}

/**
 * Loads and initialises the library at `named`, once under however many names (links) it goes; `config` when it cannot be loaded, or is in use with other `parameters`
 * (NSS reads from them where its database lies).
 */
export function loadModule(named: string, parameters?: string): Module {
	const path = realPath(named);
	const loaded = modules.get(path) ?? load(path);
	if (loaded.users === 0) {
		loaded.isOurs = initialize(loaded.pkcs11, path, parameters);
		loaded.parameters = parameters;
	} else if (loaded.parameters !== parameters) {
		throw new OtaError("config", `${path}: one process can give it one x-library-parameters`);
	}
	loaded.users += 1;
	let isHeld = true;
	return {
		pkcs11: loaded.pkcs11,
		path,
		restart() {
			if (!loaded.isOurs) return;
			finalize(loaded.pkcs11);
			try {
				initialize(loaded.pkcs11, path, loaded.parameters);
			} catch (error) {
				throw new OtaError("hsm_unavailable", asOtaError(error).message, { cause: error });
			}
		},
		release() {
			if (!isHeld) return;
			isHeld = false;
			loaded.users -= 1;
			if (loaded.users === 0 && loaded.isOurs) finalize(loaded.pkcs11);
		},
	};
}

/** As it was named when there is no such file: loading says so better. */
function realPath(path: string): string {
	try {
		return realpathSync(path);
	} catch {
		return path;
	}
}

function load(path: string): Loaded {
	const pkcs11 = new pkcs11js.PKCS11();
	try {
		pkcs11.load(path);
	} catch (error) {
		throw new OtaError("config", `module-path ${path} cannot be loaded as a PKCS#11 library`, { cause: error });
	}
	const loaded = { pkcs11, users: 0, isOurs: false, parameters: undefined };
	modules.set(path, loaded);
	return loaded;
}

function finalize(pkcs11: Pkcs11): void {
	try {
		pkcs11.C_Finalize();
	} catch {
		// Not initialised since the last restart failed, or gone with its device.
	}
}

/** True when it was us who initialised it. */
function initialize(pkcs11: Pkcs11, path: string, parameters: string | undefined): boolean {
	// pkcs11js cuts the parameters' last character.
	const nss = parameters === undefined ? {} : { libraryParameters: `${parameters} ` };
	try {
		// Without the flag SoftHSM switches its mutexes off and crashes under parallel calls.
		pkcs11.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK, ...nss });
		return true;
	} catch (error) {
		if (returnValue(error) === CKR_CRYPTOKI_ALREADY_INITIALIZED) return false;
		throw new OtaError("config", `${path}: ${failureWords("C_Initialize", error)}`, { cause: error });
	}
}

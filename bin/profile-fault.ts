/** A profile that cannot be composed is refused (exit code 1): its code, config, is also that of this machine's configuration (2). */
import { OtaError } from "../lib/errors.ts";

export async function judgingProfiles<T>(work: () => T | Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (cause) {
		if (!(cause instanceof OtaError) || cause.code !== "config") throw cause;
		throw new OtaError("malformed", cause.message, { cause });
	}
}

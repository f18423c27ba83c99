/** The emulated device's one error: which step refused, and why, in a sentence. */

/** A step of the exchange that did not go as Apple's client needs it. `status` is set for HTTP refusals. */
export class DeviceError extends Error {
	override readonly name = "DeviceError";
	readonly status: number | undefined;
	/** SCEP failInfo of a refused request (RFC 8894 section 3.2.1.4.5). */
	readonly failInfo: number | undefined;
	/** The code of the server's problem document, or Node's of the network's failure (ECONNREFUSED ...). */
	readonly code: string | undefined;
	constructor(
		readonly step: string,
		message: string,
		options: { cause?: unknown; status?: number; failInfo?: number; code?: string | undefined } = {},
	) {
		super(message, { cause: options.cause });
		this.status = options.status;
		this.failInfo = options.failInfo;
		this.code = options.code;
	}
}

/** Throws a DeviceError of `step` unless `condition` holds. */
export function ensure(condition: unknown, step: string, message: string): asserts condition {
	if (!condition) throw new DeviceError(step, message);
}

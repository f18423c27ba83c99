/** Where an agent is reached: `unix:` and the absolute path of its socket. */
import { OtaError } from "../lib/errors.ts";

/** The path of a `unix:` address. */
export function socketPath(address: string): string {
	const path = address.startsWith("unix:") ? address.slice("unix:".length) : "";
	if (!path.startsWith("/")) throw new OtaError("config", "the HSM agent's address must be unix:/absolute/path");
	// sockaddr_un: 104 octets on macOS, 108 on Linux, with the closing NUL.
	if (Buffer.byteLength(path) > 103) throw new OtaError("config", "the HSM agent's socket path is over 103 octets");
	return path;
}

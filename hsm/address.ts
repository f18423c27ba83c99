/** Where an agent is reached: `unix:` and the absolute path of its socket, or `tls://host:port`. */
import { OtaError } from "../lib/errors.ts";

export type Address = { kind: "unix"; path: string } | { kind: "tls"; host: string; port: number };

/** `config` for anything else. An IPv6 host stands in brackets in the text and without them in the answer. */
export function parseAddress(address: string): Address {
	if (address.startsWith("tls://")) return parseTls(address);
	const path = address.startsWith("unix:") ? address.slice("unix:".length) : "";
	if (!path.startsWith("/")) {
		throw new OtaError("config", "the HSM agent's address must be unix:/absolute/path or tls://host:port");
	}
	// sockaddr_un: 104 octets on macOS, 108 on Linux, with the closing NUL.
	if (Buffer.byteLength(path) > 103) throw new OtaError("config", "the HSM agent's socket path is over 103 octets");
	return { kind: "unix", path };
}

function parseTls(address: string): Address {
	const url = URL.canParse(address) ? new URL(address) : null;
	const port = Number(url?.port);
	// Whatever else an address could carry (user, path, query) would be passed over in silence.
	if (!url?.hostname || !port || url.href.replace(/\/$/, "") !== `tls://${url.host}`) {
		throw new OtaError("config", "the HSM agent's address must be tls://host:port, and nothing behind it");
	}
	return { kind: "tls", host: url.hostname.replace(/^\[|\]$/g, ""), port };
}

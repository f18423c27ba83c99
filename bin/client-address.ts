/**
 * Whose request it is: the address at the other end of the socket or, when that one is a trusted proxy
 * (OTA_TRUSTED_PROXIES), what it says in X-Forwarded-For. Whatever anybody else writes there counts for nothing.
 */
import { BlockList, isIP, isIPv6 } from "node:net";

export interface Proxies {
	/** Whether what this peer says about addresses counts. */
	isTrusted(peer: string): boolean;
	/** The rightmost hop that is no trusted proxy; the peer itself unless it is one. */
	clientOf(peer: string, forwardedFor: string | undefined): string;
}

/** @param trusted addresses and prefixes: `10.0.0.0/8`, `::1` */
export function trustProxies(trusted: readonly string[]): Proxies {
	const list = new BlockList();
	for (const entry of trusted) {
		const [address = "", bits] = entry.split("/");
		const family = isIPv6(address) ? "ipv6" : "ipv4";
		list.addSubnet(address, bits === undefined ? (family === "ipv6" ? 128 : 32) : Number(bits), family);
	}
	const isTrusted = (peer: string): boolean => list.check(plain(peer), isIPv6(plain(peer)) ? "ipv6" : "ipv4");
	return {
		isTrusted,
		clientOf(peer, forwardedFor) {
			let client = plain(peer);
			for (const hop of (forwardedFor ?? "").split(",").reverse()) {
				const before = address(hop);
				if (!isTrusted(client) || before === null) break;
				client = before;
			}
			return client;
		},
	};
}

/** An IPv4 address that came over an IPv6 socket, as IPv4. */
function plain(peer: string): string {
	return peer.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
}

/** One hop of X-Forwarded-For, some proxies add the port; null when it is no address. */
function address(hop: string): string | null {
	const bare = hop.trim().replace(/^\[(.*)\](:\d+)?$|^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1$3");
	return isIP(bare) === 0 ? null : plain(bare);
}

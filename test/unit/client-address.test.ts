import { describe, expect, it } from "@jest/globals";
import { trustProxies } from "../../bin/client-address.ts";

describe("whose request it is", () => {
	it.each([
		["nobody is trusted", [], "203.0.113.9", "198.51.100.1", "203.0.113.9"],
		["the peer is no proxy of ours", ["10.0.0.0/8"], "203.0.113.9", "198.51.100.1", "203.0.113.9"],
		["the proxy says nothing", ["10.0.0.0/8"], "10.1.2.3", undefined, "10.1.2.3"],
		["one proxy tells", ["10.0.0.0/8"], "10.1.2.3", "198.51.100.1", "198.51.100.1"],
		["the caller wrote a hop before it", ["10.0.0.0/8"], "10.1.2.3", "1.1.1.1, 198.51.100.1", "198.51.100.1"],
		["two proxies tell", ["10.0.0.1", "192.0.2.1"], "10.0.0.1", "1.1.1.1,198.51.100.1, 192.0.2.1", "198.51.100.1"],
		["all hops are proxies", ["10.0.0.0/8"], "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
		["the hop is no address", ["10.0.0.0/8"], "10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"],
		["the hop is empty", ["10.0.0.0/8"], "10.0.0.1", "198.51.100.1,", "10.0.0.1"],
		["hops carry ports", ["10.0.0.0/8"], "10.0.0.1", "198.51.100.1:4711", "198.51.100.1"],
		["hops carry ports with IPv6", ["::1"], "::1", "[2001:db8::1]:4711", "2001:db8::1"],
		["the socket is IPv6 and the peer IPv4", ["10.0.0.0/8"], "::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"],
		["the prefix is IPv6", ["2001:db8::/32"], "2001:db8::9", "198.51.100.1", "198.51.100.1"],
		["the address lies one past the prefix", ["10.0.0.0/31"], "10.0.0.2", "198.51.100.1", "10.0.0.2"],
		["the peer has gone", ["10.0.0.0/8"], "", "198.51.100.1", ""],
	])("when %s", (_, trusted, peer, forwardedFor, client) => {
		expect(trustProxies(trusted).clientOf(peer, forwardedFor)).toBe(client);
	});
});

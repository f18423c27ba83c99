import { describe, expect, it } from "@jest/globals";
import { parseAddress } from "../../hsm/address.ts";
import { FrameReader, frame, maxFrame } from "../../hsm/frames.ts";
import {
	decodeRequest,
	decodeResponse,
	decodeSealed,
	decodeSign,
	decodeUnwrap,
	encodeRequest,
	encodeResponse,
	encodeSealed,
	encodeSign,
	encodeUnwrap,
	VersionError,
} from "../../hsm/protocol.ts";

const request = { id: 7, role: "ca", operation: "sign", deadline: 5000, body: Buffer.from("hello") } as const;
const requestBytes = (): Buffer => Buffer.concat(encodeRequest(request));

describe("frames", () => {
	const messages = [Buffer.from("a"), Buffer.alloc(1000, 7), Buffer.from("last")];
	const stream = Buffer.concat(messages.map((message) => frame(message)));

	it.each([1, 2, 3, 5, 7, 64, 4096])("are whole however the stream is cut (chunks of %d)", (size) => {
		const reader = new FrameReader();
		const got: Buffer[] = [];
		for (let at = 0; at < stream.length; at += size) got.push(...reader.push(stream.subarray(at, at + size)));
		expect(got).toEqual(messages);
		expect(reader.isAtBoundary).toBe(true);
	});

	it("wait for the rest of a truncated one", () => {
		const reader = new FrameReader();
		expect(reader.push(stream.subarray(0, 4))).toEqual([]);
		expect(reader.isAtBoundary).toBe(false);
		expect(reader.push(stream.subarray(4, 5))).toEqual([messages[0]]);
	});

	it.each([0, maxFrame + 1, 0xffffffff])("of %d octets are refused before their octets arrive", (length) => {
		const prefix = Buffer.alloc(4);
		prefix.writeUInt32BE(length, 0);
		expect(() => new FrameReader().push(prefix)).toThrow(expect.objectContaining({ code: "malformed" }));
	});

	it("of the largest size pass, larger ones are not made", () => {
		expect(new FrameReader().push(frame(Buffer.alloc(maxFrame)))[0]).toHaveLength(maxFrame);
		expect(() => frame(Buffer.alloc(maxFrame), Buffer.alloc(1))).toThrow(
			expect.objectContaining({ code: "too_large" }),
		);
	});
});

describe("an address", () => {
	it.each([
		["unix:/run/ota/agent.sock", { kind: "unix", path: "/run/ota/agent.sock" }],
		["tls://hsm.example.com:7443", { kind: "tls", host: "hsm.example.com", port: 7443 }],
		["tls://[fd00::1]:7443", { kind: "tls", host: "fd00::1", port: 7443 }],
	])("%s is understood", (address, expected) => {
		expect(parseAddress(address)).toEqual(expected);
	});

	it.each([
		"",
		"/tmp/x.sock",
		"unix:relative",
		`unix:/${"x".repeat(120)}`,
		"tls://host",
		"tls://host:0",
		"tls://host:70000",
		"tls://:7443",
		"tls://user@host:7443",
		"tls://host:7443/path",
		"tls://host:7443?query",
		"https://host:7443",
	])("%s is refused with config", (address) => {
		expect(() => parseAddress(address)).toThrow(expect.objectContaining({ code: "config" }));
	});
});

describe("agent protocol", () => {
	it("carries a request", () => {
		expect(decodeRequest(requestBytes())).toEqual(request);
	});

	it("keeps its layout", () => {
		expect(requestBytes().toString("hex")).toBe(`0101000000070101${"00001388"}${Buffer.from("hello").toString("hex")}`);
		const response = Buffer.concat(encodeResponse({ id: 7, status: "busy", body: Buffer.from("x") }));
		expect(response.toString("hex")).toBe("0102000000070178");
	});

	it.each(["ok", "busy", "unavailable", "refused", "malformed", "version"] as const)(
		"carries a response: %s",
		(status) => {
			const response = { id: 0xffffffff, status, body: Buffer.from("answer") };
			expect(decodeResponse(Buffer.concat(encodeResponse(response)))).toEqual(response);
		},
	);

	it.each([0, 2, 255])("refuses version %d by name", (version) => {
		const bytes = requestBytes();
		bytes[0] = version;
		expect(() => decodeRequest(bytes)).toThrow(VersionError);
		expect(() => decodeRequest(bytes)).toThrow(`version ${version}, this one 1`);
	});

	const broken: [string, (bytes: Buffer) => Buffer][] = [
		["an empty frame", () => Buffer.alloc(0)],
		["a header cut short", (bytes) => bytes.subarray(0, 11)],
		["a response where a request belongs", (bytes) => Buffer.from(bytes.fill(2, 1, 2))],
		["an unknown role", (bytes) => Buffer.from(bytes.fill(9, 6, 7))],
		["an unknown operation", (bytes) => Buffer.from(bytes.fill(9, 7, 8))],
	];
	it.each(broken)("refuses %s", (_name, breakIt) => {
		expect(() => decodeRequest(breakIt(requestBytes()))).toThrow(expect.objectContaining({ code: "malformed" }));
	});

	it("carries the operations' bodies", () => {
		const message = Uint8Array.of(1, 2, 3);
		expect(decodeSign(encodeSign("sha384", message))).toEqual({ hash: "sha384", message: Buffer.from(message) });
		expect(decodeUnwrap(encodeUnwrap(message, 24))).toEqual({ keyLength: 24, encryptedKey: Buffer.from(message) });
		expect(decodeSealed(encodeSealed(message, "aä"))).toEqual({ aad: Buffer.from("aä"), data: Buffer.from(message) });
		expect(decodeSealed(encodeSealed(new Uint8Array(), ""))).toEqual({ aad: Buffer.alloc(0), data: Buffer.alloc(0) });
	});

	const bodies: [string, () => unknown][] = [
		["a sign body without a hash", () => decodeSign(new Uint8Array())],
		["an unknown hash", () => decodeSign(Uint8Array.of(9, 1))],
		["an empty unwrap body", () => decodeUnwrap(new Uint8Array())],
		["a key length that no cipher has", () => decodeUnwrap(Uint8Array.of(17, 1))],
		["a sealed body cut in its length", () => decodeSealed(Uint8Array.of(0))],
		["additional data cut short", () => decodeSealed(Uint8Array.of(0, 5, 1, 2))],
	];
	it.each(bodies)("refuses %s", (_name, decode) => {
		expect(decode).toThrow(expect.objectContaining({ code: "malformed" }));
	});
});

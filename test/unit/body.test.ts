/** Request bodies: media types, sizes declared and real, streams that lie or break off. */
import { describe, expect, it } from "@jest/globals";
import { asOtaError } from "../../lib/errors.ts";
import { readBody } from "../../lib/http/body.ts";

const limit = 65_536;
const type = "application/pkcs7-signature";

async function outcome(request: Request, types: readonly (string | null)[] = [type]): Promise<number | string> {
	try {
		return (await readBody(request, types)).length;
	} catch (error) {
		return asOtaError(error).code;
	}
}
type Body = Uint8Array | ReadableStream | string | null;
function post(body: Body, headers: Record<string, string> = { "content-type": type }): Request {
	const init = { method: "POST", body, headers, duplex: "half" };
	return new Request("https://ota.example.com/profile", init as RequestInit);
}
/** A stream of so many chunks of that size, and how many were taken from it. */
function stream(count: number, size: number): { body: ReadableStream; taken: () => number; cancelled: () => boolean } {
	let given = 0;
	let over = false;
	const body = new ReadableStream({
		pull(controller) {
			if (given === count) return controller.close();
			given += 1;
			controller.enqueue(new Uint8Array(size));
		},
		cancel() {
			over = true;
		},
	});
	return { body, taken: () => given, cancelled: () => over };
}

describe("the media type", () => {
	it.each([
		[type, [type], 1],
		["APPLICATION/PKCS7-Signature", [type], 1],
		[`${type}; charset=binary`, [type], 1],
		[`  ${type}  ;x`, [type], 1],
		["application/x-pkcs7-signature", [type, "application/x-pkcs7-signature"], 1],
		["application/x-pkcs7-signature", [type], "media_type"],
		["application/xml", [type], "media_type"],
		["text/plain", [type], "media_type"],
		[`${type}, text/plain`, [type], "media_type"],
		["multipart/form-data; boundary=x", [type], "media_type"],
		["application/x-www-form-urlencoded", [type, null], "media_type"],
		["", [type], "media_type"],
	] as [string, string[], number | string][])("%j where %j is taken: %s", async (sent, types, expected) => {
		expect(await outcome(post(Uint8Array.of(1), { "content-type": sent }), types)).toBe(expected);
	});

	it("may be absent where that is said", async () => {
		expect(await outcome(post(Uint8Array.of(1), {}), [type, null])).toBe(1);
		expect(await outcome(post(Uint8Array.of(1), {}), [type])).toBe("media_type");
	});

	it.each(["gzip", "identity", "br"])("with Content-Encoding %s is refused", async (encoding) => {
		const headers = { "content-type": type, "content-encoding": encoding };
		expect(await outcome(post(Uint8Array.of(1), headers))).toBe("media_type");
	});
});

describe("the size", () => {
	it.each([
		[1, 1],
		[limit, limit],
		[limit + 1, "too_large"],
		[1 << 20, "too_large"],
	])("of %i octets: %s", async (size, expected) => expect(await outcome(post(new Uint8Array(size)))).toBe(expected));

	it.each([
		["declared too large, before a single octet is read", String(limit + 1), "too_large"],
		["declared absurdly", "9".repeat(400), "too_large"],
		["declared as no number", "a lot", 1],
		["declared negative", "-1", 1],
		["declared smaller than it is", "0", 1],
	])("%s", async (_what, length, expected) => {
		const { body, taken } = stream(1, 1);
		const request = post(body, { "content-type": type, "content-length": length });
		expect(await outcome(request)).toBe(expected);
		if (expected === "too_large") expect(taken()).toBeLessThanOrEqual(1);
	});

	it("of a chunked body is counted while it comes: an endless one is cut off", async () => {
		const endless = stream(Number.POSITIVE_INFINITY, 1024);
		expect(await outcome(post(endless.body))).toBe("too_large");
		expect(endless.taken()).toBeLessThan(80);
		expect(endless.cancelled()).toBe(true);
	});

	it.each([
		["64 chunks of 1 KiB", 64, 1024, limit],
		["64 chunks of 1 KiB and one octet", 65, 1024, "too_large"],
		["one-octet chunks", 2000, 1, 2000],
	])("of %s", async (_what, count, size, expected) => {
		expect(await outcome(post(stream(count, size).body))).toBe(expected);
	});

	it.each([
		["no body", null],
		["an empty body", new Uint8Array()],
		["an empty stream", new ReadableStream({ start: (controller) => controller.close() })],
	] as [string, Body][])("of nothing (%s) is malformed", async (_what, body) => {
		expect(await outcome(post(body))).toBe("malformed");
	});
});

describe("the content", () => {
	it("comes in order, of one chunk or several", async () => {
		const chunks = ["first ", "second ", "third"].map((text) => new TextEncoder().encode(text));
		const body = new ReadableStream({
			start(controller) {
				for (const chunk of chunks) controller.enqueue(chunk);
				controller.close();
			},
		});
		expect(Buffer.from(await readBody(post(body), [type])).toString()).toBe("first second third");
		expect(Buffer.from(await readBody(post("one"), [type])).toString()).toBe("one");
	});

	it("that breaks off is the caller's fault, not ours", async () => {
		const body = new ReadableStream({
			start: (controller) => controller.enqueue(new Uint8Array(10)),
			pull: (controller) => controller.error(new Error("aborted")),
		});
		expect(await outcome(post(body))).toBe("malformed");
	});
});

import { describe, expect, it } from "@jest/globals";
import { BoundedBytes } from "../../lib/http/bounded-bytes.ts";

describe("bytes up to a limit", () => {
	it("are the pieces in their order, whatever their sizes", () => {
		const bytes = new BoundedBytes(65_536);
		const whole = Buffer.from(Array.from({ length: 65_536 }, (_, n) => n * 7));
		let at = 0;
		for (let size = 1; at < whole.length; size = (size * 3) % 4099) {
			expect(bytes.push(whole.subarray(at, at + size))).toBe(true);
			at += size;
		}
		expect(bytes.length).toBe(65_536);
		expect(bytes.bytes.equals(whole)).toBe(true);
		expect(bytes.push(Uint8Array.of(1))).toBe(false);
	});

	it("in 65,536 pieces of one octet cost no more than themselves", () => {
		const all = Array.from({ length: 200 }, () => {
			const bytes = new BoundedBytes(65_536);
			for (let count = 0; count < 65_536; count++) bytes.push(Buffer.allocUnsafeSlow(1));
			return bytes;
		});
		// 200 of them in pieces were some 5 GB; their buffers are these and nothing else.
		for (const bytes of all) expect(bytes.bytes.buffer.byteLength).toBeLessThanOrEqual(65_536 + 8192);
	});
});

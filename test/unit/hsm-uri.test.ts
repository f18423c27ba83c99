import { describe, expect, it } from "@jest/globals";
import { formatUri, parseUri, redactUri } from "../../hsm/uri.ts";
import { OtaError } from "../../lib/errors.ts";

describe("PKCS#11 URI", () => {
	const good: [string, ReturnType<typeof parseUri>][] = [
		["pkcs11:", {}],
		["pkcs11:token=ota;object=issuing-ca", { token: "ota", object: "issuing-ca" }],
		["PKCS11:serial=0a1b;id=%01%FF%3b", { serial: "0a1b", id: Uint8Array.of(1, 255, 0x3b) }],
		["pkcs11:id=ab", { id: Uint8Array.of(0x61, 0x62) }],
		["pkcs11:token=The%20Software%20PKCS%2311", { token: "The Software PKCS#11" }],
		["pkcs11:token=K%C3%B6ln;type=private", { token: "Köln", type: "private" }],
		[
			"pkcs11:token=ota;object=ra?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/run/secrets/pin",
			{ token: "ota", object: "ra", modulePath: "/usr/lib/softhsm/libsofthsm2.so", pinFile: "/run/secrets/pin" },
		],
		[
			"pkcs11:?x-library-parameters=configdir%3D'sql:/a%20b'%20flags%3D",
			{ libraryParameters: "configdir='sql:/a b' flags=" },
		],
		["pkcs11:?pin-source=file:///a%20b/pin", { pinFile: "/a b/pin" }],
		["pkcs11:?pin-source=/etc/pin", { pinFile: "/etc/pin" }],
		["pkcs11:?pin-value=user%3Asecret%26more", { pinValue: "user:secret&more" }],
	];
	it.each(good)("reads %s", (text, expected) => {
		expect(parseUri(text)).toEqual(expected);
	});

	const bad: [string, RegExp][] = [
		["", /must start with pkcs11:/],
		["file:/x", /must start with pkcs11:/],
		["pkcs11:token", /name=value/],
		["pkcs11:token=a;", /name=value/],
		["pkcs11:=a", /name=value/],
		["pkcs11:token=a;token=b", /token is given twice/],
		["pkcs11:tokn=a", /path attribute tokn is not supported/],
		["pkcs11:slot-id=1", /path attribute slot-id/],
		["pkcs11:token=%G0", /% without two/],
		["pkcs11:token=%4", /% without two/],
		["pkcs11:token=%FF", /not percent-encoded UTF-8/],
		["pkcs11:type=key", /type must be one of/],
		["pkcs11:token=a#b", /fragment/],
		["pkcs11:?module-name=softhsm", /query attribute module-name/],
		["pkcs11:?module-path=softhsm.so", /must be absolute/],
		["pkcs11:?module-path=", /empty/],
		["pkcs11:?x-library-parameters=", /empty/],
		["pkcs11:?pin-source=|cat%20pin", /pin-source must be/],
		["pkcs11:?pin-source=https://x/pin", /pin-source must be/],
		["pkcs11:?pin-value=1234&pin-source=/pin", /exclude/],
	];
	it.each(bad)("refuses %s with config", (text, words) => {
		expect.assertions(3);
		try {
			parseUri(text);
		} catch (error) {
			expect(error).toBeInstanceOf(OtaError);
			expect((error as OtaError).code).toBe("config");
			expect((error as OtaError).message).toMatch(words);
		}
	});

	it("writes what it reads back to the same", () => {
		const uri = {
			token: "o;t&a ?#",
			serial: "1",
			object: "ключ",
			id: Uint8Array.of(0, 0x2f, 0xff),
			modulePath: "/opt/a b/lib.so",
			libraryParameters: "configdir='sql:/a&b?' secmod=''",
			pinFile: "/run/p&n",
		};
		expect(parseUri(formatUri(uri))).toEqual(uri);
	});

	it("never shows a PIN to a log", () => {
		const uri = parseUri("pkcs11:token=ota?pin-value=hush-9");
		expect(redactUri(uri)).toBe("pkcs11:token=ota?pin-value=***");
		expect(formatUri(uri)).toContain("hush-9");
	});

	it("never repeats a PIN in an error", () => {
		for (const text of ["pkcs11:?pin-value=hush-9&pin-source=/p", "pkcs11:?pin-value=hush-9%"]) {
			expect(() => parseUri(text)).toThrow(expect.not.objectContaining({ message: expect.stringContaining("hush-9") }));
		}
	});

	it("never repeats what stands behind an & inside a PIN", () => {
		for (const text of [
			"pkcs11:?pin-value=a&hush-9=1",
			"pkcs11:?pin-value=a&hush-9",
			"pkcs11:?pin-value=a&pin-value=hush-9",
		]) {
			const words = expect.stringMatching(/^(?!.*hush-9).*write %26 for &/);
			expect(() => parseUri(text)).toThrow(expect.objectContaining({ code: "config", message: words }));
		}
		expect(parseUri("pkcs11:?pin-value=a%26b").pinValue).toBe("a&b");
	});
});

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readDeviceRoots } from "../../app/_wire/files.ts";
import { ConfigError } from "../../lib/errors.ts";
import { createDeviceAuthority } from "../device/index.ts";

let folder: string;
let roots: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "ota-roots-"));
	createDeviceAuthority(folder);
	roots = readFileSync(join(folder, "roots.pem"), "utf8");
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("the further device roots", () => {
	it("are every certificate of the file, and none without a file", () => {
		const ders = readDeviceRoots(`# a lab\n${roots}\n${roots}`);
		const pem = roots.replace(/-----[^-]+-----|\s/g, "");
		expect(ders.map((der) => Buffer.from(der).toString("base64"))).toEqual([pem, pem]);
		expect(readDeviceRoots(null)).toEqual([]);
	});

	it("a certificate that cannot be read: is a configuration fault with variable and place, not OpenSSL's words", () => {
		const bad = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
		const fault = "OTA_DEVICE_ROOTS: certificate 1 of the file cannot be read; replace it.";
		expect(() => readDeviceRoots(bad + roots)).toThrow(new ConfigError([fault]));
		expect(() => readDeviceRoots(bad + roots)).toThrow(ConfigError);
	});
});

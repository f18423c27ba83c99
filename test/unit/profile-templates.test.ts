import { describe, expect, it } from "@jest/globals";
import { defaultTemplates } from "../../lib/profile/default-templates.ts";
import { parseTemplate } from "../../lib/profile/templates.ts";

const plist = (body: string) => `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">${body}</plist>`;
const type = "<key>PayloadType</key><string>com.apple.example</string>";

function refusal(file: string, text: string): unknown {
	try {
		return parseTemplate(file, text);
	} catch (error) {
		return error;
	}
}

describe("parseTemplate", () => {
	it("reads a payload with all its types", () => {
		const text =
			plist(`<dict><!-- Wi-Fi & more -->${type}<key>A</key><array><integer>13</integer><real>1.5</real><true/></array>
			<key>B</key><data>AQID</data><key>C</key><date>2026-11-22T00:00:00Z</date></dict>`);
		const template = parseTemplate("10-example.plist", `\ufeff${text}`);
		expect(template.name).toBe("10-example");
		expect(template.payload).toEqual({
			PayloadType: "com.apple.example",
			A: [13, 1.5, true],
			B: new Uint8Array([1, 2, 3]),
			C: new Date(Date.UTC(2026, 10, 22)),
		});
	});

	it.each<[string, string, string]>([
		["a.plist", "", "no XML property list"],
		["a.plist", "bplist00", "no XML property list"],
		["a.plist", "{ PayloadType = x; }", "no XML property list"],
		["a.plist", '{"PayloadType":"x"}', "no XML property list"],
		["a.plist", plist(`<dict>${type}`), '"a.plist"'],
		["a.plist", plist(`<array><dict>${type}</dict></array>`), "root is not one payload dictionary"],
		["a.plist", plist("<dict><key>A</key><true/></dict>"), "no PayloadType"],
		["a.plist", plist("<dict><key>PayloadType</key><string>Configuration</string></dict>"), "a whole profile"],
		["a.plist", plist(`<dict>${type}<key>A</key><string>B & C</string></dict>`), "'&amp;'"],
		["a.plist", plist(`<dict>${type}<key>A</key><string>&e;</string></dict>`), "'&amp;'"],
		["../a.plist", plist(`<dict>${type}</dict>`), "its name"],
		["a b.plist", plist(`<dict>${type}</dict>`), "its name"],
	])("refuses %s: %s", (file, text, reason) => {
		expect(refusal(file, text)).toMatchObject({ code: "config", message: expect.stringContaining(reason) });
	});
});

describe("the default templates", () => {
	it("are payloads of three types, in the order of their names", () => {
		const templates = defaultTemplates.map(({ file, text }) => parseTemplate(file, text));
		expect(templates.map(({ name, payload }) => [name, payload.PayloadType])).toEqual([
			["10-wifi", "com.apple.wifi.managed"],
			["20-web-clip", "com.apple.webClip.managed"],
			["30-root", "com.apple.security.root"],
		]);
	});
});

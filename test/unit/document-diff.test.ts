/** Two versions of a document beside each other. */
import { describe, expect, it } from "@jest/globals";
import { documentDiff } from "../../lib/profile/document-diff.ts";
import { documentYaml } from "../../lib/profile/document-yaml.ts";
import { documentWith, wifi } from "./document-samples.ts";

const names: [string, string] = ["office@1", "office@2"];
const yaml = (ssid: string) => documentYaml(documentWith([{ name: "w", payload: wifi({ SSID_STR: ssid }) }]));

describe("the difference of two documents", () => {
	it("is a unified diff with both names", () => {
		expect(documentDiff(yaml("Office"), yaml("Lab"), names)).toBe(`--- office@1
+++ office@2
@@ -7,4 +7,4 @@
       AutoJoin: true
       EncryptionType: WPA2
       HIDDEN_NETWORK: false
-      SSID_STR: Office
+      SSID_STR: Lab
`);
	});

	it("is empty when there is none", () => expect(documentDiff(yaml("a"), yaml("a"), names)).toBe(""));

	it("has all lines of a document that is new", () => {
		expect(documentDiff("", "a: 1\nb: 2\n", names)).toBe("--- office@1\n+++ office@2\n@@ -0,0 +1,2 @@\n+a: 1\n+b: 2\n");
	});

	it("of two documents that share nothing is told whole, within seconds", () => {
		const lines = (mark: string) => Array.from({ length: 50_000 }, (_, at) => `${mark}${at}\n`).join("");
		const start = performance.now();
		const diff = documentDiff(lines("a"), lines("b"), names);
		expect(performance.now() - start).toBeLessThan(5_000);
		expect(diff.split("\n").slice(0, 4)).toEqual(["--- office@1", "+++ office@2", "@@ -1,50000 +1,50000 @@", "-a0"]);
		expect(diff).toMatch(/\n-a49999\n\+b0\n/);
		expect(diff).toMatch(/\n\+b49999\n$/);
	});
});

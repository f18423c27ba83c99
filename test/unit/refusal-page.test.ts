import { describe, expect, it } from "@jest/globals";
import { type Code, OtaError, outcomes } from "../../lib/errors.ts";
import { problem } from "../../lib/http/answers.ts";
import type { LogFields } from "../../lib/ports.ts";
import { testOta } from "../harness/ota.ts";

const lines: LogFields[] = [];
const write = (_event: string, fields: LogFields = {}) => void lines.push(fields);
const ports = { log: { info: write, warn: write, error: write }, random: (length: number) => new Uint8Array(length) };

describe("a refusal", () => {
	it.each(Object.keys(outcomes) as Code[])(
		"of code %s is a page to a person, with words, number and way back",
		async (code) => {
			const answer = problem(new OtaError(code, "INNER <reason>"), "/enroll", ports, { html: true, home: "/ota/" });
			const html = await answer.text();
			expect(answer.status).toBe(outcomes[code].status);
			expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
			expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
			expect(html).toContain(outcomes[code].words.replaceAll("'", "&#39;"));
			expect(html).toContain("0000000000000000");
			expect(html).toContain('href="/ota/"');
			expect(html).not.toMatch(/INNER|<script/);
			expect(lines.at(-1)).toMatchObject({ code, id: "0000000000000000", why: "INNER <reason>" });
		},
	);

	it("is JSON to whoever does not ask for HTML, and to every device's post", async () => {
		const { transport, url, person } = await testOta();
		person.now = { id: "x", email: "nobody" };
		const type = async (accept: string, method = "GET", path = "/enroll") => {
			const answer = await transport(new Request(`${url}${path}`, { method, headers: { accept } }));
			return answer.headers.get("content-type");
		};
		const safari = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
		expect(await type(safari)).toBe("text/html; charset=utf-8");
		expect(await type("*/*")).toBe("application/problem+json");
		expect(await type("application/json")).toBe("application/problem+json");
		expect(await type(safari, "POST", "/profile")).toBe("application/problem+json");
	});
});

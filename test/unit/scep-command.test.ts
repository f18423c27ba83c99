/** `ota scep challenge` on a real database: what it prints, what it stores, what it refuses. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { run as revoke } from "../../bin/commands/revoke.ts";
import { run } from "../../bin/commands/scep.ts";
import { type OperatorDesk, operatorDesk } from "../harness/operator-desk.ts";

describe("ota scep challenge", () => {
	let desk: OperatorDesk;
	const type = (...args: string[]) => desk.type(run, "challenge", ...args);
	const stored = async (text: string) => {
		const found = await desk.store.findChallenge(createHash("sha256").update(text).digest("hex"));
		if (!found) throw new Error("this challenge is not stored");
		return found;
	};
	beforeAll(async () => {
		desk = await operatorDesk();
	});
	afterAll(() => desk.leave());

	it.each([
		["no subcommand", []],
		["another subcommand", ["challenges"]],
		["a flag that is none", ["challenge", "--purpose", "client"]],
		["a word too many", ["challenge", "now"]],
		["a name that is none", ["challenge", "--subject", "/CN=a"]],
		["both sources of names", ["challenge", "--subject", "CN=a", "--subject-from-csr"]],
		["host names beside the request's", ["challenge", "--subject-from-csr", "--dns", "a.example"]],
		...[
			"",
			"a..b",
			"a.example.",
			"a_b.example",
			"-a.example",
			"bücher.example",
			"xn--a.example",
			"192.0.2.1",
			"a b",
		].map((host): [string, string[]] => [`the host ${JSON.stringify(host)}`, ["challenge", "--dns", host]]),
		["a wildcard", ["challenge", "--dns", "*.example"]],
		["a host twice", ["challenge", "--dns", "a.example", "--dns", "A.example"]],
		["9 hosts", ["challenge", ...Array.from({ length: 9 }, (_, n) => ["--dns", `h${n}.example`]).flat()]],
		["no time", ["challenge", "--ttl", "0m"]],
		["a time without a unit", ["challenge", "--ttl", "20"]],
		["a time that is none", ["challenge", "--ttl", "soon"]],
		["31 days", ["challenge", "--ttl", "31d"]],
		["more than 30 days in seconds", ["challenge", "--ttl", "2592001s"]],
		["none", ["challenge", "--count", "0"]],
		["1001", ["challenge", "--count", "1001"]],
		["a count that is none", ["challenge", "--count", "1e2"]],
	])("answers 2 and its usage to %s", async (_, args) => {
		const { code, out, err } = await desk.type(run, ...args);
		expect({ code, out }).toEqual({ code: 2, out: "" });
		expect(err).toContain("usage: ota scep challenge");
	});

	it("prints one challenge and nothing else; the database has its hash, its names and its 20 minutes", async () => {
		const { code, out, err } = await type("--subject", "CN=printer-1,O=Example", "--dns", "Printer-1.example.com");
		expect({ code, err }).toEqual({ code: 0, err: "" });
		expect(out).toMatch(/^[0-9a-f]{64}\n$/);
		const { challenge, enrollment, isBlocked } = await stored(out.trim());
		expect(challenge).toMatchObject({ purpose: "machine", usedAt: null, withdrawnAt: null });
		expect(challenge.binding).toMatchObject({
			udid: "",
			serialNumber: null,
			subject: [
				["O", "Example"],
				["CN", "printer-1"],
			],
			subjectAltName: { dNSName: ["printer-1.example.com"] },
		});
		expect(challenge.binding?.isSubjectFromCsr ?? false).toBe(false);
		expect(challenge.expiresAt.getTime() - challenge.createdAt.getTime()).toBe(20 * 60_000);
		expect(enrollment).toMatchObject({ state: "minted", user: { email: "" }, udid: null });
		expect(enrollment.user.id).toMatch(/^operator:./);
		expect(isBlocked).toBe(false);
	});

	it("prints as many as are wanted, all different, for as long as is wanted", async () => {
		const { code, out } = await type("--subject-from-csr", "--count", "1000", "--ttl", "30d");
		expect(code).toBe(0);
		const lines = out.trimEnd().split("\n");
		expect(lines).toHaveLength(1000);
		expect(new Set(lines).size).toBe(1000);
		const { challenge } = await stored(lines[999] ?? "");
		expect(challenge.binding).toMatchObject({ isSubjectFromCsr: true, subject: [], subjectAltName: {} });
		expect(challenge.expiresAt.getTime() - challenge.createdAt.getTime()).toBe(30 * 86_400_000);
	});

	it("gives each machine a name of its own when none is told", async () => {
		const { out } = await type("--count", "2");
		const subjects = [];
		for (const text of out.trimEnd().split("\n")) subjects.push((await stored(text)).challenge.binding?.subject);
		expect(subjects[0]).toEqual([
			["O", "Example"],
			["CN", expect.stringMatching(/^machine-[0-9a-f]{12}$/)],
		]);
		expect(subjects[1]).not.toEqual(subjects[0]);
	});

	it.each(["CN=Example & Söhne Issuing CA", "CN=example & SÖHNE root ca,O=Elsewhere", "CN=Example & Söhne SCEP RA"])(
		"refuses the name of one of our own: %s",
		async (subject) => {
			const { code, out, err } = await type("--subject", subject);
			expect({ code, out }).toEqual({ code: 1, out: "" });
			expect(err).toContain("choose another CN");
		},
	);

	it("mints nothing for an operator who is blocked, and again when the block is lifted", async () => {
		const { out } = await type();
		const { enrollment } = await stored(out.trim());
		const person = enrollment.user.id;
		expect((await desk.type(revoke, "--person", person)).code).toBe(0);
		expect((await stored(out.trim())).challenge.withdrawnAt).not.toBeNull();
		const refused = await type();
		expect({ code: refused.code, out: refused.out }).toEqual({ code: 1, out: "" });
		expect(refused.err).toContain(`ota revoke --person ${person} --lift`);
		expect((await desk.type(revoke, "--person", person, "--lift")).code).toBe(0);
		expect((await type()).code).toBe(0);
	});

	it("explains itself when asked", async () => {
		expect((await type("--help")).out).toContain("usage: ota scep challenge");
		expect((await desk.type(run, "--help")).code).toBe(0);
	});
});

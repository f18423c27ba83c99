/** `npm test` on a machine that stands still for a while: a real pause of a process, and a real jest of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { runOf } from "../harness/run.ts";

interface Stall {
	what: string;
	from: number;
	to: number;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const asUrl = (name: string): string => JSON.stringify(new URL(`../../bin/${name}`, import.meta.url).href);

let folder: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "ota-machine-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const runNode = (program: string, env: NodeJS.ProcessEnv = process.env) =>
	spawn(process.execPath, ["--input-type=module", "-e", program], { env, stdio: ["ignore", "pipe", "pipe"] });

describe("the watch over the machine", () => {
	it("tells of a pause, where it lay, and of nothing else", async () => {
		const child = runNode(`
			const { watchMachine } = await import(${asUrl("machine-watch.mjs")});
			const watch = watchMachine(${JSON.stringify(folder)});
			process.on("SIGTERM", () => { watch.stop(); console.log(JSON.stringify(watch.stalls)); });
			console.log("watching");
		`);
		const ended = runOf(child);
		await once(child.stdout, "data");
		await sleep(1_200);
		const from = Date.now();
		child.kill("SIGSTOP");
		await sleep(4_500);
		const to = Date.now();
		child.kill("SIGCONT");
		await sleep(800);
		child.kill("SIGTERM");
		const { stdout } = await ended;
		const stalls = JSON.parse(stdout.replace(/^watching\n/, "")) as Stall[];
		const pauses = stalls.filter(({ what }) => what === "The machine stood still");
		expect(pauses).toHaveLength(1);
		expect(Math.abs((pauses[0]?.from ?? 0) - from)).toBeLessThan(1_500);
		expect(Math.abs((pauses[0]?.to ?? 0) - to)).toBeLessThan(1_500);
	});
});

describe("a run of jest", () => {
	/** `wavering` fails the first time; `wrong` always. */
	const tests = {
		wavering: `it("wavers", () => { const mark = process.env.MARK; if (!fs.existsSync(mark)) { fs.writeFileSync(mark, ""); throw new Error("the first time"); } });
it("stands", () => {});
it.skip("is left out", () => {});`,
		right: `it("is right", () => { fs.appendFileSync(process.env.COUNT, "."); });`,
		wrong: `it("is wrong", () => { throw new Error("always"); });`,
	};
	const all: Stall = { what: "The disk did not answer", from: 0, to: Date.parse("2100-01-01") };

	async function run(name: string, which: (keyof typeof tests)[], stalls: Stall[]) {
		const place = join(folder, name);
		mkdirSync(join(place, "results"), { recursive: true });
		writeFileSync(join(place, "jest.config.json"), JSON.stringify({ testEnvironment: "node", transform: {} }));
		for (const each of which) {
			writeFileSync(join(place, `${each}.test.js`), `const fs = require("node:fs");\n${tests[each]}\n`);
		}
		const options = {
			jest: [join(root, "node_modules/jest/bin/jest.js"), "-c", "jest.config.json"],
			args: [],
			cwd: place,
			folder: join(place, "results"),
			stalls,
		};
		const program = `
			const { runJest } = await import(${asUrl("run-jest.mjs")});
			const said = [];
			const counts = await runJest({ ...${JSON.stringify(options)}, env: process.env, say: (line) => said.push(line) });
			console.log(JSON.stringify({ counts, said }));
		`;
		const env = { ...process.env, MARK: join(place, "mark"), COUNT: join(place, "count"), NODE_OPTIONS: "" };
		const { stdout, stderr } = await runOf(runNode(program, env));
		if (stdout === "") throw new Error(stderr);
		return JSON.parse(stdout) as { counts: Record<string, number>; said: string[] };
	}

	it("has what failed while the machine stood still run again, that alone, and says so", async () => {
		const { counts, said } = await run("again", ["wavering", "right"], [all]);
		expect(counts).toEqual({ passed: 3, failed: 0, skipped: 1, status: 0 });
		expect(said).toEqual([
			expect.stringMatching(/^The disk did not answer for \d+\.\d s, until /),
			"Failed meanwhile, and run again: wavering.test.js",
		]);
		expect(readFileSync(join(folder, "again/count"), "utf8")).toBe(".");
	});

	it("lets a failure stand that no pause touched", async () => {
		const before: Stall = { what: "The machine stood still", from: 0, to: 10_000 };
		for (const [name, stalls] of [
			["none", []],
			["before", [before]],
		] as const) {
			const { counts, said } = await run(name, ["wavering", "right"], [...stalls]);
			expect(counts).toEqual({ passed: 2, failed: 1, skipped: 1, status: 1 });
			expect(said).toHaveLength(stalls.length);
		}
	});

	it("lets a failure stand that comes again", async () => {
		const { counts } = await run("wrong", ["wavering", "wrong"], [all]);
		expect(counts).toEqual({ passed: 2, failed: 1, skipped: 1, status: 1 });
	});
});

import { join } from "node:path";
import { afterEach, describe, expect, it } from "@jest/globals";
import { Child } from "../../bin/child.ts";
import { until } from "../harness/supervised.ts";

let child: Child | undefined;
afterEach(() => child?.stop(1000));

describe("a supervised child", () => {
	it("that the system cannot start is tried again with growing pauses, and ends nobody", async () => {
		const ends: unknown[] = [];
		child = new Child({
			name: "web",
			args: ["--version"],
			env: process.env,
			cwd: join(import.meta.dirname, "no such folder"),
			onLine: () => undefined,
			onEnd: (...end) => ends.push(end),
		});
		child.start();
		await until(() => ends.length >= 3);
		expect(ends.slice(0, 3)).toEqual([25, 50, 100].map((again) => [null, null, again]));
	});
});

/** D08 and A06 for files of profiles that are wrong: what is refused is told by its place, and never shown. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { run as profile } from "../../bin/commands/profile.ts";
import { filesBelow, type Place, searcher } from "../harness/canaries.ts";
import { wrongFiles } from "../harness/canary-profile.ts";
import { type OperatorDesk, operatorDesk } from "../harness/operator-desk.ts";

const readers = [["lint"], ["lint", "--json"], ["import"]];
const render = ["render", "--user", "a@example.com", "--product", "iPhone15,4", "--with"];

describe("a wrong file with a password in it", () => {
	let desk: OperatorDesk;
	beforeAll(async () => {
		desk = await operatorDesk();
	});
	afterAll(() => desk.leave());

	it.each(wrongFiles())("is refused without the password: $canary.name", async ({ name, content, canary }) => {
		const file = join(desk.folder, name);
		writeFileSync(file, content);
		const search = searcher([canary]);
		for (const words of name.endsWith(".yaml") ? [...readers, render] : readers) {
			const { code, out, err } = await desk.type(profile, ...words, file);
			const said: Place[] = [
				["stdout", Buffer.from(out)],
				["stderr", Buffer.from(err)],
			];
			expect([words, code, search(said)]).toEqual([words, 1, []]);
		}
		expect(search(filesBelow(desk.folder, (path) => path !== file))).toEqual([]);
	});
});

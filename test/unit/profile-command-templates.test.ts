/** `ota profile import --publish` beside template files that no device takes. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { run } from "../../bin/commands/profile.ts";
import { documentYaml } from "../../lib/profile/document-yaml.ts";
import { propertyList } from "../../lib/profile/property-list.ts";
import { type OperatorDesk, operatorDesk } from "../harness/operator-desk.ts";
import { clip, documentOf } from "../harness/profile-examples.ts";

let desk: OperatorDesk;
beforeAll(async () => {
	desk = await operatorDesk();
	mkdirSync(join(desk.folder, "profiles"));
});
afterAll(() => desk.leave());

function published(label: string) {
	const path = join(desk.folder, "beside.yaml");
	writeFileSync(path, documentYaml(documentOf("beside", { c: clip(label) })));
	return desk.type(run, "import", path, "--publish");
}

describe("a publication beside a template file that stops every delivery", () => {
	it("is not refused, and says that devices are refused already", async () => {
		const path = join(desk.folder, "profiles", "lab.plist");
		writeFileSync(path, propertyList({ PayloadType: "com.apple.wifi.managed", SSID_STR: 7, EncryptionType: "None" }));
		const { code, err } = await published("one");
		expect([code, err]).toEqual([0, expect.not.stringMatching(/^error/m)]);
		expect(err).toMatch(
			/^warning {2}devices are refused now already, without this version: iPhone, version .*: payload lab SSID_STR: is integer/m,
		);
		rmSync(path);
		const again = await published("two");
		expect([again.code, again.err]).toEqual([0, expect.not.stringContaining("refused")]);
	});
});

describe("beside a template file that cannot be read", () => {
	const path = () => join(desk.folder, "profiles", "folder.plist");
	const told = () => expect.stringContaining(`The payload templates ${path()} cannot be read`);
	beforeAll(async () => {
		await published("three");
		mkdirSync(path());
	});
	afterAll(() => rmSync(path(), { recursive: true }));

	it("a publication is refused, and says so", async () => {
		const { code, out, err } = await published("four");
		expect([code, out, err]).toEqual([1, "", told()]);
	});

	it("a withdrawal happens, and says that there was no trial", async () => {
		const { code, out, err } = await desk.type(run, "withdraw", "beside");
		expect([code, out, err]).toEqual([0, "beside  version 3  withdrawn\n", told()]);
	});
});

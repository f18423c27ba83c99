import { describe, expect, it } from "@jest/globals";
import { softHsmModules } from "../../hsm/provision/softhsm.ts";

describe("the places of SoftHSM's module", () => {
	it("are the same for the set-up that installs it and for the agent that loads it", async () => {
		// Plain JavaScript without types: it runs before anything is built.
		const setup: string = "../../bin/setup.mjs";
		expect((await import(setup)).softHsmModules).toEqual(softHsmModules);
	});
});

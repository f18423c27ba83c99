/** A key is exported as JWK while a garbage collection frees what made it: in a process of its own, which may block for ever. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { runOf } from "../harness/run.ts";
import { root } from "../harness/server.ts";

const keyPair = JSON.stringify(join(root, "dist/test/device/key-pair.js"));

describe("a new key pair", () => {
	it.each(["newKeyPair", "makeKeyPair"])("of %s can be exported whatever is collected meanwhile", async (make) => {
		const program = `
			const { ${make}: make } = await import(${keyPair});
			for (let keys = 0; keys < 300; keys++) {
				const { privateKey } = await make("rsa", { modulusLength: 512 });
				for (let exports = 0; exports < 100; exports++) {
					privateKey.export({ format: "jwk" });
				}
			}
			console.log("exported");
		`;
		// Many small collections.
		const args = ["--max-semi-space-size=1", "--input-type=module", "-e", program];
		const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
		const { code, stdout, stderr } = await runOf(child);
		expect([code, stdout, stderr]).toEqual([0, "exported\n", ""]);
	});
});

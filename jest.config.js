import { availableParallelism } from "node:os";

/** Native ESM: run with NODE_OPTIONS=--experimental-vm-modules (bin/test.mjs does). */
export default {
	testEnvironment: "node",
	roots: ["<rootDir>/test"],
	testMatch: ["**/*.test.ts"],
	extensionsToTreatAsEsm: [".ts", ".tsx"],
	transform: {
		"^.+\\.tsx?$": [
			"@swc/jest",
			{
				jsc: { parser: { syntax: "typescript", tsx: false }, target: "es2022" },
				module: { type: "es6" },
				sourceMaps: "inline",
			},
		],
	},
	testTimeout: 120_000,
	// On two cores Jest would take one: most files wait for servers and tokens half of their time.
	maxWorkers: Math.max(2, Math.floor(availableParallelism() / 2)),
};

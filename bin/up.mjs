/** `npm run up`: everything on one machine. Installs and builds what is missing, then serves (bin/local.ts). */
import { build, checkNode, installPackages, installSoftHsm, runSetup } from "./setup.mjs";

console.log("next-ota: setting up");
await runSetup(async () => {
	checkNode();
	await installPackages();
	// Keys that live elsewhere need no token here.
	if (!process.env.OTA_HSM_AGENT && !process.env.OTA_CA_KEY) await installSoftHsm();
	await build();
});
console.log("  Starting...");
await import("../dist/bin/local.js");

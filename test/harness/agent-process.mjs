/** The HSM agent as a process for tests: options as JSON in argv, one JSON line on stdout when ready or refused, log on stderr. */
import { randomBytes } from "node:crypto";
import { startWatchdog } from "../../dist/bin/watchdog.js";
import { runAgent } from "../../dist/hsm/index.js";

const { roles, ...options } = JSON.parse(process.argv[2]);
const say = (level) => (event, fields) => process.stderr.write(`${JSON.stringify({ level, event, ...fields })}\n`);
for (const key of Object.values(roles)) if (key.certificate) key.certificate = Buffer.from(key.certificate, "base64");

try {
	const agent = await runAgent({
		...options,
		roles,
		watch: startWatchdog(),
		log: { info: say("info"), warn: say("warn"), error: say("error") },
		clock: () => new Date(),
		random: randomBytes,
	});
	process.on("SIGTERM", () => agent.close().then(() => process.exit(0)));
	process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
} catch (error) {
	process.stdout.write(`${JSON.stringify({ ready: false, code: error.code, message: error.message })}\n`);
	process.exitCode = error.code === "config" ? 2 : 1;
}

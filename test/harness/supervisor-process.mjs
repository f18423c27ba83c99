/** The supervisor of `up` and `npm start` over an agent process: what happens to it as JSON lines on stdout. */
import { Child } from "../../dist/bin/child.js";

const { args } = JSON.parse(process.argv[2]);
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const child = new Child({
	name: "agent",
	args,
	env: process.env,
	cwd: process.cwd(),
	onLine: (line) => say({ line }),
	onEnd: (code, signal, again) => say({ ended: signal ?? code, again }),
});
process.on("SIGTERM", () => child.stop(2_000).then(() => process.exit(0)));
child.start();

/**
 * A load of whole journeys in a process of its own (settings as JSON in argv), for whoever forked it: a message when the
 * preparations are over and the first journeys begin, one every 500 journeys, and the report at the end.
 */
import { loadDeviceAuthority, runLoad } from "../../dist/test/device/index.js";

const { folder, ...settings } = JSON.parse(process.argv[2]);
const authority = loadDeviceAuthority(folder);
let hasBegun = false;
const report = await runLoad({
	...settings,
	authority,
	portion: settings.devices,
	progress({ phase, done, total }) {
		if (phase === "devices" && done === total && !hasBegun) {
			hasBegun = true;
			process.send({ begun: true });
		}
		if (phase === "journeys" && done % 500 === 0 && done < total) process.send({ done });
	},
});
process.send({ report });
process.disconnect();

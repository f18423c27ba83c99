/** `ota device enroll --devices N`: many emulated devices at a time; how far they are, and the table at the end. */
import { type LoadOptions, type LoadProgress, type LoadReport, runLoad } from "../test/device/index.ts";

/** What is shown besides the load itself. */
export interface LoadCommandOptions extends Omit<LoadOptions, "progress" | "signal"> {
	/** One JSON object (LoadReport) on stdout and not the table. */
	json: boolean;
}

/** Runs the load; Ctrl-C ends it early, with its report. Answers the exit code: 0 when every journey succeeded. */
export async function runDevices({ json, ...load }: LoadCommandOptions): Promise<number> {
	const stop = new AbortController();
	const onSignal = (): void => stop.abort();
	process.once("SIGINT", onSignal);
	const told = tellProgress();
	try {
		const report = await runLoad({ ...load, progress: told.hear, signal: stop.signal });
		told.end();
		process.stdout.write(json ? `${JSON.stringify(report)}\n` : asTable(report));
		return report.ok ? 0 : 1;
	} finally {
		told.end();
		process.removeListener("SIGINT", onSignal);
	}
}

const phases: Record<LoadProgress["phase"], string> = {
	primes: "primes for the keys",
	devices: "devices made",
	"sign-ins": "people signed in",
	journeys: "journeys",
};

/** A line on stderr every second where a person watches, every five seconds in a log. */
function tellProgress(): { hear(progress: LoadProgress): void; end(): void } {
	const isTty = process.stderr.isTTY === true;
	let latest: LoadProgress | undefined;
	let before = { phase: "", done: 0, at: performance.now() };
	let shown = "";
	const show = (): void => {
		if (!latest) return;
		const now = performance.now();
		const perSecond = latest.phase === before.phase ? ((latest.done - before.done) / (now - before.at)) * 1000 : 0;
		before = { phase: latest.phase, done: latest.done, at: now };
		const line = progressLine(latest, perSecond);
		if (line !== shown) process.stderr.write(isTty ? `\r\u001b[K${line}` : `${line}\n`);
		shown = line;
	};
	const timer = setInterval(show, isTty ? 1000 : 5000);
	return {
		hear(progress) {
			const isNew = progress.phase !== latest?.phase;
			latest = progress;
			if (isNew && isTty) show();
		},
		end() {
			clearInterval(timer);
			if (isTty && shown !== "") process.stderr.write("\r\u001b[K");
			shown = "";
		},
	};
}

function progressLine({ phase, done, total, failed }: LoadProgress, perSecond: number): string {
	const rate = perSecond > 0 ? `, ${perSecond.toFixed(1)} per second` : "";
	return `${phases[phase]}: ${done} of ${total}${rate}${phase === "journeys" ? `, ${failed} failed` : ""}`;
}

/** The report for a person. */
export function asTable(report: LoadReport): string {
	const { journeys, steps, failures, cpu } = report;
	const seconds = `${report.wallSeconds.toFixed(1)} s`;
	const left = report.devices - journeys.ok - journeys.failed;
	const width = Math.max(...steps.map(({ step }) => step.length), 4);
	const row = (step: string, ...cells: string[]): string =>
		`  ${step.padEnd(width)}${cells.map((cell) => cell.padStart(10)).join("")}\n`;
	const lines = [
		`${journeys.ok} journeys succeeded, ${journeys.failed} failed${left > 0 ? `, ${left} left out` : ""}, in ${seconds}: ${report.journeysPerSecond.toFixed(1)} per second\n`,
		`${report.concurrency} at a time, of ${report.people === 1 ? "one person" : `${report.people} people`}; ${report.preparationSeconds.toFixed(1)} s before for keys and sign-ins\n`,
		`processor time of this program: ${cpu.msPerJourney.toFixed(1)} ms per journey\n\n`,
		row("step", "count", "p50 ms", "p95 ms", "max ms"),
		...steps.map((one) => row(one.step, String(one.count), ...[one.p50, one.p95, one.max].map((ms) => ms.toFixed(1)))),
	];
	if (failures.length > 0) lines.push("\nfailures\n", ...failures.map(asFailure));
	return lines.join("");
}

const asFailure = ({ code, count, example }: LoadReport["failures"][number]): string =>
	`  ${String(count).padStart(6)}  ${code}  (${example})\n`;

/**
 * Whoever read our output may be gone: a closed terminal, a logger that died. That ends nothing, and is told nowhere: a
 * handler of uncaught errors that logs would only meet the next one, for ever.
 */
export function outliveReaders(): void {
	for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
}

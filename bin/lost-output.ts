/**
 * Whoever read our output may be gone: a logger that died, say. That ends nothing, and is told nowhere: a handler of
 * uncaught errors that logs would only meet the next one, for ever.
 */
export function outliveReaders(): void {
	for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
}

/** What the operating system says of a file: its words are the reason to tell, where anything else is a fault of ours. */

export function isFileError(error: unknown): error is Error {
	return typeof error === "object" && error !== null && "syscall" in error && "message" in error;
}

/** What a command writes while a test runs, kept instead of shown. */
import { afterEach, beforeEach, jest } from "@jest/globals";

export interface Captured {
	out: string;
	err: string;
}

/** To be called where tests are described: empty before each of them. */
export function captured(): Captured {
	const written: Captured = { out: "", err: "" };
	const into = (name: keyof Captured) => (text: unknown) => {
		written[name] += String(text);
		return true;
	};
	beforeEach(() => {
		Object.assign(written, { out: "", err: "" });
		jest.spyOn(process.stdout, "write").mockImplementation(into("out"));
		jest.spyOn(process.stderr, "write").mockImplementation(into("err"));
	});
	afterEach(() => {
		jest.restoreAllMocks();
	});
	return written;
}

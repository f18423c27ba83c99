/** An operator's desk: a database, the certificates in a folder, and commands that are typed there. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { jest } from "@jest/globals";
import type { Store } from "../../lib/ports.ts";
import { temporaryDatabase } from "./database.ts";
import { type SoftwareKeys, softwareKeys } from "./software-keys.ts";

export interface Answer {
	code: number;
	out: string;
	err: string;
}
type Run = (args: readonly string[]) => Promise<number>;

export interface OperatorDesk {
	keys: SoftwareKeys;
	store: Store;
	/** Where files may lie. */
	folder: string;
	/** In this process, with the desk's environment and nothing else of ours. */
	type(run: Run, ...args: string[]): Promise<Answer>;
	/** With more in it. */
	typeWith(env: Record<string, string>, run: Run, ...args: string[]): Promise<Answer>;
	leave(): Promise<void>;
}

export async function operatorDesk(): Promise<OperatorDesk> {
	const [database, keys] = await Promise.all([temporaryDatabase(), softwareKeys()]);
	const folder = dirname(database.file);
	mkdirSync(join(folder, "certs"));
	for (const role of ["root", "ca", "ra", "profile"] as const) {
		writeFileSync(join(folder, "certs", `${role}.pem`), keys.authorities[role]);
	}
	const env = { OTA_DATA_DIR: folder, OTA_ORGANIZATION: "Example" };
	return {
		keys,
		store: database.store,
		folder,
		type: (run, ...args) => typed(run, args, env),
		typeWith: (more, run, ...args) => typed(run, args, { ...env, ...more }),
		leave: () => database.remove(),
	};
}

const ours = /^(OTA_|OIDC_|NEXTAUTH_|DATABASE_URL$|PORT$)/;

export async function typed(run: Run, args: readonly string[], env: Record<string, string>): Promise<Answer> {
	const answer: Answer = { code: -1, out: "", err: "" };
	const former = process.env;
	const others = Object.entries(former).filter(([name]) => !ours.test(name));
	process.env = { ...Object.fromEntries(others), NODE_ENV: "test", ...env };
	const written = (name: "out" | "err") => (text: unknown) => {
		// What Node itself has to say is not the command's.
		if (!/^\((?:node:\d+\)|Use `node)/.test(String(text))) answer[name] += String(text);
		return true;
	};
	const mocks = [
		jest.spyOn(process.stdout, "write").mockImplementation(written("out")),
		jest.spyOn(process.stderr, "write").mockImplementation(written("err")),
	];
	try {
		answer.code = await run(args);
	} finally {
		for (const mock of mocks) mock.mockRestore();
		process.env = former;
	}
	return answer;
}

/**
 * RSA-2048 signatures and unwraps and P-256 signatures per second (`npm run bench -- keys`): through the agent, by pkcs11js in
 * process, and from C where there is a compiler. The token is the same for all, so the ratios say what each way adds to it. Of
 * the way through the agent also what it costs the web process: processor time per call, and delays of its event loop.
 */
import { execFile, execFileSync } from "node:child_process";
import {
	constants,
	createHash,
	createPublicKey,
	type KeyObject,
	publicEncrypt,
	randomBytes,
	verify,
} from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { selfSigned } from "../harness/certificate.ts";
import { childrenOf } from "../harness/processes.ts";
import { root } from "../harness/server.ts";
import { makeKeys, makeToken, startAgent, type TestAgent, type TestToken } from "../harness/token.ts";
import { costOf } from "./cpu.ts";
import { isQuick, median, progress, Report } from "./report.ts";

type Operation = "sign" | "unwrap" | "ecdsa";
interface Result {
	count: number;
	wall: number;
	cpu: number;
	output: string;
	/** Through the agent: the caller's part of `cpu`, and its event loop's delay (99 of 100 turns), milliseconds. */
	web?: { cpu: number; loopP99: number };
}
interface Way {
	name: string;
	run(operation: Operation): Promise<Result>;
}

const run = promisify(execFile);
const report = new Report("keys");
const cores = availableParallelism();
const milliseconds = isQuick ? 300 : 1_500;
const rounds = isQuick ? 1 : 3;
const message = randomBytes(800);
const contentKey = randomBytes(16);
let dir: string;
let token: TestToken;
let agent: TestAgent;
let publicKey: KeyObject;
let ecKey: KeyObject;
let compiled: string | null;

beforeAll(async () => {
	dir = await mkdtemp(join(tmpdir(), "ota-keys-"));
	token = await makeToken(dir);
	const { ra } = await makeKeys(token);
	publicKey = createPublicKey({ key: Buffer.from(ra), format: "der", type: "spki" });
	const ec = String(await token.must({ do: "ec", label: "ec", curve: "P-256", usage: "profile" }));
	ecKey = createPublicKey({ key: Buffer.from(ec, "hex"), format: "der", type: "spki" });
	const certificate = await selfSigned(token, "ra", ra);
	const roles = { ra: { certificate }, profile: { object: "ec" } };
	agent = await startAgent({ dir, token, roles, sessions: Math.max(4, 2 * cores) });
	compiled = compile(join(dir, "token"));
});
afterAll(async () => {
	report.write();
	await agent?.stop();
	await rm(dir, { recursive: true, force: true });
});

/** The C program, or null (and why) where it cannot be made. */
function compile(target: string): string | null {
	for (const compiler of ["cc", "gcc", "clang"]) {
		try {
			const source = join(root, "test/bench/token.c");
			execFileSync(compiler, ["-O2", "-o", target, source, "-ldl", "-lpthread"], { stdio: "pipe" });
			return target;
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
			throw error;
		}
	}
	report.note("keys: nothing from C, for there is no compiler (cc, gcc, clang)");
	return null;
}

/** What the token is asked: an EC key signs the digest, an RSA key its DigestInfo (RFC 8017 section 9.2). */
function tokenInput(operation: Operation): string {
	if (operation === "unwrap") return wrapped();
	const digest = createHash("sha256").update(message).digest("hex");
	return operation === "ecdsa" ? digest : `3031300d060960864801650304020105000420${digest}`;
}

const keyOf = (operation: Operation): string => (operation === "ecdsa" ? "ec" : "ra");

const wrapped = () =>
	publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, contentKey).toString("hex");

function throughAgent(inFlight: number): Way {
	return {
		name: `agent, ${inFlight} in flight`,
		async run(operation) {
			const input = operation === "unwrap" ? wrapped() : message.toString("hex");
			const asked = { way: "agent", operation, milliseconds, inFlight, input, address: agent.address };
			const pid = childrenOf(process.pid).find(({ command }) => command.includes("agent-process.mjs"))?.pid ?? 0;
			let result: Result | undefined;
			const { cpu } = await costOf({ agent: pid }, async () => {
				result = await operations(asked);
			});
			const { count, wall, cpu: client, output, loopP99 } = result as Result & { loopP99: number };
			// The agent was also busy while the client warmed up, for a tenth of the time.
			return { count, wall, output, cpu: client + (cpu.agent ?? 0) / 1.1, web: { cpu: client, loopP99 } };
		},
	};
}

const inProcess: Way = {
	name: "pkcs11js, 1 session",
	run(operation) {
		const { modulePath, label, pinFile } = token;
		const where = { modulePath, label, pinFile, object: keyOf(operation) };
		return operations({ way: "pkcs11js", operation, milliseconds, input: tokenInput(operation), ...where });
	},
};

async function operations(asked: object): Promise<Result> {
	const program = join(root, "test/bench/token-operations.mjs");
	const env = { ...process.env, ...token.env, NODE_OPTIONS: "" };
	const { stdout } = await run(process.execPath, [program, JSON.stringify(asked)], { env });
	return JSON.parse(stdout);
}

function fromC(program: string, threads: number): Way {
	return {
		name: `C, ${threads} ${threads === 1 ? "thread" : "threads"}`,
		async run(operation) {
			const { modulePath, pinFile, label } = token;
			const what = [keyOf(operation), operation, tokenInput(operation)];
			const args = [modulePath, pinFile, label, ...what, String(threads), String(milliseconds)];
			const { stdout } = await run(program, args, { env: { ...process.env, ...token.env } });
			const [count, wall, cpu, output = ""] = stdout.trim().split(" ");
			return { count: Number(count), wall: Number(wall), cpu: Number(cpu), output };
		},
	};
}

/** Whoever is quick must also be right. */
function judge(operation: Operation, { output, web }: Result): void {
	const bytes = Buffer.from(output, "hex");
	if (operation === "ecdsa") {
		// The agent answers DER, the token r || s.
		const key = { key: ecKey, dsaEncoding: web ? ("der" as const) : ("ieee-p1363" as const) };
		expect(verify("sha256", message, key, bytes)).toBe(true);
		return;
	}
	if (operation === "sign") expect(verify("sha256", message, publicKey, bytes)).toBe(true);
	else expect(bytes.subarray(-contentKey.length)).toEqual(contentKey);
}

describe.each([
	["RSA-2048 sign", "sign"],
	["RSA-2048 unwrap", "unwrap"],
	["P-256 sign", "ecdsa"],
] as const)("%s", (title, operation) => {
	it("each way in turn", async () => {
		const ways = [throughAgent(1), throughAgent(8), throughAgent(64), inProcess];
		if (compiled) ways.push(fromC(compiled, 1), ...(cores > 1 ? [fromC(compiled, cores)] : []));
		const results = new Map<Way, Result[]>(ways.map((way) => [way, []]));
		for (let round = 0; round < rounds; round++) {
			for (const way of ways) {
				const result = await way.run(operation);
				judge(operation, result);
				results.get(way)?.push(result);
			}
		}
		tell(title, results);
	}, 300_000);
});

function tell(operation: string, results: ReadonlyMap<Way, readonly Result[]>): void {
	const rate = (all: readonly Result[] = []) => median(all.map(({ count, wall }) => (count * 1000) / wall));
	const baseline = (name: string) => rate([...results].find(([way]) => way.name === name)?.[1]);
	const fromAll = `C, ${cores} threads`;
	for (const [way, all] of results) {
		const web = all.flatMap((result) => (result.web ? [{ ...result.web, count: result.count }] : []));
		const row = {
			operation,
			way: way.name,
			"per second": rate(all),
			"CPU ms": median(all.map(({ count, cpu }) => cpu / count)),
			"web CPU us": web.length > 0 ? median(web.map(({ count, cpu }) => (cpu * 1000) / count)) : null,
			"web loop p99 ms": web.length > 0 ? median(web.map(({ loopP99 }) => loopP99)) : null,
			"of pkcs11js": rate(all) / baseline(inProcess.name),
			"of C, 1 thread": compiled ? rate(all) / baseline("C, 1 thread") : null,
			[`of ${fromAll}`]: compiled && cores > 1 ? rate(all) / baseline(fromAll) : null,
		};
		report.row("Key operations", row);
		progress(`${operation}, ${way.name}: ${row["per second"].toFixed(0)} per second`);
	}
	report.keep(operation, Object.fromEntries([...results].map(([way, all]) => [way.name, all])));
}

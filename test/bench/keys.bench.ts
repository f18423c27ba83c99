/**
 * RSA-2048 signatures and unwraps per second (`npm run bench -- keys`): through the agent, by pkcs11js in process, and from
 * C where there is a compiler. The token is the same for all, so the ratios say what each way adds to it.
 */
import { execFile, execFileSync } from "node:child_process";
import { constants, createHash, createPublicKey, publicEncrypt, randomBytes, verify } from "node:crypto";
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

type Operation = "sign" | "unwrap";
interface Result {
	count: number;
	wall: number;
	cpu: number;
	output: string;
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
let publicKey: ReturnType<typeof createPublicKey>;
let compiled: string | null;

beforeAll(async () => {
	dir = await mkdtemp(join(tmpdir(), "ota-keys-"));
	token = await makeToken(dir);
	const { ra } = await makeKeys(token);
	publicKey = createPublicKey({ key: Buffer.from(ra), format: "der", type: "spki" });
	const certificate = await selfSigned(token, "ra", ra);
	agent = await startAgent({ dir, token, roles: { ra: { certificate } }, sessions: Math.max(4, 2 * cores) });
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

/** What PKCS#11 signs: the DigestInfo of the message (RFC 8017 section 9.2). */
function digestInfo(): string {
	return `3031300d060960864801650304020105000420${createHash("sha256").update(message).digest("hex")}`;
}

const wrapped = () =>
	publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, contentKey).toString("hex");

function throughAgent(inFlight: number): Way {
	return {
		name: `agent, ${inFlight} in flight`,
		async run(operation) {
			const input = operation === "sign" ? message.toString("hex") : wrapped();
			const asked = { way: "agent", operation, milliseconds, inFlight, input, address: agent.address };
			const pid = childrenOf(process.pid).find(({ command }) => command.includes("agent-process.mjs"))?.pid ?? 0;
			let result: Result | undefined;
			const { cpu } = await costOf({ agent: pid }, async () => {
				result = await operations(asked);
			});
			const { count, wall, cpu: client, output } = result as Result;
			// The agent was also busy while the client warmed up, for a tenth of the time.
			return { count, wall, output, cpu: client + (cpu.agent ?? 0) / 1.1 };
		},
	};
}

const inProcess: Way = {
	name: "pkcs11js, 1 session",
	run(operation) {
		const input = operation === "sign" ? digestInfo() : wrapped();
		const { modulePath, label, pinFile } = token;
		return operations({ way: "pkcs11js", operation, milliseconds, input, modulePath, label, pinFile, object: "ra" });
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
			const input = operation === "sign" ? digestInfo() : wrapped();
			const { modulePath, pinFile, label } = token;
			const args = [modulePath, pinFile, label, "ra", operation, input, String(threads), String(milliseconds)];
			const { stdout } = await run(program, args, { env: { ...process.env, ...token.env } });
			const [count, wall, cpu, output = ""] = stdout.trim().split(" ");
			return { count: Number(count), wall: Number(wall), cpu: Number(cpu), output };
		},
	};
}

/** Whoever is quick must also be right. */
function judge(operation: Operation, { output }: Result): void {
	const bytes = Buffer.from(output, "hex");
	if (operation === "sign") expect(verify("sha256", message, publicKey, bytes)).toBe(true);
	else expect(bytes.subarray(-contentKey.length)).toEqual(contentKey);
}

describe.each(["sign", "unwrap"] as const)("RSA-2048: %s", (operation) => {
	it("each way in turn", async () => {
		const ways = [throughAgent(1), throughAgent(8), inProcess];
		if (compiled) ways.push(fromC(compiled, 1), ...(cores > 1 ? [fromC(compiled, cores)] : []));
		const results = new Map<Way, Result[]>(ways.map((way) => [way, []]));
		for (let round = 0; round < rounds; round++) {
			for (const way of ways) {
				const result = await way.run(operation);
				judge(operation, result);
				results.get(way)?.push(result);
			}
		}
		tell(operation, results);
	}, 300_000);
});

function tell(operation: Operation, results: ReadonlyMap<Way, readonly Result[]>): void {
	const rate = (all: readonly Result[] = []) => median(all.map(({ count, wall }) => (count * 1000) / wall));
	const baseline = (name: string) => rate([...results].find(([way]) => way.name === name)?.[1]);
	for (const [way, all] of results) {
		const row = {
			operation,
			way: way.name,
			"per second": rate(all),
			"CPU ms": median(all.map(({ count, cpu }) => cpu / count)),
			"of pkcs11js": rate(all) / baseline(inProcess.name),
			"of C, 1 thread": compiled ? rate(all) / baseline("C, 1 thread") : null,
		};
		report.row("Key operations, RSA-2048", row);
		progress(`${operation}, ${way.name}: ${row["per second"].toFixed(0)} per second`);
	}
	report.keep(operation, Object.fromEntries([...results].map(([way, all]) => [way.name, all])));
}

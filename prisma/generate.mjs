/**
 * Writes one Prisma schema (its head and the models) and one client for each provider, into prisma/generated/.
 * Does nothing when they are as the sources say. Plain JavaScript: the build needs its output.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const generated = join(here, "generated");
const stamp = join(generated, ".stamp");
const prisma = dirname(createRequire(import.meta.url).resolve("prisma/package.json"));

const models = readFileSync(join(here, "models.prisma"), "utf8");
const schemas = Object.fromEntries(
	["sqlite", "postgresql"].map((provider) => [
		provider,
		`${readFileSync(join(here, `${provider}.prisma`), "utf8")}\n${models}`,
	]),
);
const wanted = createHash("sha256")
	.update(readFileSync(join(prisma, "package.json")))
	.update(readFileSync(fileURLToPath(import.meta.url)))
	.update(JSON.stringify(schemas))
	.digest("hex");

if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
	rmSync(generated, { recursive: true, force: true });
	mkdirSync(generated, { recursive: true });
	for (const [provider, schema] of Object.entries(schemas)) {
		const path = join(generated, `${provider}.prisma`);
		writeFileSync(path, schema);
		const status = generateClient(path);
		if (status !== 0) process.exit(status ?? 1);
	}
	writeFileSync(stamp, wanted);
}

/** The CLI wants to download a schema engine that `generate` never calls: it is given one that does nothing. */
function generateClient(schema) {
	const engine = ["/bin/true", "/usr/bin/true"].find((path) => existsSync(path));
	const run = spawnSync(process.execPath, [join(prisma, "build", "index.js"), "generate", "--schema", schema], {
		cwd: dirname(here),
		env: {
			PRISMA_SCHEMA_ENGINE_BINARY: engine,
			PRISMA_HIDE_UPDATE_MESSAGE: "1",
			CHECKPOINT_DISABLE: "1",
			...process.env,
		},
		encoding: "utf8",
	});
	if (run.status !== 0) process.stderr.write(`${run.stdout}${run.stderr}`);
	return run.status;
}

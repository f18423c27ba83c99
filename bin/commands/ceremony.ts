/**
 * `ota ceremony`: makes the embedded SoftHSM token, generates the five keys inside it, and writes the four certificates
 * with the transcript. It never overwrites, and a ceremony that was cut short leaves nothing that counts.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { access, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import {
	findSoftHsmModule,
	initToken,
	type KeyUsage,
	openToken,
	type Token,
	type TokenKey,
	writeSoftHsmConfig,
} from "../../hsm/index.ts";
import {
	type CeremonyInput,
	type CeremonyKey,
	type CeremonyResult,
	type KeyRecord,
	runCeremony,
} from "../../lib/ca/ceremony.ts";
import { checkOrganization } from "../../lib/ca/ceremony-name.ts";
import { readConfig } from "../../lib/config.ts";
import { OtaError } from "../../lib/errors.ts";
import type { Clock, Random } from "../../lib/ports.ts";

/** Labels of the five keys, and of the token that holds them: the default key URIs name these. */
export const tokenLabel = "ota";
export const keyLabels = {
	root: "root-ca",
	ca: "issuing-ca",
	ra: "scep-ra",
	profile: "profile-signing",
	seal: "seal",
} as const;

export type CaKey = "rsa-2048" | "p-256";

export interface CeremonyOptions {
	/** State of the embedded defaults; made when absent. */
	dataDir: string;
	organization: string;
	/** Kind of the issuing CA's key, rsa-2048 unless told. */
	caKey?: CaKey;
	/** One line of progress. */
	log(line: string): void;
	clock?: Clock;
	random?: Random;
}

/** What a ceremony leaves in the data directory; certs comes last, so that its presence says that all is there. */
const products = ["tokens", "pin", "softhsm2.conf", "certs"] as const;
const transcriptName = "transcript.txt";
const usage = "usage: ota ceremony [--data-dir DIR] [--organization NAME] [--ca-key rsa-2048|p-256]\n";

/** The command; answers the exit code. The transcript goes to stdout, progress and refusals to stderr. */
export async function run(args: readonly string[]): Promise<number> {
	try {
		const options = readArguments(args);
		if (options === null) {
			process.stderr.write(usage);
			return 2;
		}
		process.stdout.write(await ceremony({ ...options, log: (line) => process.stderr.write(`${line}\n`) }));
		return 0;
	} catch (error) {
		if (!(error instanceof OtaError)) throw error;
		process.stderr.write(`${error.message}\n`);
		return 1;
	}
}

/** Flags, then the environment, then the defaults; null when the flags are not understood. */
function readArguments(args: readonly string[]): Omit<CeremonyOptions, "log"> | null {
	const values = parseFlags(args);
	const caKey = values?.["ca-key"] ?? "rsa-2048";
	if (values === null || (caKey !== "rsa-2048" && caKey !== "p-256")) return null;
	const config = readConfig(process.env, (path) => readFileSync(path, "utf8"), "command");
	return {
		dataDir: values["data-dir"] ?? config.dataDir,
		organization: values.organization ?? config.organization,
		caKey,
	};
}

function parseFlags(args: readonly string[]) {
	const flag = { type: "string" } as const;
	try {
		return parseArgs({ args: [...args], options: { "data-dir": flag, organization: flag, "ca-key": flag } }).values;
	} catch {
		return null;
	}
}

/**
 * Holds the ceremony in `dataDir` and answers its transcript. Everything is made in a staging directory and moved into
 * place at the end. It must be the first use of PKCS#11 in its process: SoftHSM reads SOFTHSM2_CONF once.
 * Errors: `conflict` when there is something that it would overwrite, `config` for the organization or a missing SoftHSMv2.
 */
export async function ceremony(options: CeremonyOptions): Promise<string> {
	const dataDir = resolve(options.dataDir);
	checkOrganization(options.organization);
	await mkdir(dataDir, { recursive: true, mode: 0o700 });
	const staging = join(dataDir, "ceremony");
	if (await exists(join(staging, "certs"))) {
		options.log("Finishing a ceremony that was interrupted.");
		return settle(staging, dataDir);
	}
	await refuseToOverwrite(dataDir);
	// Without its certificates nothing in there was ever handed out.
	await rm(staging, { recursive: true, force: true });
	await mkdir(staging, { mode: 0o700 });
	try {
		await hold(staging, options);
	} catch (error) {
		await rm(staging, { recursive: true, force: true });
		throw error;
	}
	const text = await settle(staging, dataDir);
	options.log(`The certificates and the transcript are in ${join(options.dataDir, "certs")}.`);
	return text;
}

async function refuseToOverwrite(dataDir: string): Promise<void> {
	const present = [];
	for (const name of products) if (await exists(join(dataDir, name))) present.push(name);
	if (present.length === 0) return;
	throw new OtaError(
		"conflict",
		`There are keys or certificates in ${dataDir} already (${present.join(", ")}). A ceremony never overwrites: move them away first, or choose another --data-dir.`,
	);
}

/** Makes the token, the keys, the certificates, all in `staging`; `certs` appears last, whole. */
async function hold(staging: string, options: CeremonyOptions): Promise<void> {
	const token = await makeToken(staging, options.log);
	try {
		const keys = await generateKeys(token, options);
		options.log("Signing root, issuing CA, RA and profile-signing certificates...");
		const result = await runCeremony({
			organization: options.organization,
			operator: `${userInfo().username}@${hostname()}`,
			token: `${tokenLabel} (SoftHSMv2)`,
			keys,
			clock: options.clock ?? (() => new Date()),
			random: options.random ?? randomBytes,
		});
		await writeCertificates(staging, result);
	} finally {
		await token.close();
	}
}

/** An empty token under a random PIN. The security officer's PIN is forgotten: nobody resets the PIN of these keys. */
async function makeToken(staging: string, log: CeremonyOptions["log"]): Promise<Token> {
	const modulePath = await findSoftHsmModule();
	if (modulePath === null) {
		throw new OtaError(
			"config",
			"SoftHSMv2 is not installed. Type: sudo apt-get install softhsm2 (Debian, Ubuntu) or brew install softhsm (macOS).",
		);
	}
	log("Making the token...");
	const configuration = join(staging, "softhsm2.conf");
	await writeSoftHsmConfig(configuration, join(staging, "tokens"));
	process.env.SOFTHSM2_CONF = configuration;
	const pin = randomBytes(16).toString("hex");
	await writeFile(join(staging, "pin"), `${pin}\n`, { mode: 0o600, flag: "wx" });
	await initToken({ modulePath, label: tokenLabel, pin, soPin: randomBytes(16).toString("hex") });
	return openToken({ modulePath, tokenLabel, pin });
}

async function generateKeys(token: Token, options: CeremonyOptions): Promise<CeremonyInput["keys"]> {
	const publicKeys = {
		root: await generate(token, "root", options),
		ca: await generate(token, "ca", options),
		ra: await generate(token, "ra", options),
		profile: await generate(token, "profile", options),
	};
	options.log(`Generating ${keyLabels.seal} (AES-256) inside the token...`);
	await token.generateSealKey({ label: keyLabels.seal });
	const listed = await token.list();
	const signer = (role: keyof typeof publicKeys): CeremonyKey => ({
		...keyRecord(listed, keyLabels[role]),
		publicKey: publicKeys[role],
		sign: (hash, message) => token.sign(keyLabels[role], hash, message),
	});
	return {
		root: signer("root"),
		ca: signer("ca"),
		ra: signer("ra"),
		profile: signer("profile"),
		seal: keyRecord(listed, keyLabels.seal),
	};
}

/** Answers the SubjectPublicKeyInfo. */
async function generate(token: Token, role: KeyUsage, options: CeremonyOptions): Promise<Uint8Array> {
	const label = keyLabels[role];
	if (role === "ca" && options.caKey === "p-256") {
		options.log(`Generating ${label} (P-256) inside the token...`);
		return token.generateEc({ label, curve: "P-256", usage: role });
	}
	options.log(`Generating ${label} (RSA-2048) inside the token...`);
	return token.generateRsa({ label, bits: 2048, usage: role });
}

/** What the token tells of its private (or secret) key of that label. */
function keyRecord(listed: readonly TokenKey[], label: string): KeyRecord {
	const found = listed.filter((key) => key.label === label && key.class !== "public");
	const [key] = found;
	if (!key || found.length !== 1) {
		throw new OtaError("hsm_refused", `The token holds ${found.length} keys with the label ${label} instead of one.`);
	}
	return { label, attributes: { class: key.class, type: key.type, CKA_ID: key.id } };
}

async function writeCertificates(staging: string, result: CeremonyResult): Promise<void> {
	const unfinished = join(staging, "certs.unfinished");
	await mkdir(unfinished);
	for (const role of ["root", "ca", "ra", "profile"] as const) {
		await writeFile(join(unfinished, `${role}.pem`), result[role], { flush: true });
	}
	await writeFile(join(unfinished, transcriptName), result.transcript, { flush: true });
	await rename(unfinished, join(staging, "certs"));
}

/** Moves a finished ceremony into place, and can be begun again wherever it was interrupted; certs go last. */
async function settle(staging: string, dataDir: string): Promise<string> {
	for (const name of ["tokens", "pin"]) {
		if (await exists(join(staging, name))) await rename(join(staging, name), join(dataDir, name));
	}
	const configuration = join(dataDir, "softhsm2.conf");
	await writeSoftHsmConfig(configuration, join(dataDir, "tokens"));
	process.env.SOFTHSM2_CONF = configuration;
	await rename(join(staging, "certs"), join(dataDir, "certs"));
	await rm(staging, { recursive: true, force: true });
	return readFile(join(dataDir, "certs", transcriptName), "utf8");
}

async function exists(path: string): Promise<boolean> {
	return access(path).then(
		() => true,
		() => false,
	);
}

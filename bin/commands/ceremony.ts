/**
 * `ota ceremony`: makes the embedded SoftHSM token, generates the six keys inside it, and writes the five certificates
 * with the transcript. It never overwrites, and a ceremony that was cut short leaves nothing that counts. `--plan` holds
 * one on the operator's own tokens, by a reviewed file; `verify` holds a transcript against what is there.
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
	writeSoftHsmConfig,
} from "../../hsm/index.ts";
import { type CeremonyInput, type CeremonyResult, runCeremony } from "../../lib/ca/ceremony.ts";
import { checkOrganization } from "../../lib/ca/ceremony-name.ts";
import { readConfig } from "../../lib/config.ts";
import { ConfigError, OtaError } from "../../lib/errors.ts";
import type { Clock, Random } from "../../lib/ports.ts";
import { keyLabels, tokenLabel } from "../ceremony-labels.ts";
import { planCeremony } from "../ceremony-plan.ts";
import { verifyCeremony } from "../ceremony-verify.ts";
import { ceremonyKey, keyOf, keyRecord, stoppingFaults } from "../key-record.ts";

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
const usage = `usage: ota ceremony [--data-dir DIR] [--organization NAME] [--ca-key rsa-2048|p-256]
       ota ceremony --plan FILE [--certificate FILE]
       ota ceremony verify TRANSCRIPT [--token URI]... [--certs DIR]

Without --plan: a SoftHSM token in the data directory. With it: the keys, subjects and lifetimes of a reviewed JSON file
(hsm/README.md) on your own tokens; under a root that is kept elsewhere it writes the issuing CA's request and stops, and
goes on with the certificate that --certificate names. verify: is everything still as the transcript of a ceremony, or of
ota keys rotate, says?
`;

/** The command; answers the exit code. The transcript goes to stdout, progress and refusals to stderr. */
export async function run(args: readonly string[]): Promise<number> {
	const log = (line: string) => process.stderr.write(`${line}\n`);
	try {
		if (args[0] === "verify") return await verifyCeremony(args.slice(1), usage);
		const options = readArguments(args);
		if (options === null) {
			process.stderr.write(usage);
			return 2;
		}
		const { plan, certificate } = options;
		process.stdout.write(plan ? await planCeremony({ plan, certificate, log }) : await ceremony({ ...options, log }));
		return 0;
	} catch (error) {
		if (!(error instanceof OtaError)) throw error;
		log(error.message);
		return 1;
	}
}

interface Arguments extends Omit<CeremonyOptions, "log"> {
	/** Files. */
	plan?: string;
	certificate?: string;
}

/** Flags, then the environment, then the defaults; null when the flags are not understood. */
function readArguments(args: readonly string[]): Arguments | null {
	const values = parseFlags(args);
	const caKey = values?.["ca-key"] ?? "rsa-2048";
	if (values === null || (caKey !== "rsa-2048" && caKey !== "p-256")) return null;
	const { plan, certificate } = values;
	// A plan says all of these itself, and a certificate belongs to a plan.
	const own = [values.organization, values["ca-key"], values["data-dir"]].some((value) => value !== undefined);
	if (plan === undefined ? certificate !== undefined : own) return null;
	const config = readConfig(process.env, (path) => readFileSync(path, "utf8"), "command");
	return {
		dataDir: values["data-dir"] ?? config.dataDir,
		organization: values.organization ?? config.organization,
		caKey,
		...(plan !== undefined && { plan }),
		...(certificate !== undefined && { certificate }),
	};
}

function parseFlags(args: readonly string[]) {
	const flag = { type: "string" } as const;
	try {
		const options = { "data-dir": flag, organization: flag, "ca-key": flag, plan: flag, certificate: flag };
		return parseArgs({ args: [...args], options }).values;
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
		options.log("Signing root, issuing CA, RA, profile-signing and OCSP certificates...");
		const result = await runCeremony({
			organization: options.organization,
			operator: `${userInfo().username}@${hostname()}`,
			token: `${token.label} (serial ${token.serial})`,
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
	for (const role of ["root", "ca", "ra", "profile", "ocsp"] as const) await generate(token, role, options);
	options.log(`Generating ${keyLabels.seal} (AES-256) inside the token...`);
	await token.generateSealKey({ label: keyLabels.seal });
	const made = await token.describe();
	const faults = (Object.keys(keyLabels) as (keyof typeof keyLabels)[]).flatMap((role) =>
		stoppingFaults(keyOf(made, keyLabels[role]), role, options),
	);
	if (faults.length > 0) throw new ConfigError(faults);
	return {
		root: await ceremonyKey(token, keyLabels.root),
		ca: await ceremonyKey(token, keyLabels.ca),
		ra: await ceremonyKey(token, keyLabels.ra),
		profile: await ceremonyKey(token, keyLabels.profile),
		ocsp: await ceremonyKey(token, keyLabels.ocsp),
		seal: keyRecord(keyOf(made, keyLabels.seal)),
	};
}

async function generate(token: Token, role: KeyUsage, options: CeremonyOptions): Promise<Uint8Array> {
	const label = keyLabels[role];
	// The responder's signatures are the ones that its issuer's certificates already made readers know.
	if ((role === "ca" || role === "ocsp") && options.caKey === "p-256") {
		options.log(`Generating ${label} (P-256) inside the token...`);
		return token.generateEc({ label, curve: "P-256", usage: role });
	}
	options.log(`Generating ${label} (RSA-2048) inside the token...`);
	return token.generateRsa({ label, bits: 2048, usage: role });
}

async function writeCertificates(staging: string, result: CeremonyResult): Promise<void> {
	const unfinished = join(staging, "certs.unfinished");
	await mkdir(unfinished);
	for (const role of ["root", "ca", "ra", "profile", "ocsp"] as const) {
		const pem = result[role];
		if (pem !== undefined) await writeFile(join(unfinished, `${role}.pem`), pem, { flush: true });
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

/** `ota ceremony verify`: is everything still as the transcript says, on the tokens and in the certificates? */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Pkcs11Uri } from "../hsm/index.ts";
import { compareCeremony, type FoundKey } from "../lib/ca/ceremony-compare.ts";
import { type RecordedCeremony, readTranscript } from "../lib/ca/ceremony-reading.ts";
import { readConfig } from "../lib/config.ts";
import { OtaError } from "../lib/errors.ts";
import { keyRecord } from "./key-record.ts";
import { configuredKeys, nameSoftHsmConfiguration, tokenPart, tokenUri, withTokens } from "./role-keys.ts";

/** Answers the exit code: 1 when something is not as the transcript says. */
export async function verifyCeremony(args: readonly string[], usage: string): Promise<number> {
	const flags = readFlags(args);
	if (flags === null) {
		process.stderr.write(usage);
		return 2;
	}
	const recorded = readTranscript(readText(flags.transcript));
	const folder = resolve(flags.certs ?? dirname(flags.transcript));
	const { differences, lacks } = compareCeremony(recorded, await findKeys(await tokensOf(flags.tokens)), (file) =>
		readCertificate(folder, file),
	);
	for (const lack of lacks) process.stderr.write(`The transcript does not say: ${lack}\n`);
	for (const difference of differences) process.stdout.write(`${difference}\n`);
	if (differences.length > 0) return 1;
	process.stdout.write(summary(recorded));
	return 0;
}

function readFlags(args: readonly string[]) {
	try {
		const { values, positionals } = parseArgs({
			args: [...args],
			options: { token: { type: "string", multiple: true }, certs: { type: "string" } },
			allowPositionals: true,
		});
		const [transcript, more] = positionals;
		if (transcript === undefined || more !== undefined) return null;
		return { transcript, tokens: values.token ?? [], certs: values.certs };
	} catch {
		return null;
	}
}

/** Those that were named, or else those of the configuration. */
async function tokensOf(named: readonly string[]): Promise<Pkcs11Uri[]> {
	const config = readConfig(process.env, (path) => readFileSync(path, "utf8"), "command");
	if (named.length > 0) return named.map(tokenUri);
	nameSoftHsmConfiguration(config);
	return Object.values(await configuredKeys(config));
}

function findKeys(uris: readonly Pkcs11Uri[]): Promise<FoundKey[]> {
	return withTokens(async (tokens) => {
		const distinct = new Map<string, Awaited<ReturnType<typeof tokens.open>>>();
		for (const uri of uris) {
			const token = await tokens.open(tokenPart(uri));
			distinct.set(`${token.label}|${token.serial}`, token);
		}
		const found: FoundKey[] = [];
		for (const token of distinct.values()) {
			for (const key of await token.describe()) found.push(keyRecord(key));
		}
		return found;
	});
}

function readCertificate(folder: string, file: string): X509Certificate | null {
	// The transcript names files beside it, nothing else.
	if (!/^[\w.-]+$/.test(file)) return null;
	try {
		return new X509Certificate(readFileSync(join(folder, file)));
	} catch {
		return null;
	}
}

function readText(file: string): string {
	try {
		return readFileSync(file, "utf8");
	} catch (cause) {
		throw new OtaError("config", `${file} cannot be read.`, { cause });
	}
}

function summary({ head, sections }: RecordedCeremony): string {
	const told = (name: string) => head.get(name) ?? "(not told)";
	const names = sections.map(({ title }) => title).join(", ");
	return `All is as the transcript says: ${names}.\nHeld at ${told("Held at")} by ${told("Held by")}, token ${told("Token")}.\n`;
}

/** `ota ceremony verify`: is everything still as the transcript says, on the tokens, in the certificates and in the configuration? */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Pkcs11Uri } from "../hsm/index.ts";
import { compareCeremony } from "../lib/ca/ceremony-compare.ts";
import type { Evidence, FoundKey } from "../lib/ca/ceremony-evidence.ts";
import { type RecordedCeremony, readTranscript } from "../lib/ca/ceremony-reading.ts";
import { rolesOf } from "../lib/ca/ceremony-shape.ts";
import { readNextCaPem } from "../lib/ca/next-ca.ts";
import { readConfig } from "../lib/config.ts";
import { OtaError } from "../lib/errors.ts";
import { isNamed, keyRecord } from "./key-record.ts";
import {
	certificateVariable,
	configuredKeys,
	namedCertificates,
	nameSoftHsmConfiguration,
	tokenPart,
	tokenUri,
	withTokens,
} from "./role-keys.ts";

/** Answers the exit code: 1 when something is not as the transcript says. */
export async function verifyCeremony(args: readonly string[], usage: string): Promise<number> {
	const flags = readFlags(args);
	if (flags === null) {
		process.stderr.write(usage);
		return 2;
	}
	const recorded = readTranscript(readText(flags.transcript));
	const evidence = await gather(flags.tokens, resolve(flags.certs ?? dirname(flags.transcript)));
	const differences = compareCeremony(recorded, evidence);
	for (const difference of differences) process.stdout.write(`${difference}\n`);
	if (differences.length > 0) return 1;
	for (const note of notes(recorded, evidence)) process.stdout.write(`${note}\n`);
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

/** Tokens that were named, or else those of the configuration, whose keys count then as well as its certificates. */
async function gather(named: readonly string[], folder: string): Promise<Evidence> {
	const config = readConfig(process.env, (path) => readFileSync(path, "utf8"), "command");
	const beside = {
		certificateOf: (file: string) => readCertificate(folder, file),
		messageOf: (file: string) => readMessage(folder, file),
	};
	if (named.length > 0) {
		// The data directory knows nothing of another token than its own.
		const certificates = namedCertificates(config, { isEmbeddedToo: false });
		return { ...beside, keys: await findKeys(named.map(tokenUri), {}), configured: { certificates, keys: [] } };
	}
	nameSoftHsmConfiguration(config);
	const uris = await configuredKeys(config);
	const configured = { certificates: namedCertificates(config), keys: Object.keys(uris) };
	return { ...beside, keys: await findKeys(Object.values(uris), uris), configured };
}

function findKeys(uris: readonly Pkcs11Uri[], roles: Readonly<Record<string, Pkcs11Uri>>): Promise<FoundKey[]> {
	return withTokens(async (tokens) => {
		const distinct = new Map<string, { token: Awaited<ReturnType<typeof tokens.open>>; uris: Pkcs11Uri[] }>();
		for (const uri of uris) {
			const token = await tokens.open(tokenPart(uri));
			const name = `${token.label}|${token.serial}`;
			distinct.set(name, { token, uris: [...(distinct.get(name)?.uris ?? []), uri] });
		}
		const found: FoundKey[] = [];
		for (const { token, uris: its } of distinct.values()) {
			for (const key of await token.describe()) {
				const named = Object.entries(roles).filter(([, uri]) => its.includes(uri) && isNamed(key, uri));
				const holder = `${token.label} (serial ${token.serial})`;
				found.push({ ...keyRecord(key), token: holder, roles: named.map(([role]) => role) });
			}
		}
		return found;
	});
}

function readCertificate(folder: string, file: string): X509Certificate | null {
	try {
		return new X509Certificate(readBeside(folder, file));
	} catch {
		return null;
	}
}

function readMessage(folder: string, file: string): Uint8Array | null {
	try {
		return readNextCaPem(readBeside(folder, file));
	} catch {
		return null;
	}
}

/** The transcript names files beside it, nothing else. */
function readBeside(folder: string, file: string): string {
	if (!/^[\w-][\w.-]*$/.test(file)) throw new OtaError("malformed", "no file of a transcript's");
	return readFileSync(join(folder, file), "utf8");
}

function readText(file: string): string {
	try {
		return readFileSync(file, "utf8");
	} catch (cause) {
		throw new OtaError("config", `${file} cannot be read.`, { cause });
	}
}

/** What the transcript's truth does not mean. */
function notes({ kind, sections }: RecordedCeremony, { certificateOf, configured }: Evidence): string[] {
	const { certificates, keys } = configured;
	const [section] = sections;
	const role = section && rolesOf[section.title];
	if (kind !== "ceremony" && role !== undefined && role !== "seal") {
		const file = section?.fields.get("File") ?? "";
		// A responder's by the CA before stands behind the other in one file.
		if (file.endsWith("-old.pem")) return [];
		const successor = certificateOf(file);
		const isUsed = successor && certificates[role]?.raw.equals(successor.raw);
		return isUsed ? [] : [`${certificateVariable(role)} is not this certificate: here nothing uses the successor.`];
	}
	// Whoever may write the certificates and use a key of the token could have made all of it under a root of their own.
	if (certificates.ca || certificates.root || keys.includes("ca")) return [];
	const root = certificateOf("root.pem")?.fingerprint256 ?? "(not there)";
	const words =
		"Nothing of the configuration says which CA is meant. Compare the root's SHA-256 with the one that you know";
	return [`${words}: ${root}`];
}

function summary({ head, sections }: RecordedCeremony): string {
	const told = (name: string) => head.get(name) ?? "(not told)";
	const names = sections.map(({ title }) => title).join(", ");
	return `All is as the transcript says: ${names}.\nHeld at ${told("Held at")} by ${told("Held by")}, token ${told("Token")}.\n`;
}

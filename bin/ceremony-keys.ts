/**
 * The keys of a planned ceremony: generated inside their tokens, or found there. The id of each is noted in ceremony.json
 * before it is made, its public half afterwards: going on later means the same keys or none.
 */
import { createHash, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AuditedRole, KeyDescription, Token } from "../hsm/index.ts";
import type { CeremonyInput, KeyRecord } from "../lib/ca/ceremony.ts";
import type { CeremonyPlan, PlannedKey } from "../lib/ca/ceremony-plan.ts";
import { ConfigError, OtaError } from "../lib/errors.ts";
import { generateKey } from "./generate-key.ts";
import { ceremonyKey, keyOf, keyRecord, stoppingFaults } from "./key-record.ts";
import { type OpenTokens, tokenUri } from "./role-keys.ts";

export type RoleKeys = CeremonyInput["keys"];

export interface KeysOptions {
	plan: CeremonyPlan;
	digest: string;
	output: string;
	tokens: OpenTokens;
	log(line: string): void;
}

/** What is noted of one key: CKA_ID and the SHA-256 of its public half (empty of the seal key), hex. Null: not made yet. */
interface Noted {
	id: string;
	publicKey: string | null;
}
interface Notes {
	plan: string;
	keys: Partial<Record<AuditedRole, Noted>>;
}

/**
 * `conflict` for a label that is taken, or a key that is another than the one noted; `config` with every fault of every key,
 * before any of them has signed.
 */
export async function plannedKeys(options: KeysOptions): Promise<RoleKeys> {
	const { plan } = options;
	// First of those that are there: then nothing was made yet, and the plan may still be changed.
	stopAt(await existingFaults(options), options);
	const notes = await readNotes(options);
	const prepare = (role: AuditedRole, key: PlannedKey) => prepareKey(role, key, notes, options);
	const root = "key" in plan.root ? await prepare("root", plan.root.key) : null;
	const ca = await prepare("ca", plan.ca.key);
	const ra = await prepare("ra", plan.ra.key);
	const profile = await prepare("profile", plan.profile.key);
	const ocsp = plan.ocsp && (await prepare("ocsp", plan.ocsp.key));
	const seal = await prepare("seal", plan.seal.key);
	stopAt(
		[root, ca, ra, profile, ocsp, seal].flatMap((prepared) => prepared?.faults ?? []),
		options,
	);
	return {
		root: root && (await pair(root)),
		ca: await pair(ca),
		ra: await pair(ra),
		profile: await pair(profile),
		ocsp: ocsp && (await pair(ocsp)),
		seal: { ...keyRecord(seal.key), ...seal.told },
	};
}

function stopAt(faults: readonly string[], { log }: KeysOptions): void {
	if (faults.length === 0) return;
	log("Nothing was signed. Such a key does not change: plan another one, or have the token set right.");
	throw new ConfigError(faults);
}

async function existingFaults({ plan, tokens }: KeysOptions): Promise<string[]> {
	const faults: string[] = [];
	for (const role of ["root", "ca", "ra", "profile", "ocsp", "seal"] as const) {
		const planned = plan[role];
		if (planned === null || !("key" in planned) || !planned.key.existing) continue;
		const { key } = planned;
		const token = await tokens.open(tokenUri(key.token ?? plan.token));
		const found = keyOf(await token.describe(), key.label);
		faults.push(...stoppingFaults(found, role, { isImported: key.imported, log: () => undefined }));
	}
	return faults;
}

interface Prepared {
	token: Token;
	key: KeyDescription;
	/** For the transcript. */
	told: Pick<KeyRecord, "token" | "origin">;
	/** What stops the ceremony. */
	faults: string[];
}

const pair = async ({ token, key, told }: Prepared) => ({ ...(await ceremonyKey(token, key.label)), ...told });

async function prepareKey(
	role: AuditedRole,
	planned: PlannedKey,
	notes: Notes,
	options: KeysOptions,
): Promise<Prepared> {
	const token = await options.tokens.open(tokenUri(planned.token ?? options.plan.token));
	const keys = await token.describe();
	const noted = notes.keys[role] ?? { id: randomBytes(20).toString("hex"), publicKey: null };
	const isMade = keys.some(({ label, id }) => label === planned.label && id === noted.id);
	if (noted.publicKey === null && !isMade && !planned.existing) {
		notes.keys[role] = noted;
		await writeNotes(options, notes);
		options.log(`Generating ${planned.label} (${planned.type}) inside the token ${token.label}...`);
		const id = Buffer.from(noted.id, "hex");
		await generateKey(token, { label: planned.label, id, role, type: planned.type });
	}
	const key = keyOf(await token.describe(), planned.label);
	if (noted.publicKey !== null && !isNoted(key, noted)) {
		throw new OtaError("conflict", `The key ${planned.label} is another than the one that this ceremony made.`);
	}
	if (key.type !== planned.type) {
		throw new OtaError("conflict", `The key ${planned.label} is ${key.type}, the plan says ${planned.type}.`);
	}
	const faults = stoppingFaults(key, role, { isImported: planned.imported, log: options.log });
	notes.keys[role] = note(key);
	await writeNotes(options, notes);
	const elsewhere = planned.token !== null && { token: `${token.label} (serial ${token.serial})` };
	const origin = planned.existing && { origin: planned.imported ? ("imported" as const) : ("existing" as const) };
	return { token, key, told: { ...elsewhere, ...origin }, faults };
}

const note = (key: KeyDescription): Noted => ({
	id: key.id,
	publicKey: key.publicKey ? createHash("sha256").update(key.publicKey).digest("hex") : "",
});

function isNoted(key: KeyDescription, noted: Noted): boolean {
	const { id, publicKey } = note(key);
	return id === noted.id && publicKey === noted.publicKey;
}

const notesFile = (output: string): string => join(output, "ceremony.json");

async function readNotes({ output, digest }: KeysOptions): Promise<Notes> {
	const text = await readFile(notesFile(output), "utf8").catch(() => null);
	if (text === null) return { plan: digest, keys: {} };
	const notes = JSON.parse(text) as Notes;
	if (notes.plan === digest) return notes;
	throw new OtaError(
		"conflict",
		`A ceremony by another plan has begun in ${output} (SHA-256 ${notes.plan}). Go on with that plan, or choose another output.`,
	);
}

const writeNotes = ({ output }: KeysOptions, notes: Notes): Promise<void> =>
	writeFile(notesFile(output), `${JSON.stringify(notes, null, "\t")}\n`, { mode: 0o600, flush: true });

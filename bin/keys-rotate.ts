/**
 * `ota keys rotate`: a successor for the RA's or the profile signer's key. The new key is made beside the old one under a
 * dated label, the issuing CA certifies it through its token, and nothing changes until the operator sets the variables.
 */
import { randomBytes, type X509Certificate } from "node:crypto";
import { access, mkdir, writeFile } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import { join, resolve } from "node:path";
import type { KeyDescription, Pkcs11Uri, Token } from "../hsm/index.ts";
import { type CeremonyKey, certifySuccessor } from "../lib/ca/ceremony.ts";
import type { Config } from "../lib/config.ts";
import { ConfigError, OtaError } from "../lib/errors.ts";
import { type GeneratedType, generateKey, typesOf } from "./generate-key.ts";
import { ceremonyKey, keyOf, stoppingFaults } from "./key-record.ts";
import type { KeysCommand } from "./keys-command.ts";
import { refuseTaken, type TakenKeys, takenKeys } from "./keys-taken.ts";
import {
	configuredCertificate,
	configuredKeys,
	nameSoftHsmConfiguration,
	printedUri,
	tokenPart,
	withTokens,
} from "./role-keys.ts";

type Rotated = "ra" | "profile";

/** Why the old key may go, and when. Challenges live for 20 minutes: a device that began before may come as late as that. */
const oldMayGo: Record<Rotated, string> = {
	ra: "Devices in the middle of an enrollment have the old certificate: those fail and begin again. The old key may be destroyed 20 minutes after the last process runs with the new one.",
	profile:
		"The old key may be destroyed as soon as every process runs with the new one. Keep its certificate: it is the one in the profiles that are installed already.",
};

export const rotateKey: KeysCommand = async (flags, config, log) => {
	const { role } = flags;
	if (role === "ca" || role === "root") {
		return {
			status: 2,
			words: "The issuing CA is not rotated by this version: hold a new ceremony (--role ra or profile here).",
		};
	}
	if (role === "seal")
		return { status: 2, words: "The seal key is not rotated by this version: what it sealed would be lost." };
	if (role !== "ra" && role !== "profile") return { status: 2, words: "--role must be ra or profile." };
	const type = flags.type === undefined ? null : typesOf.ra.find((one) => one === flags.type);
	if (type === undefined) return { status: 2, words: `--type must be one of ${typesOf.ra.join(", ")}.` };
	if (flags.label !== undefined && type !== null)
		return { status: 2, words: "--label names a key that is there: it has its type." };
	nameSoftHsmConfiguration(config);
	const folder = resolve(flags.out ?? join(config.dataDir, "certs"));
	return { status: 0, output: await rotate({ role, type, label: flags.label ?? null, folder, config, log }) };
};

interface Rotation {
	role: Rotated;
	type: GeneratedType | null;
	/** A key that is there already; null makes one. */
	label: string | null;
	/** Where the certificate goes. */
	folder: string;
	config: Config;
	log(line: string): void;
}

async function rotate(rotation: Rotation): Promise<string> {
	const { role, folder, config, log } = rotation;
	const uris = await configuredKeys(config);
	const ca = configuredCertificate(config, "ca");
	const current = configuredCertificate(config, role);
	return withTokens(async (tokens) => {
		const caKey = await issuingKey(await tokens.open(uris.ca), uris.ca, ca, log);
		const token = await tokens.open(uris[role]);
		const taken = rotation.label === null ? null : await takenKeys(uris, config, tokens);
		const { label, suffix } = await successor(rotation, token, uris[role], taken);
		log("Signing its certificate with the issuing CA...");
		const { certificate, transcript } = await certifySuccessor({
			role,
			current,
			ca,
			caKey,
			key: { ...(await ceremonyKey(token, label)), ...(taken && { origin: "existing" as const }) },
			operator: `${userInfo().username}@${hostname()}`,
			token: `${token.label} (serial ${token.serial})`,
			organization: config.organization,
			file: `${role}${suffix}.pem`,
			clock: () => new Date(),
			random: randomBytes,
		});
		const file = join(folder, `${role}${suffix}`);
		await mkdir(folder, { recursive: true, mode: 0o700 });
		await writeFile(`${file}.pem`, certificate, { mode: 0o600, flag: "wx", flush: true });
		await writeFile(`${file}.transcript.txt`, transcript, { mode: 0o600, flag: "wx", flush: true });
		log(`Its certificate and its transcript are in ${folder}. Nothing uses them yet.`);
		log("Set the two variables for every process (agent and web), start them again, then: ota keys audit.");
		log(oldMayGo[role]);
		return variables(role, uris[role], label, `${file}.pem`);
	});
}

/** The new key's label, and the date that its files bear. */
async function successor(
	rotation: Rotation,
	token: Token,
	uri: Pkcs11Uri,
	taken: TakenKeys | null,
): Promise<{ label: string; suffix: string }> {
	const { role, log } = rotation;
	const keys = await token.describe();
	const old = keyOf(keys, uri);
	// The date of an earlier rotation is replaced.
	const base = old.label.replace(/-\d{8}(-\d+)?$/, "");
	const suffix = await freeSuffix(rotation, keys, base);
	const label = rotation.label ?? `${base}${suffix}`;
	if (label === old.label) throw new OtaError("conflict", `${label} is the key that the configuration names already`);
	if (rotation.label === null) {
		const type = rotation.type ?? typesOf.ra.find((one) => one === old.type) ?? "rsa-2048";
		log(`Generating ${label} (${type}) inside the token ${token.label}...`);
		await generateKey(token, { label, role, type });
	}
	const key = keyOf(await token.describe(), label);
	if (taken) refuseTaken(key, taken);
	if (!typesOf.ra.some((one) => one === key.type)) throw new OtaError("key_policy", `${label} is ${key.type}, not RSA`);
	const faults = stoppingFaults(key, role, { log });
	if (faults.length > 0) throw new ConfigError(faults);
	return { label, suffix };
}

/** The issuing CA's key, once it is the one in its certificate and has no fault. Where it came from its ceremony has judged. */
async function issuingKey(
	token: Token,
	uri: Pkcs11Uri,
	ca: X509Certificate,
	log: Rotation["log"],
): Promise<CeremonyKey> {
	const key = await ceremonyKey(token, uri);
	if (!ca.publicKey.export({ format: "der", type: "spki" }).equals(key.publicKey)) {
		throw new OtaError("config", "OTA_CA_CERT holds another key than OTA_CA_KEY; nothing was made.");
	}
	const faults = stoppingFaults(keyOf(await token.describe(), uri), "ca", { isImported: true, log });
	if (faults.length > 0) throw new ConfigError(faults);
	return key;
}

function variables(role: Rotated, uri: Pkcs11Uri, label: string, certificate: string): string {
	const key = printedUri(tokenPart(uri), { object: label });
	return `OTA_${role.toUpperCase()}_KEY=${key}\nOTA_${role.toUpperCase()}_CERT_FILE=${certificate}\n`;
}

/** `-20261122`; another one on the same day gets `-2` behind it. Neither a key nor a file of that name may be there. */
async function freeSuffix({ role, folder }: Rotation, keys: readonly KeyDescription[], base: string): Promise<string> {
	const day = new Date().toISOString().slice(0, 10).replaceAll("-", "");
	for (let count = 1; ; count += 1) {
		const suffix = count === 1 ? `-${day}` : `-${day}-${count}`;
		const isTaken = keys.some(({ label }) => label === `${base}${suffix}`);
		if (!isTaken && !(await exists(join(folder, `${role}${suffix}.pem`)))) return suffix;
	}
}

const exists = (path: string): Promise<boolean> =>
	access(path).then(
		() => true,
		() => false,
	);

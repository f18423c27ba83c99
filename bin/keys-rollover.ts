/**
 * `ota keys rotate --role ca`: the issuing CA's next generation, made beside the current one. Nothing changes until the operator
 * sets the variables, in two steps: first the next CA is announced (GetNextCACert), then every process is switched to it, and the
 * one before signs its revocation lists until its last certificate has ended.
 */
import { randomBytes, X509Certificate } from "node:crypto";
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { KeyDescription, Pkcs11Uri, Token } from "../hsm/index.ts";
import type { CeremonyKey } from "../lib/ca/ceremony.ts";
import { issuedCaFaults, offlineRootFaults } from "../lib/ca/ceremony-issued.ts";
import { nextGeneration } from "../lib/ca/ceremony-name.ts";
import { signRequest } from "../lib/ca/ceremony-request.ts";
import { type KeptKey, type RolloverInput, type RolloverResult, rollOver } from "../lib/ca/ceremony-rollover.ts";
import { readCertificate } from "../lib/cms/certificate.ts";
import { ConfigError, OtaError } from "../lib/errors.ts";
import { ceremonyKey, stoppingFaults } from "./key-record.ts";
import { assignments } from "./keys-command.ts";
import { certifiedKey, exists, freeSuffix, heldBy, type Rotation, successor, writeNew } from "./keys-successor.ts";
import { refuseTaken, takenKeys } from "./keys-taken.ts";
import {
	type ConfiguredKeys,
	configuredCertificate,
	configuredCertificates,
	configuredKeys,
	type OpenTokens,
	printedUri,
	tokenPart,
	tokenUri,
	withTokens,
} from "./role-keys.ts";

export interface Rollover extends Rotation {
	role: "ca";
	/** What a root that is kept elsewhere made of the request. */
	certificate: string | undefined;
	/** URIs of further tokens where the root's key may lie. */
	rootTokens: readonly string[];
}

/** The generation that is followed, and what stays. */
interface Current {
	uris: ConfiguredKeys;
	root: X509Certificate;
	ca: { certificate: X509Certificate; key: CeremonyKey };
	kept: RolloverInput["kept"];
	/** The token of the issuing CA's key. */
	token: Token;
}

const requestName = "ca-next.csr.pem";

/** Answers the variables of both steps; the request, when the rollover waits for the root. */
export async function rollOverCa(rollover: Rollover): Promise<string> {
	const { config, folder, certificate } = rollover;
	const uris = await configuredKeys(config);
	if (uris.caOld !== undefined) {
		throw new OtaError(
			"conflict",
			"OTA_CA_OLD_KEY is set: the generation before is still served, and there is room for one. Take it away first, when it may go.",
		);
	}
	const isWaiting = await exists(join(folder, requestName));
	if (certificate === undefined && isWaiting) {
		throw new OtaError(
			"conflict",
			`A request waits for its certificate already: ${join(folder, requestName)}. Go on with --certificate FILE, or move it away.`,
		);
	}
	return withTokens(async (tokens) => {
		const current = await readCurrent(rollover, uris, tokens);
		if (certificate !== undefined) return goOn(rollover, current, tokens, certificate);
		const rootKey = await findRootKey(rollover, current, tokens);
		const { label, suffix } = await newKey(rollover, current, tokens);
		const key = {
			...(await ceremonyKey(current.token, label)),
			...(rollover.label && { origin: "existing" as const }),
		};
		return rootKey ? finish(rollover, current, { key, suffix, by: { rootKey } }) : request(rollover, current, key);
	});
}

async function readCurrent(rollover: Rollover, uris: ConfiguredKeys, tokens: OpenTokens): Promise<Current> {
	const { config } = rollover;
	const root = configuredCertificate(config, "root");
	const faults = offlineRootFaults(new Uint8Array(root.raw), new Date());
	if (faults.length > 0) throw new ConfigError(faults);
	const keep = async (role: "ra" | "profile" | "ocsp", uri: Pkcs11Uri): Promise<KeptKey> =>
		certifiedKey(role, uri, tokens, rollover);
	const ca = await certifiedKey("ca", uris.ca, tokens, rollover);
	// Told before a key is made for a name that cannot be.
	nextSubject(ca.certificate);
	const kept = {
		ra: await keep("ra", uris.ra),
		profile: await keep("profile", uris.profile),
		ocsp: uris.ocsp ? await keep("ocsp", uris.ocsp) : null,
	};
	return { uris, root, ca, kept, token: await tokens.open(uris.ca) };
}

const nextSubject = (ca: X509Certificate) => nextGeneration(readCertificate(Uint8Array.from(ca.raw)).subject);

/** The root's key by its public half; null: none of the tokens has it. ConfigError with its faults, but for where it came from. */
async function findRootKey(
	rollover: Rollover,
	{ uris, root }: Current,
	tokens: OpenTokens,
): Promise<CeremonyKey | null> {
	for (const uri of [...Object.values(uris), ...rollover.rootTokens.map(tokenUri)]) {
		const token = await tokens.open(uri);
		const found = await keyOfCertificate(token, root);
		if (found === null) continue;
		const faults = stoppingFaults(found, "root", { isImported: true, log: rollover.log });
		if (faults.length > 0) throw new ConfigError(faults);
		return ceremonyKey(token, { object: found.label, id: Buffer.from(found.id, "hex") });
	}
	if (rollover.rootTokens.length > 0) throw new OtaError("config", "No token that was named has the root's key.");
	return null;
}

async function keyOfCertificate(token: Token, { publicKey }: X509Certificate): Promise<KeyDescription | null> {
	const held = publicKey.export({ format: "der", type: "spki" });
	return (await token.describe()).find((key) => key.publicKey && held.equals(key.publicKey)) ?? null;
}

const roles = ["ca", "ra", "profile", "ocsp"] as const;

/** Every file of a rollover: none of them may be there. */
const filesOf = (suffix: string): string[] => [
	...roles.map((role) => `${role}${suffix}.pem`),
	...["ca", "ra"].map((role) => `${role}-old${suffix}.pem`),
	`next-ca${suffix}.p7`,
	`rollover${suffix}.transcript.txt`,
];

async function newKey(rollover: Rollover, { uris, token }: Current, tokens: OpenTokens) {
	const taken = rollover.label === null ? null : await takenKeys(uris, rollover.config, tokens);
	return successor(rollover, { token, old: uris.ca, taken, files: filesOf });
}

/** For a root that is kept elsewhere. */
async function request({ folder, log }: Rollover, { ca }: Current, key: CeremonyKey): Promise<string> {
	const pem = await signRequest(nextSubject(ca.certificate), key);
	await writeNew(folder, { [requestName]: pem });
	log("No token has the root's key.");
	log(
		`The request is in ${join(folder, requestName)}. Have the root sign it, with pathLenConstraint 0 and its subject as it is.`,
	);
	log("Then: ota keys rotate --role ca --certificate ISSUED.pem.");
	return pem;
}

async function goOn(rollover: Rollover, current: Current, tokens: OpenTokens, file: string): Promise<string> {
	const { folder, config, log } = rollover;
	const issued = await readIssued(file);
	const { token, root, ca, uris } = current;
	const found = await keyOfCertificate(token, issued);
	if (found?.publicKey == null) {
		throw new OtaError(
			"config",
			`The key of ${file} is not on the token ${token.label}: it is no certificate of its request.`,
		);
	}
	refuseTaken(found, await takenKeys(uris, config, tokens));
	const faults = [
		...stoppingFaults(found, "ca", { log }),
		...issuedCaFaults({
			certificate: new Uint8Array(issued.raw),
			root: new Uint8Array(root.raw),
			subject: nextSubject(ca.certificate),
			publicKey: found.publicKey,
			now: new Date(),
		}),
	];
	if (faults.length > 0) throw new ConfigError(faults);
	const key = await ceremonyKey(token, { object: found.label, id: Buffer.from(found.id, "hex") });
	const suffix = await freeSuffix(folder, filesOf, { isTaken: () => false, isDated: true });
	const output = await finish(rollover, current, { key, suffix, by: { issued } });
	await rename(join(folder, requestName), join(folder, `ca${suffix}.csr.pem`)).catch(() => undefined);
	return output;
}

async function readIssued(file: string): Promise<X509Certificate> {
	try {
		return new X509Certificate(await readFile(file));
	} catch (cause) {
		throw new OtaError("config", `The certificate (${file}) cannot be read, or is none in PEM.`, { cause });
	}
}

type Made = Pick<RolloverInput, "key" | "suffix" | "by">;

async function finish(rollover: Rollover, current: Current, made: Made): Promise<string> {
	const { config, folder, log } = rollover;
	const { root, ca, kept, token } = current;
	log("Signing its certificate, and those of the keys that stay...");
	const result = await rollOver({
		...made,
		...heldBy(token),
		root,
		current: { ca: ca.certificate, caKey: ca.key },
		kept,
		organization: config.organization,
		clock: () => new Date(),
		random: randomBytes,
	});
	await writeNew(folder, contentsOf(result, rollover, current, made.suffix));
	log(`Its certificates, the announcement and the transcript are in ${folder}. Nothing uses them yet.`);
	for (const line of steps) log(line);
	return variablesOf(rollover, current, made);
}

/** The new certificate comes first where there are several: the transcript tells of that one. */
function contentsOf(result: RolloverResult, { config }: Rollover, { ca, kept }: Current, suffix: string) {
	const responders = result.ocsp === null ? [] : [result.ocsp, ...configuredCertificates(config, "ocsp").map(String)];
	return {
		[`ca${suffix}.pem`]: result.ca,
		[`ra${suffix}.pem`]: result.ra,
		[`profile${suffix}.pem`]: result.profile,
		...(responders.length > 0 && { [`ocsp${suffix}.pem`]: responders.join("") }),
		[`ca-old${suffix}.pem`]: ca.certificate.toString(),
		[`ra-old${suffix}.pem`]: kept.ra.certificate.toString(),
		[`next-ca${suffix}.p7`]: result.nextCa,
		[`rollover${suffix}.transcript.txt`]: result.transcript,
	};
}

const steps = [
	"Step 1, announce: set the variables of step 1 for every web process and start them again. SCEP clients that ask for it learn of the next CA (GetNextCACert).",
	"Step 2, switch, when they had the time: take OTA_CA_NEXT_FILE away, set the variables of step 2 for every process (agent and web), start them again, then: ota keys audit.",
	"The one before signs its revocation lists from then on, and nothing else. Take OTA_CA_OLD_* and OTA_RA_OLD_* away, and destroy its key, when nobody has a certificate of it: ota ca devices --on OLD lists who has.",
];

function variablesOf({ folder }: Rollover, { uris, kept }: Current, { key, suffix }: Made): string {
	const file = (name: string) => join(folder, name);
	const responder = kept.ocsp && { OTA_OCSP_CERT_FILE: file(`ocsp${suffix}.pem`) };
	const announced = { OTA_CA_NEXT_FILE: file(`next-ca${suffix}.p7`), ...responder };
	const switched = {
		OTA_CA_KEY: printedUri(tokenPart(uris.ca), { object: key.label }),
		OTA_CA_CERT_FILE: file(`ca${suffix}.pem`),
		OTA_RA_CERT_FILE: file(`ra${suffix}.pem`),
		OTA_PROFILE_CERT_FILE: file(`profile${suffix}.pem`),
		...responder,
		OTA_CA_OLD_KEY: printedUri(uris.ca, uris.ca),
		OTA_CA_OLD_CERT_FILE: file(`ca-old${suffix}.pem`),
		OTA_RA_OLD_CERT_FILE: file(`ra-old${suffix}.pem`),
	};
	return `# step 1: announce\n${assignments(announced)}# step 2: switch\n${assignments(switched)}`;
}

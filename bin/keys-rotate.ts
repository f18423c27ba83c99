/**
 * `ota keys rotate`: a successor for the RA's, the profile signer's or the OCSP responder's key. The new key is made beside the
 * old one under a dated label, the issuing CA certifies it through its token, and nothing changes until the operator sets the
 * variables. The issuing CA itself is keys-rollover.ts.
 */
import { randomBytes, type X509Certificate } from "node:crypto";
import { join, resolve } from "node:path";
import type { CeremonyKey } from "../lib/ca/ceremony.ts";
import { certifySuccessor } from "../lib/ca/ceremony-successor.ts";
import { ceremonyKey } from "./key-record.ts";
import { assignments, type KeysCommand } from "./keys-command.ts";
import { rollOverCa } from "./keys-rollover.ts";
import {
	certifiedKey,
	heldBy,
	type Place,
	type Rotation,
	successor,
	successorTypes,
	writeNew,
} from "./keys-successor.ts";
import { takenKeys } from "./keys-taken.ts";
import {
	type ConfiguredKeys,
	certificateVariable,
	configuredCertificate,
	configuredKeys,
	keyVariable,
	nameSoftHsmConfiguration,
	type OpenTokens,
	printedUri,
	tokenPart,
	withTokens,
} from "./role-keys.ts";

type Leaf = "ra" | "profile" | "ocsp";

/** Why the old key may go, and when. Challenges live for 20 minutes: a device that began before may come as late as that. */
const oldMayGo: Record<Leaf, string> = {
	ra: "With OTA_RA_OLD_KEY and OTA_RA_OLD_CERT devices in the middle of an enrollment go on: what they send to the old RA is answered by it. 20 minutes after the last process runs with the new one take the two away and destroy the old key (later, if you have SCEP clients that keep the RA's certificate).",
	profile:
		"The old key may be destroyed as soon as every process runs with the new one. Keep its certificate: it is the one in the profiles that are installed already.",
	ocsp: "The old key may be destroyed as soon as every process runs with the new one: each answer encloses the certificate that it is verified with.",
};

export const rotateKey: KeysCommand = async (flags, config, log) => {
	const { role } = flags;
	if (role === "root")
		return { status: 2, words: "The root is not rotated: devices trust it. Hold a new ceremony (--role ca here)." };
	if (role === "seal")
		return { status: 2, words: "The seal key is not rotated by this version: what it sealed would be lost." };
	if (role !== "ra" && role !== "profile" && role !== "ocsp" && role !== "ca")
		return { status: 2, words: "--role must be ca, ra, profile or ocsp." };
	if (role !== "ca" && (flags.certificate !== undefined || flags.token !== undefined))
		return { status: 2, words: "--certificate and --token are for --role ca." };
	const type = flags.type === undefined ? null : successorTypes[role].find((one) => one === flags.type);
	if (type === undefined) return { status: 2, words: `--type must be one of ${successorTypes[role].join(", ")}.` };
	if (flags.label !== undefined && type !== null)
		return { status: 2, words: "--label names a key that is there: it has its type." };
	nameSoftHsmConfiguration(config);
	const folder = resolve(flags.out ?? join(config.dataDir, "certs"));
	const rotation = { role, type, label: flags.label ?? null, folder, config, log };
	if (role !== "ca") return { status: 0, output: await rotate({ ...rotation, role }) };
	if (flags.certificate !== undefined && (type !== null || rotation.label !== null))
		return { status: 2, words: "--certificate goes on with the key that was made: neither --type nor --label." };
	const { certificate, token: rootTokens = [] } = flags;
	return { status: 0, output: await rollOverCa({ ...rotation, role, certificate, rootTokens }) };
};

async function rotate(rotation: Rotation & { role: Leaf }): Promise<string> {
	const { role, folder, config, log } = rotation;
	const uris = await configuredKeys(config);
	const uri = uris[role] ?? null;
	const current = uri && configuredCertificate(config, role);
	return withTokens(async (tokens) => {
		const issuers = await issuersOf(rotation, uris, tokens);
		const token = await tokens.open(uri ?? uris.ca);
		const taken = rotation.label === null ? null : await takenKeys(uris, config, tokens);
		const firstType = issuers[0]?.key.attributes.type === "ec" ? "p-256" : "rsa-2048";
		const files: Place["files"] = (suffix) => [`${role}${suffix}.pem`];
		const { label, suffix } = await successor(rotation, { token, old: uri, firstType, taken, files });
		const key = { ...(await ceremonyKey(token, label)), ...(taken && { origin: "existing" as const }) };
		log("Signing its certificate with the issuing CA...");
		const made = [];
		for (const issuer of issuers) {
			const file = `${role}${suffix}${issuer.ending}.pem`;
			const result = await certifySuccessor({
				...{ role, current, key, file, ca: issuer.certificate, caKey: issuer.key, organization: config.organization },
				...{ ...heldBy(token), clock: () => new Date(), random: randomBytes },
			});
			made.push({ file, ...result });
		}
		await writeNew(folder, filesOf(role, suffix, made, current));
		tell(rotation);
		const set = { [keyVariable(role)]: printedUri(tokenPart(uri ?? uris.ca), { object: label }) };
		return assignments({
			...set,
			[`${certificateVariable(role)}_FILE`]: join(folder, `${role}${suffix}.pem`),
			...(role === "ra" &&
				uri && {
					OTA_RA_OLD_KEY: printedUri(uri, uri),
					OTA_RA_OLD_CERT_FILE: join(folder, `ra-old${suffix}.pem`),
				}),
		});
	});
}

interface Issuer {
	key: CeremonyKey;
	certificate: X509Certificate;
	/** Of its files' names. */
	ending: "" | "-old";
}

/** A responder answers for the CA before as well, and each CA delegates for itself (RFC 6960 section 4.2.2.2). */
async function issuersOf(rotation: Rotation, uris: ConfiguredKeys, tokens: OpenTokens): Promise<Issuer[]> {
	const ca: Issuer = { ...(await certifiedKey("ca", uris.ca, tokens, rotation)), ending: "" };
	if (rotation.role !== "ocsp" || uris.caOld === undefined) return [ca];
	return [ca, { ...(await certifiedKey("caOld", uris.caOld, tokens, rotation)), ending: "-old" }];
}

interface Made {
	file: string;
	certificate: string;
	transcript: string;
}

/** The role's file holds every certificate, the current CA's first; beside each transcript lies the one that it tells of. */
function filesOf(role: Leaf, suffix: string, made: readonly Made[], current: X509Certificate | null) {
	const [, ...further] = made;
	return {
		[`${role}${suffix}.pem`]: made.map(({ certificate }) => certificate).join(""),
		...Object.fromEntries(further.map(({ file, certificate }) => [file, certificate])),
		...Object.fromEntries(made.map(({ file, transcript }) => [file.replace(/pem$/, "transcript.txt"), transcript])),
		...(role === "ra" && current && { [`ra-old${suffix}.pem`]: current.toString() }),
	};
}

function tell({ role, folder, log }: Rotation & { role: Leaf }): void {
	log(`Its certificate and its transcript are in ${folder}. Nothing uses them yet.`);
	log(
		`Set the ${role === "ra" ? "four" : "two"} variables for every process (agent and web), start them again, then: ota keys audit.`,
	);
	log(oldMayGo[role]);
}

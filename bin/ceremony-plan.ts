/**
 * `ota ceremony --plan`: a ceremony on the operator's own tokens, by a file that was reviewed. Under a root that is kept
 * elsewhere it makes the keys, writes the issuing CA's request and stops; with the certificate it goes on. What was made is
 * noted beside the request, so that a ceremony that was cut short goes on with the same keys.
 */
import { createHash, randomBytes, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { access, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import { formatUri, type Pkcs11Uri } from "../hsm/index.ts";
import { type CeremonyInput, type CeremonyKey, type CeremonyResult, runCeremony } from "../lib/ca/ceremony.ts";
import { issuedCaFaults, offlineRootFaults } from "../lib/ca/ceremony-issued.ts";
import { type CeremonyPlan, type PlannedCertificate, readPlan } from "../lib/ca/ceremony-plan.ts";
import { requestFault, signRequest } from "../lib/ca/ceremony-request.ts";
import { readConfig } from "../lib/config.ts";
import { ConfigError, OtaError } from "../lib/errors.ts";
import { plannedKeys, type RoleKeys } from "./ceremony-keys.ts";
import { certificateVariable, keyVariable, type OpenTokens, tokenUri, withTokens } from "./role-keys.ts";

export interface PlanOptions {
	/** Files. */
	plan: string;
	certificate?: string;
	log(line: string): void;
}

/** One ceremony on its way. */
interface Ceremony {
	plan: CeremonyPlan;
	/** SHA-256 of the plan's file, hex. */
	digest: string;
	/** Where the plan lies, and where everything goes. */
	folder: string;
	output: string;
	log: PlanOptions["log"];
}

const requestName = "ca.csr.pem";
const certified = ["root", "ca", "ra", "profile", "ocsp"] as const;

/** Answers the transcript, or the request (PEM) when the ceremony waits for the issuing CA's certificate. */
export async function planCeremony(options: PlanOptions): Promise<string> {
	const ceremony = await readCeremony(options);
	const { plan, output, log } = ceremony;
	await refuseToOverwrite(output);
	const root = "certificate" in plan.root ? await readOfflineRoot(ceremony, plan.root.certificate) : null;
	if (root === null && options.certificate !== undefined) {
		throw new OtaError("config", "The plan makes its own root: there is no certificate to take in.");
	}
	await mkdir(output, { recursive: true, mode: 0o700 });
	return withTokens(async (tokens) => {
		const keys = await plannedKeys({ ...ceremony, tokens });
		if (root !== null && options.certificate === undefined) return request(ceremony, keys.ca);
		const issued = root && options.certificate ? await readIssued(ceremony, root, options.certificate, keys.ca) : null;
		log("Signing the certificates...");
		const result = await runCeremony(await ceremonyInput(ceremony, tokens, keys, issued));
		await writeResult(ceremony, result);
		return result.transcript;
	});
}

async function readCeremony({ plan: file, log }: PlanOptions): Promise<Ceremony> {
	const text = await readText(file, "The plan");
	const plan = readPlan(text, uriFault);
	const folder = dirname(resolve(file));
	const config = readConfig(process.env, (path) => readFileSync(path, "utf8"), "command");
	const output = plan.output === null ? resolve(config.dataDir, "certs") : resolve(folder, plan.output);
	return { plan, digest: createHash("sha256").update(text).digest("hex"), folder, output, log };
}

function uriFault(text: string): string | null {
	try {
		tokenUri(text);
		return null;
	} catch (error) {
		return error instanceof Error ? error.message : "not a PKCS#11 URI";
	}
}

/** Certificates without a transcript are what a ceremony that was cut short left; its notes are still there then. */
async function refuseToOverwrite(output: string): Promise<void> {
	const isHeld = await exists(join(output, "transcript.txt"));
	const isForeign = (await exists(join(output, "root.pem"))) && !(await exists(join(output, "ceremony.json")));
	if (!isHeld && !isForeign) return;
	throw new OtaError(
		"conflict",
		`There are certificates in ${output} already. A ceremony never overwrites: move them away first, or write another output in the plan.`,
	);
}

async function readOfflineRoot({ folder }: Ceremony, file: string): Promise<X509Certificate> {
	const root = await readCertificate(resolve(folder, file), "The root");
	const faults = offlineRootFaults(new Uint8Array(root.raw), new Date());
	if (faults.length > 0) throw new ConfigError(faults);
	return root;
}

async function request({ plan, output, log }: Ceremony, key: CeremonyKey): Promise<string> {
	const file = join(output, requestName);
	if (await exists(file)) {
		const text = await readText(file, "The request");
		const fault = requestFault(text, plan.ca.subject, key.publicKey);
		if (fault !== null) {
			throw new OtaError(
				"conflict",
				`${file} is not this plan's request: ${fault}. Do not have it signed; move it away and hold the ceremony again, which writes its own.`,
			);
		}
		log(`The request is in ${file} already; it waits for its certificate (--certificate FILE).`);
		return text;
	}
	const pem = await signRequest(plan.ca.subject, key);
	await writeFile(file, pem, { mode: 0o600, flag: "wx" });
	log(
		`The issuing CA's request is in ${file}. Have the root sign it, with pathLenConstraint 0 and its subject as it is.`,
	);
	log("Then: ota ceremony --plan FILE --certificate ISSUED.pem, with the same plan.");
	return pem;
}

async function readIssued(
	{ plan, output }: Ceremony,
	root: X509Certificate,
	file: string,
	key: CeremonyKey,
): Promise<NonNullable<CeremonyInput["issued"]>> {
	if (!(await exists(join(output, requestName)))) {
		throw new OtaError(
			"config",
			`There is no request in ${output} yet: hold the ceremony without --certificate first.`,
		);
	}
	const ca = await readCertificate(file, "The certificate");
	const faults = issuedCaFaults({
		certificate: new Uint8Array(ca.raw),
		root: new Uint8Array(root.raw),
		subject: plan.ca.subject,
		publicKey: key.publicKey,
		now: new Date(),
	});
	if (faults.length > 0) throw new ConfigError(faults);
	return { root, ca };
}

async function ceremonyInput(
	{ plan, digest }: Ceremony,
	tokens: OpenTokens,
	keys: RoleKeys,
	issued: CeremonyInput["issued"] | null,
): Promise<CeremonyInput> {
	const { label, serial } = await tokens.open(tokenUri(plan.token));
	const made = certified.flatMap((role): [string, PlannedCertificate][] => {
		const planned = plan[role];
		return planned !== null && "key" in planned ? [[role, planned]] : [];
	});
	return {
		organization: plan.organization,
		operator: `${userInfo().username}@${hostname()}`,
		token: `${label} (serial ${serial})`,
		keys,
		...(issued && { issued }),
		subjects: Object.fromEntries(made.map(([role, { subject }]) => [role, subject])),
		years: Object.fromEntries(made.map(([role, { years }]) => [role, years])),
		plan: digest,
		witnesses: plan.witnesses,
		clock: () => new Date(),
		random: randomBytes,
	};
}

/** Certificates, then what to configure, then the transcript; root.pem and the transcript say that all is there. */
async function writeResult(ceremony: Ceremony, result: CeremonyResult): Promise<void> {
	const { output, log } = ceremony;
	const files: [string, string][] = [
		["ca.pem", result.ca],
		["ra.pem", result.ra],
		["profile.pem", result.profile],
		...(result.ocsp === undefined ? [] : [["ocsp.pem", result.ocsp] satisfies [string, string]]),
		["ota.env", environment(ceremony)],
		["root.pem", result.root],
		["transcript.txt", result.transcript],
	];
	for (const [name, text] of files) {
		await writeFile(join(output, `${name}.unfinished`), text, { mode: 0o600, flush: true });
	}
	for (const [name] of files) await rename(join(output, `${name}.unfinished`), join(output, name));
	await rm(join(output, "ceremony.json"), { force: true });
	log(`The certificates and the transcript are in ${output}; ota.env there has the variables to set.`);
}

function environment({ plan, output }: Ceremony): string {
	const keys = (["ca", "ra", "profile", "ocsp", "seal"] as const).flatMap((role) => {
		const planned = plan[role]?.key;
		if (planned === undefined) return [];
		const uri: Pkcs11Uri = { ...tokenUri(planned.token ?? plan.token), object: planned.label };
		return [`${keyVariable(role)}=${formatUri(uri)}`];
	});
	const certificates = certified
		.filter((role) => plan[role] !== null)
		.map((role) => `${certificateVariable(role)}_FILE=${join(output, `${role}.pem`)}`);
	return `${[...keys, ...certificates].join("\n")}\n`;
}

async function readCertificate(file: string, what: string): Promise<X509Certificate> {
	const text = await readText(file, what);
	try {
		return new X509Certificate(text);
	} catch (cause) {
		throw new OtaError("config", `${what} (${file}) is no certificate in PEM.`, { cause });
	}
}

async function readText(file: string, what: string): Promise<string> {
	try {
		return await readFile(file, "utf8");
	} catch (cause) {
		throw new OtaError("config", `${what} (${file}) cannot be read.`, { cause });
	}
}

const exists = (path: string): Promise<boolean> =>
	access(path).then(
		() => true,
		() => false,
	);

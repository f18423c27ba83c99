/**
 * The plan of a ceremony: one file that is reviewed before anything is made. JSON, read strictly: every fault is told at
 * once with its place, and a member that nobody knows, or that stands there twice, is a fault.
 */
import { ConfigError } from "../errors.ts";
import type { SubjectName } from "../ports.ts";
import { duplicateMembers } from "./ceremony-json.ts";
import { type CertifiedRole, templates } from "./ceremony-template.ts";

export type PlannedKeyType = "rsa-2048" | "rsa-3072" | "rsa-4096" | "p-256" | "aes-256";

export interface PlannedKey {
	label: string;
	type: PlannedKeyType;
	/** PKCS#11 URI of its token; null: the plan's. */
	token: string | null;
	/** It is on the token already and is not generated. */
	existing: boolean;
	/** It was made outside and brought in, on purpose: what its token tells of that is no fault. */
	imported: boolean;
}
export interface PlannedCertificate {
	key: PlannedKey;
	subject: SubjectName;
	years: number;
}
export interface CeremonyPlan {
	organization: string;
	witnesses: readonly string[];
	/** PKCS#11 URI of the token: token or serial, module-path, pin-source. */
	token: string;
	/** Folder for what is made, as the plan writes it; null: the data directory's certs. */
	output: string | null;
	/** A root that is kept elsewhere is its certificate's file, as the plan writes it. */
	root: PlannedCertificate | { certificate: string };
	ca: PlannedCertificate;
	ra: PlannedCertificate;
	profile: PlannedCertificate;
	/** Null: there is no OCSP responder. */
	ocsp: PlannedCertificate | null;
	seal: { key: PlannedKey };
}

/** What is wrong with a token's URI, or null. */
export type CheckUri = (uri: string) => string | null;

type Role = CertifiedRole | "seal";
const rsa = ["rsa-2048", "rsa-3072", "rsa-4096"] as const;
/** RSA where Apple's client demands it; it seals where a token has no AES. */
const typesOf: Record<Role, readonly PlannedKeyType[]> = {
	root: [...rsa, "p-256"],
	ca: [...rsa, "p-256"],
	ra: rsa,
	profile: rsa,
	ocsp: [...rsa, "p-256"],
	seal: ["aes-256", ...rsa],
};
/** Characters: what is larger is no plan. */
const longest = 64 * 1024;
const mostYears: Record<CertifiedRole, number> = { root: 30, ca: 15, ra: 5, profile: 5, ocsp: 5 };

/** @throws ConfigError with every fault */
export function readPlan(text: string, checkUri: CheckUri): CeremonyPlan {
	if (text.length > longest) throw new ConfigError([`the plan is longer than ${longest} characters`]);
	const read = new PlanReader(checkUri);
	const value = parseJson(text);
	read.faults.push(...duplicateMembers(text, "plan").map((place) => `${place}: is there twice`));
	const plan = read.plan(value);
	if (read.faults.length > 0) throw new ConfigError(read.faults);
	return plan;
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch (cause) {
		throw new ConfigError([`the plan is not JSON: ${cause instanceof Error ? cause.message : "unreadable"}`]);
	}
}

type Members = Readonly<Record<string, unknown>>;

class PlanReader {
	readonly faults: string[] = [];
	readonly #checkUri: CheckUri;
	constructor(checkUri: CheckUri) {
		this.#checkUri = checkUri;
	}

	plan(value: unknown): CeremonyPlan {
		const members = this.#object(value, "plan", [
			...["version", "organization", "witnesses", "token", "output"],
			...["root", "ca", "ra", "profile", "ocsp", "seal"],
		]);
		if (members.version !== 1) this.faults.push("plan.version: must be 1");
		const organization = this.#text(members.organization, "plan.organization", 48);
		const plan = {
			organization,
			witnesses: this.#witnesses(members.witnesses),
			token: this.#uri(members.token, "plan.token"),
			output: members.output === undefined ? null : this.#text(members.output, "plan.output", 4096),
			root: this.#root(members.root, organization),
			ca: this.#certificate("ca", members.ca, organization),
			ra: this.#certificate("ra", members.ra, organization),
			profile: this.#certificate("profile", members.profile, organization),
			ocsp: members.ocsp === undefined ? null : this.#certificate("ocsp", members.ocsp, organization),
			seal: { key: this.#key("seal", this.#object(members.seal, "plan.seal", ["key"]).key) },
		};
		this.#distinct(plan);
		return plan;
	}

	#root(value: unknown, organization: string): CeremonyPlan["root"] {
		const isOffline = typeof value === "object" && value !== null && "certificate" in value;
		if (!isOffline) return this.#certificate("root", value, organization);
		const { certificate } = this.#object(value, "plan.root", ["certificate"]);
		return { certificate: this.#text(certificate, "plan.root.certificate", 4096) };
	}

	#certificate(role: CertifiedRole, value: unknown, organization: string): PlannedCertificate {
		const place = `plan.${role}`;
		const members = this.#object(value, place, ["key", "subject", "years"]);
		const { years } = members;
		const isFit = typeof years === "number" && Number.isInteger(years) && years >= 1 && years <= mostYears[role];
		if (!isFit) this.faults.push(`${place}.years: must be a whole number from 1 to ${mostYears[role]}`);
		const ours: SubjectName = [
			["O", organization],
			["CN", `${organization} ${templates[role].title}`],
		];
		const subject = members.subject === undefined ? ours : this.#subject(members.subject, `${place}.subject`);
		return { key: this.#key(role, members.key), subject, years: isFit ? years : 1 };
	}

	#key(role: Role, value: unknown): PlannedKey {
		const place = `plan.${role}.key`;
		const members = this.#object(value, place, ["label", "type", "token", "existing", "imported"]);
		const type = typesOf[role].find((one) => one === members.type);
		if (!type) this.faults.push(`${place}.type: must be one of ${typesOf[role].join(", ")}`);
		for (const name of ["existing", "imported"] as const) {
			if (members[name] === undefined || typeof members[name] === "boolean") continue;
			this.faults.push(`${place}.${name}: must be true or false`);
		}
		if (members.imported === true && members.existing !== true) {
			this.faults.push(`${place}.imported: is for a key with "existing": true alone; a generated key is not imported`);
		}
		return {
			label: this.#text(members.label, `${place}.label`, 64),
			type: type ?? "rsa-2048",
			token: members.token === undefined ? null : this.#uri(members.token, `${place}.token`),
			existing: members.existing === true,
			imported: members.imported === true,
		};
	}

	#subject(value: unknown, place: string): SubjectName {
		const members = this.#object(value, place, ["C", "ST", "L", "O", "OU", "CN"]);
		if (members.CN === undefined) this.faults.push(`${place}.CN: is missing`);
		const name = Object.keys(members).map((type): [string, string] => [
			type,
			this.#text(members[type], `${place}.${type}`, 64),
		]);
		const country = members.C;
		if (typeof country === "string" && !/^[A-Z]{2}$/.test(country)) {
			this.faults.push(`${place}.C: must be two capital letters`);
		}
		return name;
	}

	#witnesses(value: unknown): string[] {
		if (value === undefined) return [];
		if (Array.isArray(value)) return value.map((one, index) => this.#text(one, `plan.witnesses[${index}]`, 64));
		this.faults.push("plan.witnesses: must be a list of names");
		return [];
	}

	#uri(value: unknown, place: string): string {
		const uri = this.#text(value, place, 4096);
		const fault = typeof value === "string" ? this.#checkUri(uri) : null;
		if (fault !== null) this.faults.push(`${place}: ${fault}`);
		return uri;
	}

	/** One line of text. */
	#text(value: unknown, place: string, longest: number): string {
		const isFit = typeof value === "string" && value.length >= 1 && [...value].length <= longest;
		if (!isFit) this.faults.push(`${place}: must be text of 1 to ${longest} characters`);
		else if (value !== value.trim() || /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(value)) {
			this.faults.push(`${place}: must not contain control characters or begin or end with a blank`);
		}
		return isFit ? value : "";
	}

	#object(value: unknown, place: string, known: readonly string[]): Members {
		if (typeof value !== "object" || value === null || Array.isArray(value)) {
			this.faults.push(`${place}: ${value === undefined ? "is missing" : "must be an object"}`);
			return {};
		}
		for (const name of Object.keys(value)) {
			if (!known.includes(name)) this.faults.push(`${place}.${name}: is not known; ${known.join(", ")} are`);
		}
		return value as Members;
	}

	/** A label names one key on its token, a subject one certificate. */
	#distinct(plan: CeremonyPlan): void {
		const { ca, ra, profile, ocsp, root } = plan;
		const certificates = [ca, ra, profile, ...(ocsp ? [ocsp] : []), ...("key" in root ? [root] : [])];
		const labels = [...certificates, plan.seal].map(({ key }) => `${key.token ?? plan.token} ${key.label}`);
		const names = certificates.map(({ subject }) => JSON.stringify(subject));
		if (new Set(labels).size !== labels.length) this.faults.push("plan: two keys on one token have the same label");
		if (new Set(names).size !== names.length) this.faults.push("plan: two certificates have the same subject");
	}
}

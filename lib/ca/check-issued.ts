/**
 * Judges one stored certificate again, long after its issue: that its row contradicts itself nowhere, and that its octets are
 * what was reserved, signed by the CA that the row names, over a key that may be certified. Lints are told apart: they grow,
 * and a certificate that lives may be older than the one that it fails.
 */
import { readCertificate, readTbsCertificate, type TbsCertificate, type X509 } from "../cms/certificate.ts";
import { equalBytes } from "../der/values.ts";
import { asOtaError } from "../errors.ts";
import type { Certificate, CertificateState, Enrollment } from "../ports.ts";
import { acceptPublicKey } from "./key-policy.ts";
import { lints } from "./lint.ts";
import { readJudged } from "./lint-reading.ts";

export interface IssuedRules {
	/** Issuing CAs by the SHA-256 of their SubjectPublicKeyInfo. */
	issuers: ReadonlyMap<string, X509>;
	/** SHA-256 of public keys that are never certified. */
	forbidden: ReadonlySet<string>;
	now: Date;
}

export interface Finding {
	/** lint: of a certificate that still counts, and good at its time perhaps. */
	kind: "fault" | "lint";
	words: string;
}

/** Nothing, when all is well. */
export function judgeStored(row: Certificate, enrollment: Enrollment, rules: IssuedRules): Finding[] {
	const faults = [...contradictions(row), ...enrollmentFaults(row, enrollment)];
	const issuer = rules.issuers.get(row.issuerKeyHash);
	if (!issuer) faults.push(`its issuing CA is not configured (${row.issuerKeyHash.slice(0, 16) || "none"})`);
	faults.push(...attempt("cannot be read", () => octetFaults(row, issuer, rules)));
	const findings: Finding[] = faults.map((words) => ({ kind: "fault", words }));
	const counts = (row.state === "issued" || row.state === "reserved") && row.notAfter >= rules.now;
	if (!issuer || !counts) return findings;
	return [...findings, ...lintFaults(row, issuer).map((words): Finding => ({ kind: "lint", words }))];
}

/** What a row has in each state: the columns that are written with it, and no other. */
const columns = ["der", "issuedAt", "revokedAt", "revocationReason"] as const;
const written: Readonly<Record<CertificateState, readonly (typeof columns)[number][]>> = {
	reserved: [],
	issued: ["der", "issuedAt"],
	revoked: columns,
	abandoned: ["revokedAt"],
};

function contradictions(row: Certificate): string[] {
	const { state, usedAt, issuedAt, revocationReason, renews, challengeHash } = row;
	const faults = columns.flatMap((column) => {
		const [isThere, belongs] = [row[column] !== null, written[state].includes(column)];
		return isThere === belongs ? [] : [`it is ${state} ${isThere ? "with" : "without"} ${column}`];
	});
	if (usedAt !== null && issuedAt === null) faults.push("it was used before it was issued");
	if (revocationReason !== null && !reasons.includes(revocationReason)) {
		faults.push(`its revocation has the CRLReason ${revocationReason}`);
	}
	if (renews !== null ? challengeHash !== `renewal:${renews}` : challengeHash.startsWith("renewal:")) {
		faults.push("its challenge is not that of the certificate that it renews");
	}
	return faults;
}

/** What a revocation here can say (RFC 5280 section 5.3.1). */
const reasons: readonly number[] = [0, 1, 3, 4, 5, 9];

function enrollmentFaults({ purpose, state, renews }: Certificate, enrollment: Enrollment): string[] {
	const faults: string[] = [];
	if (enrollment.state === "minted" && purpose !== "machine") faults.push(`a machine's enrollment has no ${purpose}`);
	if (state === "issued" && enrollment.state === "cancelled") faults.push("it is issued, and its enrollment cancelled");
	const comesTooEarly = enrollment.state === "started" || (enrollment.state === "identified" && renews === null);
	if (state === "issued" && purpose === "identity" && comesTooEarly) {
		faults.push(`it is issued, and its enrollment no further than ${enrollment.state}`);
	}
	return faults;
}

/** Of what was reserved, and of what was signed. */
function octetFaults(row: Certificate, issuer: X509 | undefined, { forbidden }: IssuedRules): string[] {
	const certificate = row.der && readCertificate(row.der);
	const faults: string[] = [];
	if (certificate && !equalBytes(certificate.tbs, row.tbs)) {
		faults.push("what was signed is not what was reserved");
		faults.push(...fieldFaults(row, readTbsCertificate(row.tbs), issuer).map((words) => `as reserved: ${words}`));
	}
	faults.push(...fieldFaults(row, certificate ?? readTbsCertificate(row.tbs), issuer));
	if (certificate && issuer) {
		const why = "its signature is not its issuing CA's";
		faults.push(...attempt(why, () => (certificate.isSignedBy(issuer.publicKey) ? [] : [why])));
	}
	const { publicKeyInfo } = certificate ?? readTbsCertificate(row.tbs);
	return [...faults, ...attempt("its key may not be certified", () => keyFaults(publicKeyInfo, forbidden))];
}

function keyFaults(publicKeyInfo: Uint8Array, forbidden: ReadonlySet<string>): string[] {
	acceptPublicKey(publicKeyInfo, forbidden);
	return [];
}

function fieldFaults(row: Certificate, tbs: TbsCertificate, issuer: X509 | undefined): string[] {
	const faults: string[] = [];
	if (tbs.serialNumber !== row.serialNumber) faults.push(`its serial number is ${tbs.serialNumber}`);
	for (const date of ["notBefore", "notAfter"] as const) {
		if (seconds(tbs[date]) !== seconds(row[date])) faults.push(`its ${date} is ${tbs[date].toISOString()}`);
	}
	if (tbs.publicKeyHash !== row.publicKeyHash) faults.push("its key is another");
	if (issuer && !equalBytes(tbs.issuer, issuer.subject)) faults.push("it names another issuer");
	return faults;
}

/** Certificates have whole seconds. */
const seconds = (date: Date): number => Math.floor(date.getTime() / 1000);

/** The lints that it fails, by their names. */
function lintFaults(row: Certificate, issuer: X509): string[] {
	return attempt("cannot be linted", () => {
		const judged = readJudged(row.tbs);
		return lints.filter(({ check }) => !check(judged, issuer)).map(({ name }) => name);
	});
}

/** A failure in reading is a fault like any other, whatever its kind: all the others are still to be looked at. */
function attempt(what: string, look: () => string[]): string[] {
	try {
		return look();
	} catch (cause) {
		return [`${what}: ${asOtaError(cause).message}`];
	}
}

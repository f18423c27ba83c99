/** Live certificates by the issuing CA that signed them: counts of every generation, or the list of one. */
import { readFileSync } from "node:fs";
import { pemCertificates, readCertificate } from "../lib/cms/certificate.ts";
import { readName } from "../lib/der/name.ts";
import { OtaError } from "../lib/errors.ts";
import { writeDistinguishedName } from "./distinguished-name.ts";
import { everyCertificate, type StoredCertificate } from "./every-certificate.ts";
import type { Operator } from "./operator.ts";
import { issuingCas } from "./own-certificates.ts";

/** The beginning of its SubjectPublicKeyInfo's SHA-256, hex; all 64 digits are the whole. */
export interface Issuer {
	keyHashBegins: string;
}

/** Of the one certificate in a PEM file; null when there is none. */
export function issuerInFile(path: string): Issuer | null {
	try {
		const [der, ...more] = pemCertificates(readFileSync(path, "utf8"));
		return der && more.length === 0 ? { keyHashBegins: readCertificate(der).publicKeyHash } : null;
	} catch (error) {
		if (error instanceof OtaError || (error as NodeJS.ErrnoException).code !== undefined) return null;
		throw error;
	}
}

/** Signed, not revoked, not at its end. */
const isLive = ({ certificate }: StoredCertificate, now: Date): boolean =>
	certificate.state === "issued" && certificate.notAfter >= now;

/** How a person knows it: a machine is known by its certificate alone. */
const deviceOf = ({ certificate, enrollment }: StoredCertificate): string =>
	enrollment.udid ?? `machine ${certificate.serialNumber}`;

/** Answers the exit code. */
export async function listGenerations({ config, store, now, say }: Operator, isJson: boolean): Promise<0> {
	const cas = issuingCas(config);
	const generations = new Map(
		cas.map(({ role, certificate }) => [
			certificate.publicKeyHash,
			{ role: role === "ca" ? "current" : "before", subject: subjectOf(certificate.subject), ...none() },
		]),
	);
	const current = cas.find(({ role }) => role === "ca")?.certificate.publicKeyHash ?? "";
	for await (const each of everyCertificate(store)) {
		if (!isLive(each, now)) continue;
		// Of a time before generations were told apart: the server lays them to the current one when it starts.
		const keyHash = each.certificate.issuerKeyHash || current;
		const generation = generations.get(keyHash) ?? { role: "not configured", subject: issuerOf(each), ...none() };
		generations.set(keyHash, generation);
		generation.certificates++;
		generation.devices.add(deviceOf(each));
	}
	const told = [...generations].map(([issuer, { devices, ...more }]) => ({ issuer, ...more, devices: devices.size }));
	if (isJson) say(JSON.stringify(told));
	else for (const one of told) say(generationLine(one));
	return 0;
}

const none = () => ({ certificates: 0, devices: new Set<string>() });

const subjectOf = (name: Uint8Array): string => writeDistinguishedName(readName(name));

const issuerOf = ({ certificate }: StoredCertificate): string =>
	certificate.der ? subjectOf(readCertificate(certificate.der).issuer) : "";

interface Generation {
	issuer: string;
	role: string;
	subject: string;
	certificates: number;
	devices: number;
}

const generationLine = ({ issuer, role, subject, certificates, devices }: Generation): string =>
	`${issuer.slice(0, 16)}  ${role}  ${certificates} certificates of ${devices} devices  ${subject}`;

/** Answers the exit code; an empty list is good news. */
export async function listDevices(operator: Operator, issuer: Issuer, isJson: boolean): Promise<0> {
	const { config, store, now, say, tell } = operator;
	const { keyHashBegins } = issuer;
	const current = issuingCas(config).find(({ role }) => role === "ca")?.certificate.publicKeyHash ?? "";
	// Those of the time before have no hash to ask for, and count as the current CA's.
	const isWhole = keyHashBegins.length === 64 && keyHashBegins !== current;
	const left: ReturnType<typeof asJson>[] = [];
	for await (const each of everyCertificate(store, isWhole ? keyHashBegins : undefined)) {
		const keyHash = each.certificate.issuerKeyHash || current;
		if (keyHash.startsWith(keyHashBegins) && isLive(each, now)) left.push(asJson(each));
	}
	if (isJson) say(JSON.stringify(left));
	else for (const one of left) say(deviceLine(one));
	if (left.length === 0) tell("Nobody is left: no live certificate of this issuing CA.");
	return 0;
}

function asJson({ certificate, enrollment }: StoredCertificate) {
	const { serialNumber, purpose, notAfter, der } = certificate;
	const { user, udid, device } = enrollment;
	return {
		serialNumber,
		purpose,
		notAfter: notAfter.toISOString(),
		device: { model: device.PRODUCT ?? null, serialNumber: device.SERIAL ?? null, udid },
		user: { id: user.id, email: user.email },
		subject: der ? subjectOf(readCertificate(der).subject) : null,
	};
}

function deviceLine({ serialNumber, purpose, notAfter, device, user, subject }: ReturnType<typeof asJson>): string {
	const what = [device.model, device.serialNumber, device.udid].filter(Boolean).join(" ") || "a machine";
	return [what, user.email || user.id, purpose, serialNumber, `until ${notAfter}`, subject ?? ""].join("  ");
}

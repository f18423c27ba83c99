/** Every stored certificate and list goes through lib/ca's judgement, page by page, beside a server that may be at work. */
import { deniedKeys } from "../lib/apple/anchors.ts";
import { type IssuedRules, judgeStored } from "../lib/ca/check-issued.ts";
import { judgeList } from "../lib/ca/check-issued-list.ts";
import { IssuedSet } from "../lib/ca/check-issued-set.ts";
import type { X509 } from "../lib/cms/certificate.ts";
import type { RevokedEntry, Store } from "../lib/ports.ts";
import { everyCertificate, type StoredCertificate } from "./every-certificate.ts";
import type { Operator } from "./operator.ts";
import { issuingCas, ownCertificates } from "./own-certificates.ts";

/** What is wrong, where: with a certificate by its serial number, or with a list by the beginning of its issuer's key hash. */
interface Told {
	about: { serialNumber: string } | { list: string };
	kind: "fault" | "lint";
	words: string;
}
type Tell = (finding: Told) => void;

/** Milliseconds without a word, and between two. */
const patience = 2_000;

/** Answers the exit code. */
export async function checkIssued(operator: Operator, isJson: boolean): Promise<0 | 1> {
	const { config, now, say, tell } = operator;
	const findings: Told[] = [];
	const found: Tell = (finding) => {
		findings.push(finding);
		if (!isJson) say(asLine(finding));
	};
	const cas = issuingCas(config).map(({ certificate }) => certificate);
	const current = cas[0]?.publicKeyHash ?? "";
	const rules: IssuedRules = {
		issuers: new Map(cas.map((certificate) => [certificate.publicKeyHash, certificate])),
		forbidden: new Set([...ownCertificates(config).map(({ certificate }) => certificate.publicKeyHash), ...deniedKeys]),
		now,
	};
	const certificates = await checkCertificates(operator, rules, current, found);
	const lists = [];
	for (const ca of cas) lists.push(await checkList(operator, ca, found));
	const made = lists.filter((list) => list !== null);
	if (isJson)
		say(JSON.stringify({ ok: findings.length === 0, certificates, lists: made, findings: findings.map(flat) }));
	const result = findings.length === 0 ? "nothing is wrong" : `${findings.length} findings`;
	tell(`${certificates} certificates and ${made.length} revocation lists: ${result}.`);
	return findings.length === 0 ? 0 : 1;
}

const asLine = ({ about, kind, words }: Told): string =>
	`${"list" in about ? `list ${about.list}` : about.serialNumber}  ${kind}  ${words}`;

const flat = ({ about, kind, words }: Told): Record<string, string> => ({ ...about, kind, fault: words });

/** How many there are. */
async function checkCertificates(
	{ store, tell }: Operator,
	rules: IssuedRules,
	current: string,
	found: Tell,
): Promise<number> {
	const set = new IssuedSet();
	let count = 0;
	let spokenAt = performance.now();
	const faultOf = ({ serialNumber, words }: { serialNumber: string; words: string }): void =>
		found({ about: { serialNumber }, kind: "fault", words });
	for await (const each of everyCertificate(store)) {
		for (const finding of await judge(each, store, rules, current)) {
			found({ about: { serialNumber: each.certificate.serialNumber }, ...finding });
		}
		for (const finding of set.add(each.certificate)) faultOf(finding);
		count++;
		if (performance.now() - spokenAt < patience) continue;
		spokenAt = performance.now();
		tell(`${count} certificates so far`);
	}
	for (const finding of set.end()) faultOf(finding);
	return count;
}

/** Certificate and enrollment are read one after the other: what a server changes in between is looked at again. */
async function judge(first: StoredCertificate, store: Store, rules: IssuedRules, current: string) {
	const findings = judgeStored(adopted(first, current), first.enrollment, rules);
	if (findings.length === 0) return findings;
	const again = await store.findCertificate(first.certificate.serialNumber);
	return again ? judgeStored(adopted(again, current), again.enrollment, rules) : findings;
}

/** Of a time before generations were told apart: the server lays them to the current CA when it starts. */
const adopted = ({ certificate }: StoredCertificate, current: string) =>
	certificate.issuerKeyHash === "" ? { ...certificate, issuerKeyHash: current } : certificate;

interface CheckedList {
	issuer: string;
	number: number;
	thisUpdate: string;
	/** Revoked since. */
	later: number;
}

/** Null: nobody has asked for a list of this CA yet. */
async function checkList({ store, tell }: Operator, ca: X509, found: Tell): Promise<CheckedList | null> {
	const { publicKeyHash: issuer } = ca;
	const name = issuer.slice(0, 16);
	const stored = await store.findRevocationList(issuer);
	if (stored === null) {
		tell(`list ${name}: none was made yet; the server makes it when it is asked for.`);
		return null;
	}
	const revoked: RevokedEntry[] = await store.listRevoked(issuer, stored.thisUpdate);
	const { faults, unknown, later } = judgeList(stored, ca, revoked);
	for (const words of faults) found({ about: { list: name }, kind: "fault", words });
	for (const serialNumber of unknown) {
		// An entry stays for one list after its certificate's end.
		const status = await store.certificateStatus(serialNumber);
		const isRight = status !== null && status.issuerKeyHash === issuer && status.revokedAt !== null;
		if (!isRight) found({ about: { list: name }, kind: "fault", words: `has ${serialNumber}, which is not revoked` });
	}
	if (later > 0) tell(`list ${name}: ${later} were revoked since it was made; the next one has them.`);
	return { issuer, number: stored.number, thisUpdate: stored.thisUpdate.toISOString(), later };
}

/** A trial of what a device would get: which profiles take part, and how the result is shown. */
import { publishedCandidates } from "../lib/enroll/published.ts";
import { OtaError } from "../lib/errors.ts";
import type { Template } from "../lib/options.ts";
import type { Candidate, TraceLine } from "../lib/profile/assign.ts";
import { sealable } from "../lib/profile/document-secrets.ts";
import { isDeliverable } from "../lib/profile/lint.ts";
import { propertyList } from "../lib/profile/property-list.ts";
import { type Rendered, renderFinal } from "../lib/profile/render.ts";
import type { Operator } from "./operator.ts";
import { catalogueOf } from "./profile-catalogue.ts";
import { judgingProfiles } from "./profile-fault.ts";
import { readProfileInput } from "./profile-input.ts";
import { missingWords, numbered } from "./profile-save.ts";
import { type Claims, type SubjectFlags, subjectFor } from "./profile-subject.ts";
import { rootOf, surroundingsOf } from "./profile-surroundings.ts";
import { documentOf, stateOf, versionOf } from "./profile-versions.ts";
import { findingLine } from "./profile-words.ts";

export interface RenderRequest {
	who: SubjectFlags & { claims: Claims };
	/** Documents in place of published versions. */
	files: readonly string[];
	/** Profiles whose newest version takes part. */
	drafts: readonly string[];
	json: boolean;
}

type TemplatesOf = (operator: Operator) => Promise<() => Promise<readonly Template[]>>;

/** Answers the exit code. */
export async function renderProfile(
	operator: Operator,
	request: RenderRequest,
	templatesOf: TemplatesOf,
): Promise<0 | 1> {
	const { store } = operator;
	const subject = await subjectFor(operator, request.who);
	const published = await publishedCandidates({ store, templates: await templatesOf(operator) });
	const trials = [
		...(await Promise.all(request.drafts.map((name) => draftCandidate(operator, name)))),
		...(await Promise.all(request.files.map((file) => fileCandidate(operator, file)))),
	];
	const candidates = new Map([...published, ...trials].map((each) => [each.document.name, each]));
	const input = {
		candidates: [...candidates.values()],
		subject,
		...surroundingsOf(operator),
		rootCertificate: rootCertificate(operator),
	};
	const rendered = await judgingProfiles(() => renderFinal(input));
	if (request.json) show(operator, json(rendered));
	else showText(operator, rendered);
	return isDeliverable(rendered.findings) ? 0 : 1;
}

async function draftCandidate({ store }: Operator, name: string): Promise<Candidate> {
	const { latest } = await stateOf(store, name);
	return { document: documentOf(await versionOf(store, name, latest)), version: latest };
}

/** As an import would make it: what the file itself holds of secrets goes no further. */
async function fileCandidate(operator: Operator, file: string): Promise<Candidate> {
	const input = readProfileInput(file);
	if (input.kind !== "document") throw new OtaError("malformed", `${file}: is no document`);
	const { document, secrets } = sealable(input.document, catalogueOf(operator));
	const [newest = null] = await operator.store.listVersions(document.name);
	const next = await numbered(operator, { document, secrets, note: "" }, newest);
	for (const secret of next.missing) operator.tell(missingWords(document.name, secret));
	return next;
}

function rootCertificate(operator: Operator): Uint8Array {
	const root = rootOf(operator);
	if (root) return root;
	throw new OtaError("config", "The root certificate is not there: set OTA_ROOT_CERT, or OTA_DATA_DIR.");
}

function showText(operator: Operator, { payloads, outer, trace, findings }: Rendered): void {
	const xml = Buffer.from(propertyList({ ...outer, PayloadContent: payloads })).toString("utf8");
	show(operator, xml);
	for (const line of trace) operator.tell(traceLine(line));
	for (const finding of findings) operator.tell(findingLine(finding));
}

const traceLine = ({ profile, version, payload, counts, words }: TraceLine): string =>
	`${counts ? "counts  " : "left out"}  ${profile}@${version}${payload === null ? "" : `/${payload}`}: ${words}`;

/** Octets as base64, dates as ISO 8601 has them. */
function json(rendered: Rendered): string {
	const plain = (value: unknown): unknown => {
		if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
		if (Array.isArray(value)) return value.map(plain);
		if (typeof value !== "object" || value === null || value instanceof Date) return value;
		return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
	};
	const { payloads, outer, trace, findings } = rendered;
	return JSON.stringify(plain({ payloads, outer, trace, findings }), null, 2);
}

function show({ say }: Operator, text: string): void {
	for (const line of text.replace(/\n$/, "").split("\n")) say(line);
}

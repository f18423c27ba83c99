/**
 * What operators want devices to have: the published profiles of the database and the template files, read once for each
 * version. Which versions are published is asked every time: a publication counts at once, in every process.
 */
import { createHash } from "node:crypto";
import { OtaError } from "../errors.ts";
import type { Template } from "../options.ts";
import type { ProfileStore } from "../ports.ts";
import type { Candidate } from "../profile/assign.ts";
import { readDocumentYaml } from "../profile/document-yaml.ts";
import { propertyList } from "../profile/property-list.ts";
import { templatesDocument } from "../profile/templates-document.ts";

export interface ProfileSources {
	store: Pick<ProfileStore, "publishedVersions" | "findVersion">;
	templates(): Promise<readonly Template[]>;
}

export class PublishedProfiles {
	readonly #sources: ProfileSources;
	/** By `name@version`; what is not published any more is forgotten. */
	#read = new Map<string, Candidate>();
	readonly #templates = new WeakMap<readonly Template[], Candidate>();

	constructor(sources: ProfileSources) {
		this.#sources = sources;
	}

	/** Failure: config for a template that is at fault, internal for a document that this version cannot read. */
	async candidates(): Promise<readonly Candidate[]> {
		const [templates, published] = await Promise.all([
			this.#sources.templates(),
			this.#sources.store.publishedVersions(),
		]);
		const documents = await Promise.all(published.map(({ name, version }) => this.#candidate(name, version)));
		this.#read = new Map(documents.map((each) => [`${each.document.name}@${each.version}`, each]));
		return templates.length > 0 ? [...documents, this.#candidateOf(templates)] : documents;
	}

	async #candidate(name: string, version: number): Promise<Candidate> {
		const known = this.#read.get(`${name}@${version}`);
		if (known) return known;
		const found = await this.#sources.store.findVersion(name, version);
		if (!found) throw new OtaError("internal", `profile ${name}: its published version ${version} is not there`);
		try {
			return { document: readDocumentYaml(found.document), version };
		} catch (cause) {
			throw new OtaError("internal", `profile ${name}: its version ${version} cannot be read`, { cause });
		}
	}

	#candidateOf(templates: readonly Template[]): Candidate {
		const known = this.#templates.get(templates);
		if (known) return known;
		const document = templatesDocument(templates);
		const payloads = propertyList(document.payloads.map(({ name, payload }) => ({ name, payload })));
		// Files have no version: their content is one.
		const version = createHash("sha256").update(payloads).digest().readUIntBE(0, 3);
		const candidate = { document, version };
		this.#templates.set(templates, candidate);
		return candidate;
	}
}

/** Once, for a command. */
export function publishedCandidates(sources: ProfileSources): Promise<readonly Candidate[]> {
	return new PublishedProfiles(sources).candidates();
}

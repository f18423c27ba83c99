/** Of the Store in memory: operators' profiles, their versions and sealed secrets. */
import type { ProfileState, ProfileStore, ProfileVersion, SealedSecret } from "../ports.ts";
import { MemoryRevocation } from "./memory-revocation.ts";
import { duplicate } from "./memory-tables.ts";

export class MemoryProfiles extends MemoryRevocation implements ProfileStore {
	async saveProfile({ version, after, secrets, audit }: Parameters<ProfileStore["saveProfile"]>[0]) {
		const { name } = version;
		const known = this.profiles.get(name);
		if ((known?.latest ?? 0) !== after) return false;
		const number = after + 1;
		if (new Set(secrets.map((secret) => secret.name)).size < secrets.length) throw duplicate("secret");
		this.profiles.set(name, { ...(known ?? { name, published: null, publishedAt: null }), latest: number });
		this.versions.push({ ...version, version: number });
		for (const secret of secrets) this.secrets.push({ ...secret, profile: name, version: number });
		this.events.push(audit);
		return true;
	}

	async publishProfile({ name, version, now, audit }: Parameters<ProfileStore["publishProfile"]>[0]) {
		const known = this.profiles.get(name);
		if (!known || (version !== null && !(version >= 1 && version <= known.latest))) return false;
		this.profiles.set(name, { ...known, published: version, publishedAt: version === null ? null : now });
		this.events.push(audit);
		return true;
	}

	async listProfiles(): Promise<ProfileState[]> {
		return [...this.profiles.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
	}

	async listVersions(name: string): Promise<ProfileVersion[]> {
		return this.versions.filter((each) => each.name === name).sort((a, b) => b.version - a.version);
	}

	async publishedVersions(): Promise<{ name: string; version: number }[]> {
		const profiles = await this.listProfiles();
		return profiles.flatMap(({ name, published }) => (published === null ? [] : [{ name, version: published }]));
	}

	async findVersion(name: string, version: number): Promise<ProfileVersion | null> {
		return this.versions.find((each) => each.name === name && each.version === version) ?? null;
	}

	async findSecrets(wanted: Parameters<ProfileStore["findSecrets"]>[0]): Promise<SealedSecret[]> {
		return this.secrets.filter((each) =>
			wanted.some(
				({ profile, name, version }) => each.profile === profile && each.name === name && each.version === version,
			),
		);
	}
}

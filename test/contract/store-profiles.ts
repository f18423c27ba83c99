/** Of the Store's contract: operators' profiles, their versions and secrets. */
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { ProfileStore, SealedSecret, Store } from "../../lib/ports.ts";
import type { StoreContract } from "./store-contract.ts";
import { at, audit, bytes } from "./store-exchange.ts";

export function profilesContract(contract: StoreContract): void {
	let store: Store;
	let id = "";
	let name = "";
	beforeEach(() => {
		({ store, id } = contract);
		name = `profile-${id}`;
	});
	const version = (number = 1, of = name) => ({
		...{
			name: of,
			version: number,
			document: `name: ${of}\nü: ${number}\n`,
			note: number === 1 ? "" : `note ${number}`,
		},
		...{ createdAt: at(number), by: "root" },
	});
	const secret = (of: string, number = 1, profile = name): SealedSecret => {
		return { profile, name: of, version: number, sealed: bytes(`${profile}/${of}/${number}`) };
	};
	const save = (number = 1, secrets: readonly SealedSecret[] = [], of = name) =>
		store.saveProfile({ version: version(number, of), after: number - 1, secrets, audit: audit("profile.saved", id) });
	const publish = (number: number | null, now = at(100), of = name) => {
		const input: Parameters<ProfileStore["publishProfile"]>[0] = { name: of, version: number, now, audit: published() };
		return store.publishProfile(input);
	};
	const published = () => audit("profile.published", id);
	const state = async (of = name) => (await store.listProfiles()).find((each) => each.name === of);
	const served = async () => (await store.publishedVersions()).filter((each) => each.name.includes(id));

	describe("saveProfile", () => {
		it("adds version after version, unpublished", async () => {
			expect(await save(1)).toBe(true);
			expect(await state()).toEqual({ name, latest: 1, published: null, publishedAt: null });
			expect(await save(2)).toBe(true);
			expect(await state()).toEqual({ name, latest: 2, published: null, publishedAt: null });
			expect(await store.listVersions(name)).toEqual([version(2), version(1)]);
			expect(await store.findVersion(name, 1)).toEqual(version(1));
			expect(await contract.eventsOf()).toEqual(["profile.saved", "profile.saved"]);
		});
		it("refuses what does not follow the newest, and writes nothing", async () => {
			expect(await save(2)).toBe(false);
			expect(await state()).toBeUndefined();
			await save(1);
			expect(await save(1, [secret("wifi")])).toBe(false);
			expect(await save(3)).toBe(false);
			expect(await store.listVersions(name)).toEqual([version(1)]);
			expect(await store.findSecrets([secret("wifi")])).toEqual([]);
			expect(await contract.eventsOf()).toEqual(["profile.saved"]);
		});
		it("lets one of many win, the first version and the next", async () => {
			for (const number of [1, 2]) {
				const answers = await Promise.all(Array.from({ length: 12 }, () => save(number, [secret("wifi", number)])));
				expect(answers.filter(Boolean)).toHaveLength(1);
			}
			expect(await store.listVersions(name)).toHaveLength(2);
		});
		it("keeps what is published while there are drafts", async () => {
			await save(1);
			await publish(1);
			await save(2);
			expect(await state()).toEqual({ name, latest: 2, published: 1, publishedAt: at(100) });
			expect(await served()).toEqual([{ name, version: 1 }]);
		});
		it("keeps each profile for itself", async () => {
			const other = `${name}-b`;
			await save(1);
			await save(1, [], other);
			expect(await store.listVersions(other)).toEqual([version(1, other)]);
		});
	});

	describe("publishProfile", () => {
		beforeEach(async () => {
			await save(1);
			await save(2);
		});

		it("gives devices any version, a former one as well, or none", async () => {
			for (const number of [2, 1]) {
				expect(await publish(number, at(100 + number))).toBe(true);
				expect(await state()).toMatchObject({ latest: 2, published: number, publishedAt: at(100 + number) });
				expect(await served()).toEqual([{ name, version: number }]);
			}
			expect(await publish(null)).toBe(true);
			expect(await state()).toMatchObject({ published: null, publishedAt: null });
			expect(await served()).toEqual([]);
			expect((await contract.eventsOf()).filter((event) => event === "profile.published")).toHaveLength(3);
		});
		it("refuses a version and a profile that are not there", async () => {
			await publish(1);
			for (const number of [0, 3, -1]) expect(await publish(number)).toBe(false);
			for (const number of [1, null]) expect(await publish(number, at(1), `${name}-b`)).toBe(false);
			expect(await served()).toEqual([{ name, version: 1 }]);
			expect((await contract.eventsOf()).filter((event) => event === "profile.published")).toHaveLength(1);
		});
	});

	describe("what is kept", () => {
		it("is listed by name, capitals first", async () => {
			const names = [`${name}-b`, `${name}-B`, `${name}_a`, `${name}-a`];
			for (const each of names) {
				await save(1, [], each);
				await publish(1, at(1), each);
			}
			const wanted = [`${name}-B`, `${name}-a`, `${name}-b`, `${name}_a`];
			const listed = (await store.listProfiles()).map((each) => each.name).filter((each) => each.includes(id));
			expect(listed).toEqual(wanted);
			expect((await served()).map((each) => each.name)).toEqual(wanted);
		});
		it("is nothing of what was never saved", async () => {
			expect(await store.listVersions(name)).toEqual([]);
			expect(await store.findVersion(name, 1)).toBeNull();
			expect(await store.findSecrets([])).toEqual([]);
		});
		it("has each secret with the version that brought it, and answers those that exist", async () => {
			await save(1, [secret("wifi"), secret("vpn")]);
			await save(2, [secret("wifi", 2)]);
			await save(1, [secret("wifi", 1, `${name}-b`)], `${name}-b`);
			const wanted = [
				secret("wifi", 2),
				secret("vpn"),
				secret("vpn", 2),
				secret("absent"),
				secret("wifi", 1, "absent"),
			];
			const found = await store.findSecrets(wanted.map(({ profile, name, version }) => ({ profile, name, version })));
			const inOrder = found.sort((a, b) => (a.name < b.name ? -1 : 1));
			expect(inOrder).toEqual([secret("vpn"), secret("wifi", 2)]);
		});
	});
}

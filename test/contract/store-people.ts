/** Of the Store's contract: people as their latest sign-in described them. Their devices: store-devices.ts. */
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { Store, User } from "../../lib/ports.ts";
import type { StoreContract } from "./store-contract.ts";
import { at, enroll, person, start, t0 } from "./store-exchange.ts";

export function peopleContract(contract: StoreContract): void {
	let store: Store;
	let id = "";
	let group = "";
	beforeEach(() => {
		({ store, id } = contract);
		group = `Größe "${id}"`;
	});
	const user = (more: Partial<User> = {}): User => ({ ...person(`u-${id}`), ...more });
	const save = (of: User, signedInAt = at(1)) => store.savePerson({ user: of, signedInAt });
	const of = (groups: readonly string[], userId = `u-${id}`) => ({ ...person(userId), groups });
	const countOf = (asked = group, otherThan = "") => store.countGroupDevices(asked, otherThan, at(5000));

	describe("savePerson", () => {
		it("keeps a person as the latest sign-in described them", async () => {
			expect(await store.findPerson({ id: `u-${id}` })).toBeNull();
			await save(user());
			expect(await store.findPerson({ id: `u-${id}` })).toEqual({ user: user(), signedInAt: at(1) });
			const later = user({ email: `New-${id}@Example.com`, groups: [], claims: {} });
			await save(later, at(2));
			expect(await store.findPerson({ id: `u-${id}` })).toEqual({ user: later, signedInAt: at(2) });
		});
		it("moves the time alone when nothing else is new, and never back", async () => {
			for (const [signedInAt, kept] of [
				[at(2), at(2)],
				[at(3), at(3)],
				[at(1), at(3)],
			] as const) {
				await save(user(), signedInAt);
				expect(await store.findPerson({ id: `u-${id}` })).toEqual({ user: user(), signedInAt: kept });
			}
			await save(user({ groups: [group] }), at(1));
			expect(await store.findPerson({ id: `u-${id}` })).toEqual({ user: user(), signedInAt: at(3) });
		});
		it("takes one of many at once, whole", async () => {
			await enroll(store, id, `udid-${id}`, { userId: `u-${id}` });
			const groups = Array.from({ length: 12 }, (_, n) => `${group}/${n}`);
			await Promise.all(groups.map((each, n) => save(of([each]), at(10 + (n % 3)))));
			const found = await store.findPerson({ id: `u-${id}` });
			expect(found?.signedInAt).toEqual(at(12));
			const counts = await Promise.all(groups.map((each) => countOf(each)));
			expect(groups.filter((_, n) => counts[n] === 1)).toEqual(found?.user.groups);
		});
	});

	describe("startEnrollment", () => {
		it("keeps the person as well", async () => {
			await store.startEnrollment(start(id));
			expect(await store.findPerson({ id: `user-${id}` })).toEqual({ user: person(`user-${id}`), signedInAt: t0 });
			await store.startEnrollment(start(`${id}-b`, `user-${id}`, at(5)));
			expect((await store.findPerson({ id: `user-${id}` }))?.signedInAt).toEqual(at(5));
		});
		it("keeps the person of many starts at once", async () => {
			const ids = Array.from({ length: 12 }, (_, n) => `${id}-${n}`);
			await Promise.all(ids.map((each, n) => store.startEnrollment(start(each, `u-${id}`, at(n)))));
			expect((await store.findPerson({ id: `u-${id}` }))?.signedInAt).toEqual(at(11));
		});
		it("keeps nothing of a person of whom all is known", async () => {
			await store.startEnrollment({ ...start(id), signedInAt: null });
			expect(await store.findPerson({ id: `user-${id}` })).toBeNull();
			expect((await contract.enrollment()).state).toBe("started");
		});
		it("keeps nobody when it fails", async () => {
			await store.startEnrollment(start(id));
			await expect(store.startEnrollment(start(id, `u-${id}`))).rejects.toMatchObject({ code: "store_unavailable" });
			expect(await store.findPerson({ id: `u-${id}` })).toBeNull();
		});
	});

	describe("findPerson", () => {
		it("finds by e-mail address in any case, of several the latest sign-in", async () => {
			const email = `Zoe-${id}@Example.com`;
			await save({ ...person(`a-${id}`), email }, at(1));
			await save({ ...person(`b-${id}`), email: email.toLowerCase() }, at(3));
			await save({ ...person(`c-${id}`), email: email.toUpperCase() }, at(2));
			for (const each of [email, email.toLowerCase(), email.toUpperCase()]) {
				expect((await store.findPerson({ email: each }))?.user.id).toBe(`b-${id}`);
			}
		});
		it("finds nobody by an address that nobody has, or by none", async () => {
			await save(user({ email: "" }));
			expect(await store.findPerson({ email: "" })).toBeNull();
			expect(await store.findPerson({ email: `absent-${id}@example.com` })).toBeNull();
		});
	});

	describe("countGroupDevices", () => {
		it("counts devices of everybody in the group, each once, but for the one that asks", async () => {
			for (const name of ["a", "b"]) await save(of([group, group], `${name}-${id}`), at(-1));
			const start = async (n: number, name: string, device: string) => {
				await enroll(store, `${id}-${n}`, `${device}-${id}`, { userId: `${name}-${id}` });
				// A start says something else of the person.
				await save(of([group], `${name}-${id}`), at(10 + n));
			};
			await start(1, "a", "phone");
			await start(2, "a", "phone");
			await start(3, "a", "pad");
			await start(4, "b", "phone");
			await start(5, "b", "mac");
			await start(6, "c", "other");
			await save(of(["elsewhere"], `c-${id}`), at(20));
			expect(await countOf()).toBe(3);
			expect(await countOf(group, `phone-${id}`)).toBe(2);
			expect(await countOf(group, `phone-${id}`.toUpperCase())).toBe(3);
			expect(await countOf(`${group}/none`)).toBe(0);
		});
		it("forgets a group with the sign-in that does not tell of it", async () => {
			await enroll(store, id, `udid-${id}`, { userId: `u-${id}` });
			await save(of([group]), at(1));
			expect(await countOf()).toBe(1);
			await save(of(["other\u0000", "other"]), at(2));
			expect(await countOf()).toBe(0);
			await save(of([]), at(3));
			expect(await countOf()).toBe(0);
		});
		it("counts no device without a certificate", async () => {
			await store.startEnrollment(start(id, `u-${id}`));
			await save(of([group]));
			expect(await countOf()).toBe(0);
		});
	});
}

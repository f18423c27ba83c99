/** The life of a revocation list: made, kept, made anew, raced for. IDs as in the list of hostile input. */
import { describe, expect, it } from "@jest/globals";
import { readCertificateList } from "../../lib/ca/crl-reading.ts";
import { verifyCertificateList } from "../../lib/ca/crl-verify.ts";
import type { RevocationList } from "../../lib/ports.ts";
import { day, hsmAway, RevocationWorld } from "../harness/revocation-world.ts";

const minute = 60_000;

/** The list's serial numbers, once it verifies. */
function serials(world: RevocationWorld, list: RevocationList | null): string[] {
	const read = readCertificateList((list as RevocationList).der);
	verifyCertificateList(read, world.ca, world.now);
	return [...read.revoked.keys()];
}

describe("a revocation list", () => {
	it("holds what is revoked and what was abandoned, and verifies", async () => {
		const world = new RevocationWorld();
		for (const serial of ["0a01", "0a02", "0a03", "0a04"]) world.certificate(serial);
		world.revoke("0a02", 1);
		world.revoke("0a03", null, "abandoned");
		const list = await world.service().list(world.issuer);
		expect(serials(world, list)).toEqual(["0a02", "0a03"]);
		expect((list as RevocationList).nextUpdate.getTime() - world.now.getTime()).toBe(7 * day);
		expect(await world.service().list("f".repeat(64))).toBeNull();
	});

	it("is signed once for all who ask, and again when half its life is over", async () => {
		const world = new RevocationWorld();
		const service = world.service();
		const lists = await Promise.all(Array.from({ length: 1000 }, () => service.list(world.issuer)));
		expect(new Set(lists.map((list) => list?.number)).size).toBe(1);
		world.later(3 * day);
		await service.list(world.issuer);
		expect(world.signed.ca).toBe(1);
		world.later(day);
		const next = await service.list(world.issuer);
		expect(world.signed.ca).toBe(2);
		expect(next?.number).toBeGreaterThan(lists[0]?.number as number);
	});

	it("shows a revocation within a minute, in every process", async () => {
		const world = new RevocationWorld();
		world.certificate("0a01");
		const [one, other] = [world.service(), world.service()];
		for (const service of [one, other]) expect(serials(world, await service.list(world.issuer))).toEqual([]);
		world.later(1000);
		world.revoke("0a01");
		world.later(minute - 1000);
		for (const service of [one, other]) expect(serials(world, await service.list(world.issuer))).toEqual(["0a01"]);
		// One made it, the other took it from the database.
		expect(world.signed.ca).toBe(2);
	});

	it("keeps an entry until it was on a list after its certificate's end", async () => {
		const world = new RevocationWorld();
		world.certificate("0a01", { notAfter: new Date(world.now.getTime() + day) });
		world.certificate("0a02");
		world.revoke("0a01");
		const service = world.service();
		await service.list(world.issuer);
		world.later(4 * day);
		expect(serials(world, await service.list(world.issuer))).toEqual(["0a01"]);
		world.later(4 * day);
		expect(serials(world, await service.list(world.issuer))).toEqual([]);
	});

	it("is served as long as it lives while none can be signed, and refused afterwards", async () => {
		const world = new RevocationWorld();
		const service = world.service();
		const list = await service.list(world.issuer);
		world.away = hsmAway();
		world.later(5 * day);
		expect((await service.list(world.issuer))?.number).toBe(list?.number);
		expect(world.log).toContain("crl.not_made");
		world.later(3 * day);
		await expect(service.list(world.issuer)).rejects.toMatchObject({ code: "hsm_unavailable" });
		world.away = null;
		expect((await service.list(world.issuer))?.number).toBeGreaterThan(list?.number as number);
	});

	it("C02 is one when two generators make it at once", async () => {
		const world = new RevocationWorld();
		world.certificate("0a01");
		world.revoke("0a01");
		const services = Array.from({ length: 8 }, () => world.service());
		const lists = await Promise.all(services.map((service) => service.list(world.issuer)));
		expect(new Set(lists.map((list) => list?.number)).size).toBe(1);
		expect(new Set(lists.map((list) => Buffer.from(list?.der ?? []).toString("hex"))).size).toBe(1);
	});

	it("C02 has a higher number than the one before though the clock went back an hour or an old database was restored", async () => {
		const world = new RevocationWorld();
		world.certificate("0a01");
		world.certificate("0a02");
		const first = (await world.service().list(world.issuer)) as RevocationList;
		world.later(-60 * minute);
		world.revoke("0a01");
		const second = (await world.service().list(world.issuer)) as RevocationList;
		expect(second.number).toBe(first.number + 1);
		expect(serials(world, second)).toEqual(["0a01"]);
		world.later(61 * minute);
		// A database from before the first list.
		world.store.lists.clear();
		world.revoke("0a02");
		const third = (await world.service().list(world.issuer)) as RevocationList;
		expect(third.number).toBeGreaterThan(second.number);
	});

	it("D05 loses no entry because one list was made under a wrong clock", async () => {
		const world = new RevocationWorld();
		for (const serial of ["0a01", "0a02"]) world.certificate(serial);
		world.revoke("0a01");
		const wrong = 400 * day;
		world.later(wrong);
		await world.service().list(world.issuer);
		world.later(-wrong);
		world.revoke("0a02");
		const list = await world.service().list(world.issuer);
		expect(serials(world, list)).toEqual(["0a01", "0a02"]);
		// Nor is a list from the future served because nothing was revoked since.
		world.later(day);
		const ahead = world.service();
		await ahead.list(world.issuer);
		world.later(-day);
		expect((await ahead.list(world.issuer))?.thisUpdate.getTime()).toBeLessThanOrEqual(world.now.getTime());
	});

	it("asks neither token nor database again for ten seconds after it could not be made", async () => {
		const world = new RevocationWorld();
		const service = world.service();
		await service.list(world.issuer);
		world.away = hsmAway();
		world.later(5 * day);
		for (let asked = 0; asked < 200; asked++) await service.list(world.issuer);
		expect(world.log.filter((event) => event === "crl.not_made")).toHaveLength(1);
	});

	it("of ten thousand entries is whole", async () => {
		const world = new RevocationWorld();
		const all = Array.from({ length: 10_000 }, (_, index) => `4a${index.toString(16).padStart(30, "0")}`);
		for (const serial of all) {
			world.certificate(serial);
			world.revoke(serial);
		}
		expect(serials(world, await world.service().list(world.issuer))).toEqual(all);
	});
});

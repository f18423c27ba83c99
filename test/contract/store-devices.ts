/** Of the Store's contract: devices by their newest enrollment, the allow list, and blocks of devices that are not known yet. */
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { AllowedDevice, Block, Store } from "../../lib/ports.ts";
import { must, type StoreContract } from "./store-contract.ts";
import {
	again,
	at,
	audit,
	delivery,
	enroll,
	issue,
	lift,
	renew,
	reserve,
	revocation,
	start,
} from "./store-exchange.ts";

export function devicesContract(contract: StoreContract): void {
	let store: Store;
	let id = "";
	let udid = "";
	let other = "";
	beforeEach(() => {
		({ store, id } = contract);
		udid = `Udid-${id}`;
		other = `${id}-b`;
	});
	const now = at(10_000);
	const find = (name = udid, when = now) => store.findDevice(name, when);
	const detailsOf = async (event: string) =>
		(await contract.raw.events())
			.filter((each) => each.event === event && each.enrollmentId === id)
			.map(({ detail }) => detail.device);

	describe("findDevice", () => {
		it("finds by UDID or serial number, with identity and delivery", async () => {
			await enroll(store, id, udid, { serial: `serial-${id}` });
			const { identity } = must(await find());
			expect(identity).toEqual(await contract.certificateOf());
			expect(await find()).toMatchObject({ enrollment: { id, state: "certified" }, delivery: null, isBlocked: false });
			await store.deliver(delivery(id));
			await store.deliverAgain(again(id));
			const found = must(await find(`serial-${id}`));
			expect(found.enrollment).toEqual(await contract.enrollment());
			expect(found.delivery).toEqual(again(id).delivery);
		});
		it("finds capitals and small letters", async () => {
			await enroll(store, id, udid.toLowerCase(), { serial: `SERIAL-${id.toUpperCase()}` });
			for (const name of [udid, udid.toUpperCase(), `serial-${id}`]) expect((await find(name))?.enrollment.id).toBe(id);
		});
		it("answers the newest enrollment that got a certificate", async () => {
			await enroll(store, other, udid, { createdAt: at(2) });
			await enroll(store, id, udid, { createdAt: at(1) });
			await store.startEnrollment(start(`${id}-c`, `user-${id}`, at(3)));
			expect((await find())?.enrollment.id).toBe(other);
		});
		it("tells when devices of two people tell the same name, and both have a live identity", async () => {
			await enroll(store, id, udid, { createdAt: at(1) });
			await store.deliver(delivery(id));
			await enroll(store, other, udid, { createdAt: at(2) });
			expect(await find()).toMatchObject({ enrollment: { id }, isContested: false });
			await store.deliver(delivery(other));
			expect(await find()).toMatchObject({ enrollment: { id: other }, isContested: true });
			await store.revoke(revocation({ serialNumber: reserve(other).certificate.serialNumber }));
			expect(await find()).toMatchObject({ enrollment: { id }, isContested: false });
		});
		it("finds nothing unknown, and nothing without a certificate", async () => {
			await store.startEnrollment(start(id));
			expect(await find()).toBeNull();
			expect(await find("")).toBeNull();
		});
		it("has the newest identity that counts", async () => {
			await enroll(store, id, udid);
			await store.deliver(delivery(id));
			await store.reserveRenewal(renew(id));
			const serialOf = async (when = now) => must(await find(udid, when)).identity?.serialNumber;
			expect(await serialOf()).toBe(reserve(id).certificate.serialNumber);
			await store.issueCertificate(issue(id, 11, at(5500)));
			expect(await serialOf()).toBe(reserve(id, 11).certificate.serialNumber);
			const { notAfter } = reserve(id).certificate;
			expect(await serialOf(notAfter)).toBe(reserve(id, 11).certificate.serialNumber);
			expect(await serialOf(new Date(notAfter.getTime() + 1))).toBeUndefined();
			await store.revoke(revocation({ serialNumber: reserve(id, 11).certificate.serialNumber }, at(6000), 4));
			expect(await serialOf()).toBe(reserve(id).certificate.serialNumber);
		});
		it("says that the person or the device is blocked", async () => {
			await enroll(store, id, udid);
			await store.revoke(revocation({ person: `user-${id}` }));
			expect(await find()).toBeNull();
			await enroll(store, other, udid);
			await store.deliver(delivery(other));
			expect((await find())?.isBlocked).toBe(false);
			await store.revoke(revocation({ device: udid }));
			expect(await find()).toMatchObject({ enrollment: { id: other }, identity: null, isBlocked: true });
		});
	});

	describe("listDevices", () => {
		const ids = async (userId: string) => (await store.listDevices(userId, now)).map(({ enrollment }) => enrollment.id);

		it("lists each device once, newest first", async () => {
			const userId = `u-${id}`;
			await enroll(store, `${id}-1`, udid, { userId, createdAt: at(1) });
			await enroll(store, `${id}-2`, `pad-${id}`, { userId, createdAt: at(3) });
			await enroll(store, `${id}-3`, udid, { userId, createdAt: at(2) });
			await store.startEnrollment(start(`${id}-4`, userId, at(4)));
			expect(await ids(userId)).toEqual([`${id}-2`, `${id}-3`]);
			expect((await store.listDevices(userId, now))[1]).toEqual(await find());
		});
		it("is nobody else's to change: who tells another's UDID takes nothing out of the other's list", async () => {
			await enroll(store, id, udid, { userId: `a-${id}`, createdAt: at(1) });
			await enroll(store, other, udid, { userId: `b-${id}`, createdAt: at(2) });
			expect(await ids(`a-${id}`)).toEqual([id]);
			expect(await ids(`b-${id}`)).toEqual([other]);
			expect(await ids("")).toEqual([]);
		});
		it("prefers what was delivered to a later enrollment that ended halfway, and knows a UDID in any case", async () => {
			const userId = `u-${id}`;
			await enroll(store, id, udid, { userId, createdAt: at(1) });
			await store.deliver(delivery(id));
			await enroll(store, other, udid.toLowerCase(), { userId, createdAt: at(2) });
			expect(await ids(userId)).toEqual([id]);
			expect((await find())?.enrollment.id).toBe(id);
		});
	});

	describe("the allow list", () => {
		const device = (name: string, note = ""): AllowedDevice => {
			return { value: `${name}-${id}`.toUpperCase(), note, createdAt: at(1), by: "root" };
		};
		const allow = (...devices: AllowedDevice[]) => store.allowDevices({ devices, audit: audit("device.allowed", id) });
		const disallow = (...values: string[]) => store.disallowDevices({ values, audit: audit("device.disallowed", id) });
		const listed = async () =>
			(await store.listAllowedDevices()).filter(({ value }) => value.endsWith(`-${id.toUpperCase()}`));

		it("keeps devices once, as they were first told of", async () => {
			expect(await allow(device("b", "ü"), device("a"), device("b", "twice"))).toBe(2);
			expect(await allow(device("b", "again"), device("c"))).toBe(1);
			expect(await allow()).toBe(0);
			expect(await listed()).toEqual([device("a"), device("b", "ü"), device("c")]);
			const values = [device("b"), device("a"), device("c")].map(({ value }) => value);
			expect((await detailsOf("device.allowed")).sort()).toEqual(values.sort());
		});
		it("knows a UDID or a serial number, in any case", async () => {
			await allow(device("a"));
			for (const name of [`a-${id}`, `A-${id}`]) {
				expect(await store.isAllowed({ udid: name, serialNumber: null })).toBe(true);
				expect(await store.isAllowed({ udid: "absent", serialNumber: name })).toBe(true);
			}
			expect(await store.isAllowed({ udid: `b-${id}`, serialNumber: null })).toBe(false);
			expect(await store.isAllowed({ udid: "", serialNumber: "" })).toBe(false);
		});
		it("takes off what is on it", async () => {
			await allow(device("a"), device("b"));
			expect(await disallow(device("a").value, device("a").value, "absent")).toBe(1);
			expect(await disallow(device("a").value)).toBe(0);
			expect(await listed()).toEqual([device("b")]);
			expect(await detailsOf("device.disallowed")).toEqual([device("a").value]);
		});
		it("counts each device for one of many who add or remove it", async () => {
			const devices = Array.from({ length: 5 }, (_, n) => device(`d${n}`));
			const added = await Promise.all(Array.from({ length: 4 }, () => allow(...devices)));
			expect(added.reduce((sum, one) => sum + one, 0)).toBe(5);
			const values = devices.map(({ value }) => value);
			const removed = await Promise.all([disallow(...values), disallow(...values.reverse())]);
			expect(removed.reduce((sum, one) => sum + one, 0)).toBe(5);
			expect(await detailsOf("device.disallowed")).toHaveLength(5);
		});
		it("takes a company's whole list", async () => {
			const devices = Array.from({ length: 2500 }, (_, n) => device(`many${n}`));
			await allow(...devices.slice(1000, 1200));
			expect(await allow(...devices)).toBe(2300);
			expect(await listed()).toHaveLength(2500);
			expect(await detailsOf("device.allowed")).toHaveLength(2500);
		});
	});

	describe("blockDevices", () => {
		const block = (value: string, reason = 1): Block => {
			return { kind: "device", value, createdAt: at(1), reason, by: "root" };
		};
		const blockAll = (...blocks: Block[]) => store.blockDevices({ blocks, audit: audit("device.blocked", id) });
		const isBlocked = (name: string) => store.isBlocked({ udid: name });

		it("blocks devices that are not known here, once, and tells of each", async () => {
			expect(await blockAll(block(`b-${id}`), block(`a-${id}`))).toBe(2);
			expect(await blockAll(block(`a-${id}`, 4), block(`c-${id}`))).toBe(1);
			const kept = (await store.listBlocks()).filter(({ value }) => value.endsWith(`-${id}`));
			expect(kept).toEqual(["a", "b", "c"].map((name) => block(`${name}-${id}`)));
			expect((await detailsOf("blocked")).sort()).toEqual(["a", "b", "c"].map((name) => `${name}-${id}`));
		});
		it("holds for the name in capitals and in small letters, and is lifted by them", async () => {
			await blockAll(block(`UP-${id.toUpperCase()}`), block(`low-${id}`));
			for (const name of [`up-${id}`, `Up-${id}`, `low-${id}`, `LOW-${id.toUpperCase()}`, `Low-${id}`]) {
				expect(await isBlocked(name)).toBe(true);
				expect(await store.isBlocked({ udid: "x", serialNumber: name })).toBe(true);
			}
			expect(await store.liftBlock(lift({ device: `Up-${id}` }))).toBe(true);
			expect(await isBlocked(`up-${id}`)).toBe(false);
			expect(await isBlocked(`low-${id}`)).toBe(true);
		});
		it("holds for enrollments, but revokes nothing of them", async () => {
			await enroll(store, id, udid, { serial: `serial-${id}` });
			await blockAll(block(`SERIAL-${id.toUpperCase()}`));
			expect(await find()).toMatchObject({ enrollment: { state: "certified" }, isBlocked: true });
			const { serialNumber } = reserve(id).certificate;
			const found = must(await store.findCertificate(serialNumber));
			expect(found).toMatchObject({ certificate: { state: "issued" }, isBlocked: true });
			expect(await store.findChallenge(found.certificate.challengeHash)).toMatchObject({ isBlocked: true });
		});
		it("stops a certificate that is reserved", async () => {
			await enroll(store, id, udid);
			await store.deliver(delivery(id));
			await store.reserveRenewal(renew(id));
			await blockAll(block(udid.toUpperCase()));
			expect(await store.issueCertificate(issue(id, 11, at(5500)))).toBe(false);
		});
		it("counts each block for one of many", async () => {
			const blocks = ["a", "b", "c"].map((name) => block(`${name}-${id}`));
			const counts = await Promise.all([blockAll(...blocks), blockAll(...[...blocks].reverse()), blockAll(...blocks)]);
			expect(counts.reduce((sum, one) => sum + one, 0)).toBe(3);
		});
	});
}

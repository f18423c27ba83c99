import { fork } from "node:child_process";
import { statSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import Database from "better-sqlite3";
import { prismaStore } from "../../lib/store/index.ts";
import { openDatabase } from "../../prisma/client.ts";
import { type TemporaryDatabase, temporaryDatabase } from "../harness/database.ts";
import { audit, bytes, delivery, hash, identify, issue, proceed, reserve, start } from "./store-exchange.ts";
import { rowsOf } from "./store-rows.ts";
import { storeContract } from "./store-suite.ts";

storeContract("SQLite", async () => {
	const { client, store, remove } = await temporaryDatabase();
	return { store, close: remove, raw: rowsOf(client) };
});

describe("SQLite database", () => {
	let database: TemporaryDatabase;
	beforeEach(async () => {
		database = await temporaryDatabase();
	});
	afterEach(() => database.remove());

	it("survives reopening, to the millisecond and byte", async () => {
		const { store, url } = database;
		await proceed(store, "e", "certified");
		await store.deliver(delivery("e"));
		const { serialNumber } = reserve("e").certificate;
		const before = await Promise.all([store.findCertificate(serialNumber), store.findDelivery("e")]);
		await store.close();
		const again = prismaStore(await openDatabase(url));
		expect(await Promise.all([again.findCertificate(serialNumber), again.findDelivery("e")])).toEqual(before);
		expect(before[1]?.profile).toEqual(bytes("e/profile"));
		await again.close();
	});

	it("is readable by its owner alone, journal included", async () => {
		await database.store.startEnrollment(start("e"));
		const modes = ["", "-wal", "-shm"].map((part) => statSync(`${database.file}${part}`).mode & 0o777);
		expect(modes).toEqual([0o600, 0o600, 0o600]);
	});

	it("refuses a place where its pragmas do not hold", async () => {
		const refusal = { code: "store_unavailable", message: expect.stringContaining("journal_mode at memory, not wal") };
		await expect(openDatabase("file::memory:")).rejects.toMatchObject(refusal);
	});

	it("runs with the pragmas that lose nothing", async () => {
		const { client } = database;
		expect(await client.$queryRaw`PRAGMA journal_mode`).toEqual([{ journal_mode: "wal" }]);
		expect(await client.$queryRaw`PRAGMA synchronous`).toEqual([{ synchronous: 2n }]);
		expect(await client.$queryRaw`PRAGMA foreign_keys`).toEqual([{ foreign_keys: 1n }]);
		expect(await client.$queryRaw`PRAGMA busy_timeout`).toEqual([{ timeout: 5000n }]);
	});

	it("itself refuses a certificate whose challenge another key spent, or none", async () => {
		await proceed(database.store, "e", "identified");
		const { certificate } = reserve("e");
		const row = { ...certificate, tbs: bytes("tbs"), state: "reserved" };
		await expect(database.client.certificate.create({ data: row })).rejects.toMatchObject({ code: "P2003" });
		await database.store.reserveCertificate(reserve("e"));
		const other = { ...row, publicKeyHash: hash("other"), serialNumber: "01" };
		await expect(database.client.certificate.create({ data: other })).rejects.toMatchObject({ code: "P2003" });
	});

	it("waits for another process's lock", async () => {
		await database.store.startEnrollment(start("e"));
		// Holds the write lock for half a second from a process of its own, and says when it has it.
		const holder = fork("-e", [HOLD, database.file], { execArgv: [], cwd: process.cwd() });
		await new Promise((resolve) => holder.once("message", resolve));
		const ended = new Promise((resolve) => holder.once("exit", resolve));
		expect(await database.store.identifyFirst(identify("e"))).toBe(true);
		await ended;
	});

	it("answers store_unavailable with its cause, and nothing of it is half written", async () => {
		const { store, file } = database;
		await proceed(store, "e", "reserved");
		const direct = new Database(file);
		direct.exec("DROP TABLE AuditEvent");
		await expect(store.record(audit("x", null))).rejects.toMatchObject({ code: "store_unavailable" });
		const failure = await store.issueCertificate(issue("e")).catch((error: unknown) => error);
		expect(failure).toMatchObject({ name: "OtaError", code: "store_unavailable", cause: { code: "P2010" } });
		const { serialNumber } = reserve("e").certificate;
		expect(await store.findCertificate(serialNumber)).toMatchObject({
			certificate: { state: "reserved" },
			enrollment: { state: "identified" },
		});
		direct.close();
	});
});

const HOLD = `
	const Database = require("better-sqlite3");
	const database = new Database(process.argv[1]);
	database.exec("BEGIN IMMEDIATE");
	process.send("held");
	setTimeout(() => { database.exec("COMMIT"); database.close(); process.disconnect(); }, 500);
`;

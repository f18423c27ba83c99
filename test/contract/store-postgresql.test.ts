import { connect, createServer, type Socket } from "node:net";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { prismaStore } from "../../lib/store/index.ts";
import { type DatabaseClient, openDatabase } from "../../prisma/client.ts";
import { startPostgres, type TestPostgres } from "../harness/postgres.ts";
import { bytes, delivery, hash, identify, issue, proceed, reserve, start } from "./store-exchange.ts";
import { rowsOf } from "./store-rows.ts";
import { storeContract } from "./store-suite.ts";

let postgres: TestPostgres;
beforeAll(async () => {
	postgres = await startPostgres({ durable: false });
});
afterAll(() => postgres?.stop());

storeContract("PostgreSQL", async () => {
	const client = await openDatabase(await postgres.database());
	const store = prismaStore(client);
	return { store, close: () => store.close(), raw: rowsOf(client) };
});

describe("PostgreSQL database", () => {
	const opened: DatabaseClient[] = [];
	const open = async (url: string) => {
		const client = await openDatabase(url);
		opened.push(client);
		return client;
	};
	/** The store on a fresh database, and a client of another process as it were. */
	async function fresh(parameters = "") {
		const url = await postgres.database();
		const client = await open(`${url}${parameters}`);
		return { client, other: await open(`${url}?application_name=other`), store: prismaStore(client) };
	}
	afterAll(() => Promise.all(opened.map((client) => client.$disconnect())));

	it("itself refuses a certificate whose challenge another key spent, or none", async () => {
		const { client, store } = await fresh();
		await proceed(store, "e", "identified");
		const row = { ...reserve("e").certificate, tbs: bytes("tbs"), state: "reserved" };
		await expect(client.certificate.create({ data: row })).rejects.toMatchObject({ code: "P2003" });
		await store.reserveCertificate(reserve("e"));
		const other = { ...row, publicKeyHash: hash("other"), serialNumber: "01" };
		await expect(client.certificate.create({ data: other })).rejects.toMatchObject({ code: "P2003" });
	});

	it("waits for another process's lock, and judges by what that left", async () => {
		const { other, store } = await fresh();
		for (const id of ["kept", "spent"]) await store.startEnrollment(start(id));
		const now = new Date();
		const ended = await hold(other, async (tables) => {
			await tables.$executeRaw`UPDATE "Challenge" SET "purpose" = 'enroll' WHERE "enrollmentId" = 'kept'`;
			await tables.$executeRaw`UPDATE "Challenge" SET "usedAt" = ${now} WHERE "enrollmentId" = 'spent'`;
		});
		const answers = Promise.all(["kept", "spent"].map((id) => store.identifyFirst(identify(id))));
		setTimeout(ended, 200);
		expect(await answers).toEqual([true, false]);
	});

	it("issues nothing beside a revocation that has not ended yet", async () => {
		const { other, store } = await fresh();
		await proceed(store, "e", "certified");
		await store.deliver(delivery("e"));
		const now = new Date();
		// What a revocation begins with; the certificate is reserved too late for it to see.
		const ended = await hold(other, async (tables) => {
			await tables.$executeRaw`UPDATE "Enrollment" SET "state" = "state" WHERE "udid" = 'udid-e'`;
			await tables.$executeRaw`
				INSERT INTO "Block" ("kind", "value", "createdAt", "reason", "by") VALUES ('device', 'udid-e', ${now}, 1, 'root')`;
		});
		await store.reserveCertificate(reserve("e", 2, { purpose: "client", challengeHash: hash("e/client") }));
		const issued = store.issueCertificate(issue("e", 2));
		await untilWaiting(other);
		await ended();
		expect(await issued).toBe(false);
	});

	it("tries again after a deadlock", async () => {
		const { other, store } = await fresh("?options=-c%20deadlock_timeout%3D50ms");
		await store.startEnrollment(start("e"));
		// Enrollment first and challenge second is the store's order the other way round; only one of the two can go on.
		let identified: Promise<boolean> | undefined;
		const ended = await hold(other, async (tables) => {
			await tables.$executeRaw`UPDATE "Enrollment" SET "attempts" = 0`;
			identified = store.identifyFirst(identify("e"));
			await untilWaiting(other);
			await tables.$executeRaw`UPDATE "Challenge" SET "purpose" = 'enroll'`;
		});
		await ended();
		expect(await identified).toBe(true);
	});

	it("opens no more connections than the URL allows", async () => {
		const { other, store } = await fresh("?connection_limit=3");
		const starts = Promise.all(Array.from({ length: 40 }, (_, n) => store.startEnrollment(start(`e${n}`))));
		const counts = [];
		for (let n = 0; n < 5; n += 1) counts.push(await backends(other));
		await starts;
		// With the other's own.
		expect(Math.max(...counts, await backends(other))).toBeLessThanOrEqual(4);
		expect(await store.countStarts("user-e39", start("e").enrollment.createdAt)).toBe(1);
	});

	it("does not notice that its idle connections were cut", async () => {
		const { other, store } = await fresh();
		for (let n = 0; n < 5; n += 1) {
			await Promise.all(Array.from({ length: 10 }, () => store.check()));
			await cut(other);
			await store.startEnrollment(start(`e${n}`));
		}
	});

	it("tries again when it was cut before the commit", async () => {
		const { other, store } = await fresh();
		await store.startEnrollment(start("e"));
		const ended = await hold(other, (tables) => tables.$executeRaw`UPDATE "Enrollment" SET "attempts" = 0`);
		const identified = store.identifyFirst(identify("e"));
		await untilWaiting(other);
		await cut(other);
		await ended();
		expect(await identified).toBe(true);
	});

	it("does nothing a second time that may have been committed", async () => {
		const { other, store } = await fresh();
		await other.$executeRaw`
			CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(20); RETURN NULL; END'`;
		// At the commit.
		await other.$executeRaw`
			CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON "Enrollment" DEFERRABLE INITIALLY DEFERRED
			FOR EACH ROW EXECUTE FUNCTION slow()`;
		const started = store.startEnrollment(start("e")).catch((error: unknown) => error);
		await until(async () => (await cut(other, "COMMIT")) > 0);
		expect(await started).toMatchObject({ code: "store_unavailable", cause: { cause: { kind: "ConnectionClosed" } } });
	});

	it("does not wait for a server that has gone silent", async () => {
		const way = await startWay(postgres.url);
		const url = new URL(await postgres.database());
		url.port = String(way.port);
		const store = prismaStore(await open(`${url.href}?query_timeout=300`));
		await store.startEnrollment(start("e"));
		way.freeze();
		expect(await store.identifyFirst(identify("e")).catch((error: unknown) => error)).toMatchObject({
			code: "store_unavailable",
		});
		await way.thaw();
		expect(await store.identifyFirst(identify("e"))).toBe(true);
		await way.close();
	});

	it("is store_unavailable while the server is away, and there again when it is", async () => {
		const { store } = await fresh();
		await store.startEnrollment(start("e"));
		await postgres.halt();
		for (const attempt of [() => store.check(), () => store.identifyFirst(identify("e"))]) {
			const failure = await attempt().catch((error: unknown) => error);
			expect(failure).toMatchObject({ code: "store_unavailable" });
			expect(inspect(failure, { depth: 10 })).not.toContain(new URL(postgres.url).password);
		}
		await postgres.resume();
		await store.check();
		expect(await store.identifyFirst(identify("e"))).toBe(true);
	});
});

/** A way to the server on which, once it is frozen, nothing moves and nobody new is let in. */
async function startWay(to: string) {
	const { hostname, port } = new URL(to);
	const sockets = new Set<Socket>();
	const server = createServer((near) => {
		const far = connect(Number(port), hostname);
		for (const [socket, other] of [[near, far] as const, [far, near] as const]) {
			sockets.add(socket);
			socket.on("error", () => other.destroy()).on("close", () => other.destroy());
			socket.on("data", (chunk) => other.write(chunk));
		}
	});
	const listen = (at: number) => new Promise<void>((done) => server.listen(at, "127.0.0.1", () => done()));
	await listen(0);
	const address = server.address();
	const own = typeof address === "object" && address ? address.port : 0;
	return {
		port: own,
		freeze() {
			for (const socket of sockets) socket.pause();
			server.close();
		},
		thaw: () => listen(own),
		close() {
			for (const socket of sockets) socket.destroy();
			return new Promise<void>((done) => server.close(() => done()));
		},
	};
}

/** A transaction that stays open until what this answers is called. */
async function hold(client: DatabaseClient, work: (tables: Pick<DatabaseClient, "$executeRaw">) => Promise<unknown>) {
	let release = () => {};
	const released = new Promise<void>((resolve) => {
		release = resolve;
	});
	let held = () => {};
	const holding = new Promise<void>((resolve) => {
		held = resolve;
	});
	const transaction = client.$transaction(async (tables) => {
		await work(tables);
		held();
		await released;
	});
	await Promise.race([holding, transaction]);
	return async () => {
		release();
		await transaction;
	};
}

/** Until some transaction waits for another's lock. */
const untilWaiting = (client: DatabaseClient) =>
	until(async () => {
		const locks = (await client.$queryRaw`SELECT 1 FROM pg_locks WHERE NOT granted`) as unknown[];
		return locks.length > 0;
	});

async function until(holds: () => Promise<boolean>): Promise<void> {
	while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Ends the store's connections to this database, or those that run a statement; answers how many. */
async function cut(other: DatabaseClient, statement?: string): Promise<number> {
	const rows = (await other.$queryRaw`
		SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name <> 'other' AND (${statement ?? null}::text IS NULL OR (state = 'active' AND query = ${statement ?? null}))`) as unknown[];
	return rows.length;
}

async function backends(client: DatabaseClient): Promise<number> {
	const [row] = (await client.$queryRaw`
		SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database()`) as { n: number }[];
	return row?.n ?? 0;
}

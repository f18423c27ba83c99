import { afterAll, beforeAll } from "@jest/globals";
import { prismaStore } from "../../lib/store/index.ts";
import { openDatabase } from "../../prisma/client.ts";
import { startPostgres, type TestPostgres } from "../harness/postgres.ts";
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

import { memoryStore } from "../../lib/store/index.ts";
import { storeContract } from "./store-suite.ts";

storeContract("memory", async () => {
	const store = memoryStore();
	const { events, devices, transactions } = store;
	const raw = {
		events: async () => events,
		device: async (udid: string) => devices.get(udid) ?? null,
		transactions: async (serialNumber: string) =>
			transactions.filter((each) => each.serialNumber === serialNumber).map((each) => each.transactionID),
	};
	return { store, close: () => store.close(), raw };
});

/** What no method of the Store port tells, read from a database by a client of its own. */
import type { DatabaseClient } from "../../prisma/client.ts";
import type { OpenedStore } from "./store-contract.ts";

export function rowsOf(client: DatabaseClient): OpenedStore["raw"] {
	return {
		async events() {
			const rows = await client.auditEvent.findMany({ orderBy: { id: "asc" } });
			return rows.map(({ at, event, enrollmentId, detail }) => ({
				at,
				event,
				enrollmentId,
				detail: JSON.parse(detail),
			}));
		},
		async device(udid) {
			const row = await client.device.findUnique({ where: { udid } });
			return row && JSON.parse(row.attributes);
		},
		async transactions(serialNumber) {
			const rows = await client.scepTransaction.findMany({ where: { serialNumber } });
			return rows.map(({ transactionID }) => transactionID);
		},
	};
}

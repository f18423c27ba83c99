/** How much is in a running server's database, seen from outside. */
import { join } from "node:path";
import Database from "better-sqlite3";

/** Rows by table. */
export function countRows(dataDir: string): Record<"Enrollment" | "Challenge" | "Certificate" | "Delivery", number> {
	const database = new Database(join(dataDir, "ota.db"), { readonly: true });
	try {
		const count = (table: string) =>
			(database.prepare(`SELECT count(*) AS n FROM "${table}"`).get() as { n: number }).n;
		return {
			Enrollment: count("Enrollment"),
			Challenge: count("Challenge"),
			Certificate: count("Certificate"),
			Delivery: count("Delivery"),
		};
	} finally {
		database.close();
	}
}

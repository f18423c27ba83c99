/** One audit event, in the transaction that it tells of. */
import type { AuditEvent } from "../ports.ts";
import type { Sql, Step } from "./client.ts";

export function insertAuditEvent(sql: Sql, { at, event, enrollmentId, detail }: AuditEvent): Step {
	return sql.$executeRaw`
		INSERT INTO "AuditEvent" ("at", "event", "enrollmentId", "detail")
		VALUES (${at}, ${event}, ${enrollmentId}, ${JSON.stringify(detail)})`;
}

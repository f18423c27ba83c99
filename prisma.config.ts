/** For Prisma's own command line (`prisma migrate deploy`, `prisma studio`); the program itself never reads it. */
import { defineConfig } from "prisma/config";

const url = process.env.DATABASE_URL ?? "file:./.ota/ota.db";
const provider = url.startsWith("file:") ? "sqlite" : "postgresql";

export default defineConfig({
	schema: `prisma/generated/${provider}.prisma`,
	migrations: { path: `prisma/migrations/${provider}` },
	datasource: { url },
});

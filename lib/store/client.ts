/**
 * What the store needs of a Prisma client whose schema has the models of prisma/models.prisma, by shape alone:
 * a host's own generated client fits as well as ours, and this room never imports Prisma.
 */

/** A statement that has not run yet; a transaction runs several. */
export type Step = PromiseLike<unknown>;

/** A model's delegate. Arguments are built here and rows are read here (rows.ts), so neither is typed by Prisma. */
export interface Table {
	/** Rejects with P2025 when no row meets the condition, which rolls its transaction back. */
	update(args: object): Step;
	updateMany(args: object): Step;
	findUnique(args: object): Step;
	findMany(args: object): Step;
	count(args: object): Step;
	/** Prisma's own type asks for the model's columns: whoever calls it knows them. */
	createMany(args: never): Step;
}

/**
 * The hot statements are SQL that SQLite and PostgreSQL both read (a third of the time of Prisma's own); values go in as
 * parameters alone. Tables and columns have the names of prisma/models.prisma.
 */
export interface Sql {
	/** Rows, their columns as Prisma reads them. */
	$queryRaw(query: TemplateStringsArray, ...values: unknown[]): Step;
	/** How many rows it changed. */
	$executeRaw(query: TemplateStringsArray, ...values: unknown[]): Step;
}

export interface Tables extends Sql {
	readonly enrollment: Table;
	readonly challenge: Table;
	readonly certificate: Table;
	readonly approval: Table;
	readonly personGroup: Table;
	readonly profileSecret: Table;
	readonly allowedDevice: Table;
	readonly auditEvent: Table;
}

/**
 * On SQLite a client has one connection, and a query of its own would read and write inside a transaction that another
 * request has open: such a client's driver adapter must be `queued()` (queue.ts). On PostgreSQL the database must have the
 * trigger of prisma/migrations/postgresql beside the models: one person's starts run one after the other; and its driver
 * adapter must not call a connection lost in a COMMIT a time-out, which is tried again (prisma/postgresql.ts).
 */
export interface PrismaLike extends Tables {
	/** The steps in their order, all or none. */
	$transaction(steps: Step[]): PromiseLike<unknown[]>;
	/** For a step that depends on the one before. */
	$transaction(work: (tables: Tables) => Promise<void>): PromiseLike<void>;
	$disconnect(): PromiseLike<void>;
}

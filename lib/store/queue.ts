/**
 * Gives every query of a single-connection database its place in a queue. A driver adapter with one connection lets a
 * query that belongs to no transaction run in the middle of another request's: it would read what may yet be rolled
 * back, and be rolled back itself after it was answered.
 */

interface Queryable {
	queryRaw(query: never): Promise<unknown>;
	executeRaw(query: never): Promise<unknown>;
}
interface OpenTransaction {
	commit(): Promise<void>;
	rollback(): Promise<void>;
}
interface Connection extends Queryable {
	startTransaction(isolationLevel?: never): Promise<OpenTransaction>;
}

/** The same connection, on which a query waits for the transaction before it, and a transaction for every query. */
export function queued<C extends Connection>(connection: C): C {
	const enter = turnstile();
	const alone = <A extends unknown[], R>(work: (...args: A) => Promise<R>) => {
		return async (...args: A): Promise<R> => {
			const leave = await enter();
			try {
				return await work(...args);
			} finally {
				leave();
			}
		};
	};
	const start = connection.startTransaction.bind(connection);
	const startTransaction = async (isolationLevel?: never) => {
		const leave = await enter();
		try {
			return leaving(await start(isolationLevel), leave);
		} catch (error) {
			leave();
			throw error;
		}
	};
	return Object.assign(connection, {
		queryRaw: alone(connection.queryRaw.bind(connection)),
		executeRaw: alone(connection.executeRaw.bind(connection)),
		startTransaction,
	});
}

/** Resolves in the order of the calls, each after the one before has left. */
function turnstile(): () => Promise<() => void> {
	let last = Promise.resolve();
	return async () => {
		const before = last;
		let leave = () => {};
		last = new Promise((resolve) => {
			leave = resolve;
		});
		await before;
		return leave;
	};
}

function leaving<T extends OpenTransaction>(transaction: T, leave: () => void): T {
	const commit = transaction.commit.bind(transaction);
	const rollback = transaction.rollback.bind(transaction);
	return Object.assign(transaction, {
		commit: () => commit().finally(leave),
		rollback: () => rollback().finally(leave),
	});
}

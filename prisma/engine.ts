/** Prisma's own schema engine as WebAssembly: diffs and applies migrations without a downloaded binary. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import {
	bindMigrationAwareSqlAdapterFactory,
	type SqlDriverAdapter,
	type SqlMigrationAwareDriverAdapterFactory,
} from "@prisma/driver-adapter-utils";
import * as bindings from "@prisma/schema-engine-wasm/schema_engine_bg";

export type Engine = bindings.SchemaEngine;

/** No table or enum is outside the migrations' care. */
export const everything = { externalTables: [], externalEnums: [] };

// The bindings hold one WebAssembly instance; a second would break the first's objects.
let loaded = false;

/** Runs `work` with an engine over the adapter's connections, which are closed before the answer. */
export async function withEngine<T>(
	factory: SqlMigrationAwareDriverAdapterFactory,
	schema: string | null,
	work: (engine: Engine) => Promise<T>,
): Promise<T> {
	load();
	const open: SqlDriverAdapter[] = [];
	const keep = (adapter: SqlDriverAdapter) => {
		open.push(adapter);
		return adapter;
	};
	const tracked: SqlMigrationAwareDriverAdapterFactory = {
		provider: factory.provider,
		adapterName: factory.adapterName,
		connect: async () => keep(await factory.connect()),
		connectToShadowDb: async () => keep(await factory.connectToShadowDb()),
	};
	const bound = bindMigrationAwareSqlAdapterFactory(tracked);
	try {
		const datamodels: [string, string][] | undefined = schema === null ? undefined : [["schema.prisma", schema]];
		const engine = await bindings.SchemaEngine.new({ datamodels }, () => undefined, bound);
		try {
			return await work(engine);
		} catch (error) {
			// The engine knows a driver's failure by number alone.
			throw bound.errorRegistry.consumeError(0)?.error ?? error;
		} finally {
			engine.free();
		}
	} finally {
		await Promise.all(open.map((adapter) => adapter.dispose()));
	}
}

function load(): void {
	if (loaded) return;
	const script = createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm/schema_engine_bg");
	const module = new WebAssembly.Module(readFileSync(script.replace(/\.js$/, ".wasm")));
	const { exports } = new WebAssembly.Instance(module, { "./schema_engine_bg.js": { ...bindings, ...timers() } });
	const wasm = bindings as unknown as { __wbg_set_wasm(exports: WebAssembly.Exports): void };
	wasm.__wbg_set_wasm(exports);
	(exports.__wbindgen_start as () => void)();
	loaded = true;
}

/** The engine's time-out for its lock goes on when it has the lock: it must not keep the process up for as long. */
function timers(): WebAssembly.ModuleImports {
	const names = Object.keys(bindings).filter((name) => name.startsWith("__wbg_setTimeout_"));
	return Object.fromEntries(
		names.map((name) => [name, (work: () => void, ms: number) => setTimeout(work, ms).unref()]),
	);
}

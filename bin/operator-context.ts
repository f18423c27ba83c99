/** What an operator's command needs beside the database: the keys behind the HSM agent, and all that a step of the exchange has. */
import { randomBytes } from "node:crypto";
import type { Config } from "../lib/config.ts";
import type { EnrollContext } from "../lib/enroll/context.ts";
import { OtaError } from "../lib/errors.ts";
import { openContext } from "../lib/open-context.ts";
import type { OtaOptions } from "../lib/options.ts";
import type { Keys, Log } from "../lib/ports.ts";
import type { Operator } from "./operator.ts";

const quiet: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** As the server reads it; the wiring brings the sign-in along, which commands that need no more than the database pass over. */
async function optionsFor(config: Config): Promise<Omit<OtaOptions, "user" | "signIn">> {
	const { optionsOf } = await import("../app/_wire/index.ts");
	return optionsOf(config, quiet);
}

/** Failure, at their use: hsm_unavailable with what to start. */
export async function agentKeys({ config }: Operator): Promise<Keys> {
	return told(await (await optionsFor(config)).keys());
}

/** The template files of the data directory. */
export async function templatesFor({ config }: Operator) {
	const { templates } = await optionsFor(config);
	return async () => templates();
}

/** With the operator's database and clock. Failure: config, hsm_unavailable with what to start. */
export async function operatorContext(operator: Operator): Promise<EnrollContext> {
	const options = await optionsFor(operator.config);
	// Nobody starts an enrollment here, and refusals are the operator's own.
	const nothing = async () => undefined;
	const limits = { start: nothing, mayUpdate: nothing, updated: nothing, mayRecord: async () => false };
	return openContext(
		{
			...options,
			user: async () => null,
			signIn: async () => new Response(null, { status: 403 }),
			keys: () => agentKeys(operator),
			store: () => operator.store,
			clock: () => operator.now,
		},
		"",
		{ log: quiet, random: (length) => randomBytes(length), limits },
	);
}

/** "Lost", "late", "nobody there": for an operator one thing, with one remedy. */
function told(keys: Keys): Keys {
	const asked = async <T>(answer: Promise<T>): Promise<T> => {
		try {
			return await answer;
		} catch (cause) {
			if (!(cause instanceof OtaError) || cause.code !== "hsm_unavailable") throw cause;
			const remedy = "Start the server (npm run up, npm start), or run: ota agent";
			throw new OtaError("hsm_unavailable", `The HSM agent does not answer (${cause.message}). ${remedy}`, { cause });
		}
	};
	return {
		sign: (...args) => asked(keys.sign(...args)),
		unwrap: (...args) => asked(keys.unwrap(...args)),
		seal: (...args) => asked(keys.seal(...args)),
		open: (...args) => asked(keys.open(...args)),
		check: () => asked(keys.check()),
	};
}

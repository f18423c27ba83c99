/** The catalogue of an operator's configuration: the built-in one, or with the types of OTA_SCHEMA, read once. */
import type { Config } from "../lib/config.ts";
import type { Catalogue } from "../lib/profile/catalogue/form.ts";
import { readCatalogue } from "../lib/profile/catalogue/schema-file.ts";

const read = new WeakMap<Config, Catalogue>();

/** Throws `config` for a schema file that is none. */
export function catalogueOf({ config }: { config: Config }): Catalogue {
	const catalogue = read.get(config) ?? readCatalogue(config.schema);
	read.set(config, catalogue);
	return catalogue;
}

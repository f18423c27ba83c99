/** The template files as a profile among the operator's: for everyone, and below all others. */
import { OtaError } from "../errors.ts";
import type { Template } from "../options.ts";
import type { ProfileDocument } from "./document.ts";
import { checkPropertyListValue, type PropertyListDict } from "./property-list.ts";
import { isTemplateName } from "./templates.ts";

/** The profile that the template files are. */
export const templatesProfile = "templates";

/** The payloads by name. Throws `config` for a name that is none or there twice, and for what no property list carries. */
export function templatesDocument(templates: readonly Template[]): ProfileDocument {
	const names = new Set<string>();
	for (const { name } of templates) {
		if (!isTemplateName(name)) throw new OtaError("config", `Template ${JSON.stringify(name)}: no name for a template`);
		if (names.has(name)) throw new OtaError("config", `Template ${name}: there are two of that name`);
		names.add(name);
	}
	const payloads = templates.map(({ name, payload }) => ({ name, payload: checked(name, payload) }));
	return {
		name: templatesProfile,
		// An operator's profile has -1000 at the least.
		priority: -1001,
		for: "everyone",
		except: [],
		profile: {},
		updateAfterDays: null,
		payloads: payloads.sort((one, other) => (one.name < other.name ? -1 : 1)),
		secrets: {},
	};
}

function checked(name: string, payload: Template["payload"]): PropertyListDict {
	checkPropertyListValue(payload, `Template ${name}`);
	return payload as PropertyListDict;
}

/** `ota profile ...`: the profiles that an operator gives to people and devices, a file for each verb. */
import { run as deliver } from "../profile-deliver.ts";
import { run as diff } from "../profile-diff.ts";
import { run as exportProfile } from "../profile-export.ts";
import { run as history } from "../profile-history.ts";
import { run as importProfile } from "../profile-import.ts";
import { run as lint } from "../profile-lint.ts";
import { run as list } from "../profile-list.ts";
import { publish, withdraw } from "../profile-publish.ts";
import { run as render } from "../profile-render.ts";
import { run as secret } from "../profile-secret.ts";
import { usageRefusal } from "../usage.ts";

const usage = `usage: ota profile VERB ...

  lint FILE              what is wrong with a .mobileconfig or YAML file
  import FILE            keeps it as a new version of a profile, a draft until it is published
  publish NAME           from now on devices get this version
  withdraw NAME          from now on they get nothing of it
  list                   all profiles
  history NAME           the versions of one
  diff NAME [FROM [TO]]  what changed between two versions
  export NAME            a version as YAML or .mobileconfig
  secret NAME SECRET     a new value for a password or the like
  render                 what one person's device would get, and why
  deliver                the same as a file that only that device can read

Each explains itself: ota profile VERB --help
`;

const verbs: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
	...{ lint, import: importProfile, publish, withdraw, list, history, diff, export: exportProfile },
	...{ secret, render, deliver },
};

/** The command; answers the exit code: 0 done, 1 refused or found something, 2 usage. */
export async function run([verb = "", ...args]: readonly string[]): Promise<number> {
	if (verb === "--help" || verb === "-h") {
		process.stdout.write(usage);
		return 0;
	}
	const verbRun = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
	if (verbRun) return verbRun(args);
	return usageRefusal(usage)(verb === "" ? "" : `There is no verb ${JSON.stringify(verb)}.`);
}

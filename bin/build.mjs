/** `npm run build`: the database client, dist/ and .next, whatever is there already. */
import { build, runSetup } from "./setup.mjs";

await runSetup(() => build({ always: true }));

/** A company's app that mounts the package under /ota. It lies in the package's own tree, so its root is there. */
import { join } from "node:path";

export default {
	serverExternalPackages: ["better-sqlite3"],
	// Apple's client wants answers as they were sent.
	compress: false,
	typescript: { ignoreBuildErrors: true },
	turbopack: { root: join(import.meta.dirname, "../../..") },
};

/** Next's settings: native packages stay outside the bundle, device endpoints are answered byte for byte. */

/** @type {import("next").NextConfig} */
export default {
	serverExternalPackages: ["pkcs11js", "better-sqlite3", "@prisma/client", "@prisma/adapter-better-sqlite3"],
	poweredByHeader: false,
	// Apple's client wants the answer as it was signed: no compression, no redirect of a POST.
	compress: false,
	skipTrailingSlashRedirect: true,
	// `npm run check` checks types, once, for every room.
	typescript: { ignoreBuildErrors: true },
	turbopack: { root: import.meta.dirname },
};

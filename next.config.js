/** Next's settings: native packages stay outside the bundle, device endpoints are answered byte for byte. */

/** On everything; the steps say the same where Next is not in front of them. */
const everywhere = [
	{ key: "X-Content-Type-Options", value: "nosniff" },
	{ key: "Referrer-Policy", value: "no-referrer" },
];

/**
 * Next's own pages would run React, and for a POST its parser of server actions; its image optimizer would fetch our
 * addresses for whoever asks. None of them is reached.
 */
const pagesOfNext = ["/404", "/500", "/_app", "/_document", "/_error", "/_global-error", "/_not-found"];
const servicesOfNext = ["/_next/data/:path*", "/_next/image/:path*"];

const toOurOwn = (source) => ({ source, destination: "/no-such-page" });

/** @type {import("next").NextConfig} */
export default {
	serverExternalPackages: [
		"pkcs11js",
		"better-sqlite3",
		"@prisma/client",
		"@prisma/adapter-better-sqlite3",
		"@prisma/adapter-pg",
	],
	poweredByHeader: false,
	// Apple's client wants the answer as it was signed: no compression, no redirect of a POST.
	compress: false,
	skipTrailingSlashRedirect: true,
	images: { unoptimized: true },
	// What stands here wins over a route's own header.
	headers: async () => [{ source: "/:path*", headers: everywhere }],
	rewrites: async () => ({ beforeFiles: [...pagesOfNext, ...servicesOfNext].map(toOurOwn) }),
	// `npm run check` checks types, once, for every room.
	typescript: { ignoreBuildErrors: true },
	turbopack: { root: import.meta.dirname },
};

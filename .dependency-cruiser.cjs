/**
 * Who may import whom: a whitelist. What is not written here is an error (lib/README.md tells the same in words).
 * Parsed by @swc/core: beside TypeScript 7 the default parser finds no module at all and reports success,
 * which is why bin/check.mjs also refuses a count of none.
 */

const swc = require("@swc/core");

// dependency-cruiser 17 asks @swc/core for plain TypeScript even where a file holds JSX, and offers no setting for it.
const { parseFileSync } = swc;
swc.parseFileSync = (path, options) => parseFileSync(path, { ...options, tsx: path.endsWith(".tsx") });

/** Paths of the npm packages `names`, wherever they resolve to. */
const npm = (...names) => names.map((name) => `^node_modules/${name.replace("/", "\\/")}(/|$)`);
/** Modules of Node itself. */
const node = (...names) => `^(node:)?(${names.join("|")})$`;

const contracts = "^lib/(ports|errors|options)\\.ts$";
const der = "^lib/der/";
const cms = "^lib/cms/";
const plist = "^lib/plist/";
const crafts = "^lib/(profile|apple|cms|scep|ca)/";
/** What pure functions need of Node: arithmetic over bytes, no files, no sockets. */
const pureNode = node("crypto", "util", "buffer");
const deviceDoor = "^test/device/index\\.ts$";
const database = "^prisma/(client\\.ts|generated/)";
/** What a stranger could import from the package (package.json "exports"). */
const publicDoors = "^(lib|hsm|lib/store)/index\\.ts$";

const allowed = [
	// The contracts.
	{ from: { path: contracts }, to: { path: contracts } },
	{ from: { path: "^lib/(config|log)\\.ts$" }, to: { path: [contracts, node("crypto", "net")] } },

	// The crafts.
	{ from: { path: der }, to: { path: [der, contracts, pureNode] } },
	{ from: { path: cms }, to: { path: [cms, der, contracts, pureNode] } },
	{ from: { path: plist }, to: { path: [plist, contracts] } },
	{
		from: { path: "^lib/profile/" },
		to: { path: ["^lib/profile/", der, cms, plist, contracts, pureNode, ...npm("diff", "yaml")] },
	},
	{
		from: { path: "^lib/apple/" },
		to: { path: ["^lib/apple/", der, cms, plist, contracts, pureNode] },
	},
	{ from: { path: "^lib/scep/" }, to: { path: ["^lib/scep/", der, cms, contracts, pureNode] } },
	{
		from: { path: "^lib/ca/" },
		to: { path: ["^lib/ca/", der, cms, contracts, pureNode, ...npm("asn1js", "pkijs")] },
	},

	// The story, the rim, the store, the front door.
	{ from: { path: "^lib/enroll/" }, to: { path: ["^lib/enroll/", crafts, der, contracts, pureNode] } },
	{
		from: { path: "^lib/http/" },
		to: { path: ["^lib/http/", "^lib/enroll/", "^lib/scep/", contracts, pureNode, ...npm("rate-limiter-flexible")] },
	},
	{ from: { path: "^lib/store/" }, to: { path: ["^lib/store/", contracts, pureNode] } },
	{
		from: { path: "^lib/(index|open-context)\\.ts$" },
		to: { path: ["^lib/(http|enroll)/", crafts, contracts, "^lib/(config|log|open-context)\\.ts$", pureNode] },
	},

	// The HSM room: PKCS#11 and nothing else. Any of node: here, for it has processes, sockets and files.
	{ from: { path: "^hsm/" }, to: { path: ["^hsm/", "^lib/(ports|errors)\\.ts$", der, ...npm("pkcs11js")] } },
	{ from: { path: "^hsm/" }, to: { dependencyTypes: ["core"] } },

	// The app: the doors that a stranger has; only _wire joins the parts and reads the environment.
	{
		from: { path: "^app/" },
		to: { path: ["^app/", publicDoors, ...npm("next", "next-auth", "react", "react-dom")] },
	},
	{
		from: { path: "^app/_wire/" },
		to: {
			path: ["^lib/config\\.ts$", "^lib/log\\.ts$", "^hsm/client\\.ts$", contracts, database],
		},
	},
	{ from: { path: "^app/_wire/" }, to: { dependencyTypes: ["core"] } },

	// The command line, the server and the database's set-up.
	{
		from: { path: "^bin/" },
		to: {
			path: [
				"^bin/",
				"^lib/",
				"^hsm/index\\.ts$",
				"^app/_wire/(auth|index)\\.ts$",
				"^prisma/",
				deviceDoor,
				...npm("csv-parse", "next", "oidc-provider"),
			],
		},
	},
	{ from: { path: "^bin/" }, to: { dependencyTypes: ["core"] } },
	{
		from: { path: "^prisma/" },
		to: {
			path: [
				"^prisma/",
				"^lib/store/index\\.ts$",
				contracts,
				...npm(
					"@prisma/adapter-better-sqlite3",
					"@prisma/adapter-pg",
					"@prisma/client",
					"@prisma/driver-adapter-utils",
					"@prisma/schema-engine-wasm",
					"better-sqlite3",
				),
			],
		},
	},
	{ from: { path: "^prisma/" }, to: { dependencyTypes: ["core"] } },

	// The emulated device shares no code with what it tests; the tests may look anywhere.
	{ from: { path: "^test/device/" }, to: { path: ["^test/device/", ...npm("asn1js", "pkijs", "plist")] } },
	{ from: { path: "^test/device/" }, to: { dependencyTypes: ["core"] } },
	{ from: { path: "^test/", pathNot: "^test/device/" }, to: {} },
];

module.exports = {
	allowed,
	allowedSeverity: "error",
	forbidden: [
		{
			name: "no-circle",
			comment: "Two files that import each other are one room with two doors.",
			severity: "error",
			from: {},
			to: { circular: true },
		},
		{
			name: "resolvable",
			comment: "An import that leads nowhere.",
			severity: "error",
			from: {},
			to: { couldNotResolve: true },
		},
	],
	options: {
		parser: "swc",
		doNotFollow: { path: ["node_modules", "^prisma/generated"] },
		// What is built is the sources over again, and may not be there yet.
		// A host's app in the tests imports the package as a stranger does, which is not built yet in a clean checkout.
		exclude: { path: "^(\\.\\./)*(dist|\\.next|\\.ota|tmp|test/e2e/host-app)/" },
		moduleSystems: ["es6"],
		enhancedResolveOptions: {
			extensions: [".ts", ".tsx", ".js", ".mjs", ".json", ".d.ts"],
			exportsFields: ["exports"],
			conditionNames: ["import", "node", "default", "types"],
		},
	},
};

import { describe, expect, it } from "@jest/globals";
import { makeCertificates } from "../../bin/agent-certificates.ts";
import { type Environment, readConfig } from "../../lib/config.ts";
import { ConfigError } from "../../lib/errors.ts";

const pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const files: Record<string, string> = {
	"/run/secret": `${"s".repeat(40)}\n`,
	"/run/empty": "\n",
	"/run/cert.pem": pem,
};
const readFile = (path: string): string => {
	const text = files[path];
	if (text === undefined) throw new Error("ENOENT");
	return text;
};

const signIn: Environment = {
	NEXTAUTH_SECRET: "x".repeat(32),
	OIDC_ISSUER: "https://sso.example.com/",
	OIDC_CLIENT_ID: "ota",
	OIDC_CLIENT_SECRET: "secret",
};

function faultsOf(env: Environment, purpose?: "server" | "command"): readonly string[] {
	try {
		readConfig(env, readFile, purpose);
	} catch (error) {
		expect(error).toBeInstanceOf(ConfigError);
		return (error as ConfigError).faults;
	}
	return [];
}

describe("readConfig", () => {
	it("fills in every default, those of the data dir included", () => {
		expect(readConfig({ ...signIn, OTA_DATA_DIR: "/srv/ota/" }, readFile)).toEqual({
			baseUrl: "http://localhost:3000",
			listen: null,
			port: 3000,
			idpPort: 4000,
			trustedProxies: [],
			dataDir: "/srv/ota",
			databaseUrl: "file:/srv/ota/ota.db",
			keys: { ca: null, ra: null, profile: null, seal: null, ocsp: null, caOld: null, raOld: null },
			certificates: {
				root: { path: "/srv/ota/certs/root.pem" },
				ca: { path: "/srv/ota/certs/ca.pem" },
				ra: { path: "/srv/ota/certs/ra.pem" },
				profile: { path: "/srv/ota/certs/profile.pem" },
				ocsp: { path: "/srv/ota/certs/ocsp.pem" },
				caOld: null,
				raOld: null,
			},
			nextCa: null,
			agent: { kind: "unix", path: "/srv/ota/agent.sock", spawn: true },
			legacyScep: false,
			approval: "auto",
			limits: { enroll: 120, live: 5, devices: 0 },
			policy: { groups: [], devices: "any", devicesPerPerson: {}, devicesPerGroup: {}, signInDays: 30 },
			schema: null,
			claims: [],
			pkiUrl: "http://localhost:3000",
			signIn: {
				secret: "x".repeat(32),
				issuer: "https://sso.example.com",
				clientId: "ota",
				clientSecret: "secret",
			},
			deviceRoots: null,
			organization: "Example",
			adminGroup: "admins",
		});
	});

	it("counts an empty variable as unset, and PORT in the base URL's default", () => {
		const config = readConfig({ ...signIn, PORT: "3100", OTA_BASE_URL: "", OTA_HSM_AGENT: " " }, readFile);
		expect([config.baseUrl, config.agent]).toEqual([
			"http://localhost:3100",
			{ kind: "unix", path: ".ota/agent.sock", spawn: true },
		]);
	});

	it("reads secrets and certificates from *_FILE", () => {
		const { NEXTAUTH_SECRET: _, ...rest } = signIn;
		const config = readConfig(
			{
				...rest,
				NEXTAUTH_SECRET_FILE: "/run/secret",
				OTA_CA_CERT_FILE: "/run/cert.pem",
				OTA_DEVICE_ROOTS: "/run/cert.pem",
			},
			readFile,
		);
		expect(config.signIn?.secret).toBe("s".repeat(40));
		expect(config.certificates.ca).toEqual({ pem: pem.trim() });
		expect(config.deviceRoots).toBe(pem);
	});

	it("reads who may enroll which devices, and the claims that profiles use", () => {
		const { policy, claims } = readConfig(
			{
				...signIn,
				OTA_ENROLL_GROUPS: "staff, Ärzte & Pflege",
				OTA_DEVICES: "listed",
				OTA_LIMIT_DEVICES_BY_GROUP: "staff=3, contractors = 1,admins=0",
				OTA_LIMIT_GROUP_DEVICES: "a=b=20",
				OTA_SIGN_IN_DAYS: "0",
				OTA_CLAIMS: "department,phone_number",
			},
			readFile,
		);
		expect(policy).toEqual({
			groups: ["staff", "Ärzte & Pflege"],
			devices: "listed",
			devicesPerPerson: { staff: 3, contractors: 1, admins: 0 },
			devicesPerGroup: { "a=b": 20 },
			signInDays: 0,
		});
		expect(claims).toEqual(["department", "phone_number"]);
	});

	it.each(["manual", "unknown"] as const)("reads OTA_APPROVAL=%s", (approval) => {
		expect(readConfig({ ...signIn, OTA_APPROVAL: approval }, readFile)).toMatchObject({ approval });
	});

	it("reads OTA_LEGACY_SCEP=on", () => {
		expect(readConfig({ ...signIn, OTA_LEGACY_SCEP: "on" }, readFile).legacyScep).toBe(true);
	});

	it("reads the generation before, the responder and the announcement of the next CA", () => {
		const uri = "pkcs11:token=ota;object=old";
		const config = readConfig(
			{
				...{ ...signIn, OTA_OCSP_KEY: uri, OTA_OCSP_CERT_FILE: "/run/cert.pem" },
				...{ OTA_CA_OLD_KEY: uri, OTA_CA_OLD_CERT: pem, OTA_RA_OLD_CERT: pem },
				OTA_CA_NEXT: "-----BEGIN PKCS7-----\nMAEC\n-----END PKCS7-----\n",
			},
			readFile,
		);
		expect(config.keys).toMatchObject({ ocsp: uri, caOld: uri, raOld: null });
		const certificate = { pem: pem.trim() };
		expect(config.certificates).toMatchObject({ ocsp: certificate, caOld: certificate, raOld: certificate });
		expect(config.nextCa).toEqual(Uint8Array.of(0x30, 1, 2));
	});

	it("takes no responder from the data dir for another CA", () => {
		expect(readConfig({ ...signIn, OTA_CA_CERT: pem }, readFile).certificates.ocsp).toBeNull();
	});

	describe("an agent behind TLS", () => {
		const set = makeCertificates(["hsm.example.com"], new Date());
		const credentials = { OTA_HSM_AGENT_CERT: set.client, OTA_HSM_AGENT_KEY: set.clientKey, OTA_HSM_AGENT_CA: set.ca };
		const remote = { ...signIn, ...credentials, OTA_HSM_AGENT: "tls://hsm.example.com:7443" };

		it("is read with its credentials, from the text or from files", () => {
			const expected = {
				kind: "tls",
				host: "hsm.example.com",
				port: 7443,
				certificate: set.client.trim(),
				key: set.clientKey.trim(),
				ca: set.ca.trim(),
				spawn: false,
			};
			expect(readConfig(remote, readFile).agent).toEqual(expected);
			const texts: Record<string, string> = { "/c": set.client, "/k": set.clientKey, "/a": set.ca };
			const names = { OTA_HSM_AGENT_CERT_FILE: "/c", OTA_HSM_AGENT_KEY_FILE: "/k", OTA_HSM_AGENT_CA_FILE: "/a" };
			const env = { ...signIn, ...names, OTA_HSM_AGENT: "tls://hsm.example.com:7443" };
			expect(readConfig(env, (path) => texts[path] ?? readFile(path)).agent).toEqual(expected);
		});

		it("lists what its credentials lack, all of it", () => {
			const faults = faultsOf({ ...signIn, OTA_HSM_AGENT: "tls://hsm.example.com" });
			expect(faults.map((fault) => fault.split(" ", 2).join(" "))).toEqual([
				"OTA_HSM_AGENT lacks",
				"OTA_HSM_AGENT_CERT is",
				"OTA_HSM_AGENT_KEY is",
				"OTA_HSM_AGENT_CA is",
			]);
		});

		it.each([
			["OTA_HSM_AGENT", "tls://hsm.example.com:7443/path", /^OTA_HSM_AGENT lacks host or port, or has more/],
			["OTA_HSM_AGENT", "tls://user@hsm.example.com:7443", /^OTA_HSM_AGENT lacks host or port, or has more/],
			["OTA_HSM_AGENT_CERT", pem, /^OTA_HSM_AGENT_CERT is not this side's certificate in PEM/],
			["OTA_HSM_AGENT_KEY", "hunter2", /^OTA_HSM_AGENT_KEY is not that certificate's key/],
			["OTA_HSM_AGENT_KEY", set.agentKey, /^OTA_HSM_AGENT_KEY is not the key of OTA_HSM_AGENT_CERT/],
			["OTA_HSM_AGENT_CA", "ca", /^OTA_HSM_AGENT_CA is not the CA/],
		])("refuses %s=%s", (name, value, fault) => {
			const faults = faultsOf({ ...remote, [name]: value });
			expect(faults).toEqual([expect.stringMatching(fault)]);
			expect(faults.join()).not.toMatch(/hunter2|PRIVATE KEY/);
		});
	});

	it.each([
		"file:/srv/ota.db",
		"postgresql://u:hunter2@db/ota",
		"postgres://u:hunter2@db:5432/ota?sslmode=verify-full&connection_limit=20",
	])("takes DATABASE_URL=%s", (url) => {
		expect(readConfig({ ...signIn, DATABASE_URL: url }, readFile).databaseUrl).toBe(url);
	});

	it("refuses another database without repeating its password", () => {
		const faults = faultsOf({ ...signIn, DATABASE_URL: "mysql://u:hunter2@db/ota" });
		expect(faults).toEqual([expect.stringMatching(/^DATABASE_URL .*postgresql:\/\//)]);
		expect(faults.join()).not.toContain("hunter2");
	});

	it("takes the same settings at their defaults", () => {
		const defaults = { OTA_APPROVAL: "auto", OTA_LEGACY_SCEP: "off" };
		const more = { DATABASE_URL: "file:/srv/ota.db", OTA_HSM_AGENT: "unix:/run/ota/agent.sock" };
		expect(faultsOf({ ...signIn, ...defaults, ...more })).toEqual([]);
	});

	it("lets a command do without sign-in, but not with half of it", () => {
		expect(readConfig({}, readFile, "command").signIn).toBeNull();
		expect(faultsOf({ OIDC_CLIENT_ID: "ota" }, "command")).toHaveLength(3);
	});

	it("lists every fault at once", () => {
		const faults = faultsOf({ PORT: "x", OTA_APPROVAL: "maybe", OTA_BASE_URL: "http://ota.example.com" });
		expect(faults.map((fault) => fault.split(" ")[0])).toEqual([
			"PORT",
			"OTA_BASE_URL",
			"OTA_APPROVAL",
			"NEXTAUTH_SECRET",
			"OIDC_ISSUER",
			"OIDC_CLIENT_ID",
			"OIDC_CLIENT_SECRET",
		]);
	});

	it("never repeats a secret in a fault", () => {
		const uri = "pkcs11:token=ota;object=ca?pin-value=123456";
		expect(faultsOf({ ...signIn, OTA_CA_KEY: uri, NODE_ENV: "production" }).join()).not.toContain("123456");
		expect(faultsOf({ ...signIn, DATABASE_URL: "mysql://u:hunter2@db" }).join()).not.toContain("hunter2");
	});

	const refused: [what: string, env: Environment, fault: RegExp][] = [
		["a port out of range", { PORT: "70000" }, /^PORT is not a whole number from 1 to 65535/],
		[
			"a base URL with a path",
			{ OTA_BASE_URL: "https://x.example/ota" },
			/^OTA_BASE_URL .* write https:\/\/x\.example /,
		],
		["a base URL that is none", { OTA_BASE_URL: "ota.example.com" }, /^OTA_BASE_URL is not an https address/],
		["plain http off loopback", { OTA_BASE_URL: "http://ota.example.com" }, /^OTA_BASE_URL is plain http off loopback/],
		["a foreign NEXTAUTH_URL", { NEXTAUTH_URL: "https://other.example" }, /^NEXTAUTH_URL has another origin/],
		["an issuer over plain http", { OIDC_ISSUER: "http://sso.example.com" }, /^OIDC_ISSUER is plain http/],
		["a short secret", { NEXTAUTH_SECRET: "short" }, /^NEXTAUTH_SECRET is shorter than 32/],
		[
			"a secret set twice",
			{ NEXTAUTH_SECRET_FILE: "/run/secret" },
			/^NEXTAUTH_SECRET and NEXTAUTH_SECRET_FILE are both set/,
		],
		["an unreadable file", { OTA_CA_CERT_FILE: "/run/none" }, /^OTA_CA_CERT_FILE names a file that cannot be read/],
		["an empty file", { OTA_CA_KEY_FILE: "/run/empty" }, /^OTA_CA_KEY_FILE names an empty file/],
		["a certificate that is none", { OTA_RA_CERT: "hello" }, /^OTA_RA_CERT is not a PEM certificate/],
		["device roots that are none", { OTA_DEVICE_ROOTS: "/run/secret" }, /^OTA_DEVICE_ROOTS names \/run\/secret/],
		["a responder's key alone", { OTA_OCSP_KEY: "pkcs11:object=o" }, /^OTA_OCSP_KEY has no certificate; set OTA_OCSP/],
		["an old CA's key alone", { OTA_CA_OLD_KEY: "pkcs11:object=c" }, /^OTA_CA_OLD_KEY has no certificate/],
		["an old RA's key alone", { OTA_RA_OLD_KEY: "pkcs11:object=r" }, /^OTA_RA_OLD_KEY has no certificate/],
		["an old CA that is none", { OTA_CA_OLD_CERT: "hello" }, /^OTA_CA_OLD_CERT is not a PEM certificate/],
		["a next CA that is a certificate", { OTA_CA_NEXT: pem }, /^OTA_CA_NEXT is no PKCS7 in PEM; set OTA_CA_NEXT_FILE/],
		["a next CA of nothing", { OTA_CA_NEXT: "-----BEGIN PKCS7-----\n-----END PKCS7-----" }, /^OTA_CA_NEXT is no PKCS7/],
		["a key that is no URI", { OTA_CA_KEY: "ca.key" }, /^OTA_CA_KEY is not a PKCS#11 URI/],
		["another database", { DATABASE_URL: "mysql://db" }, /^DATABASE_URL is neither/],
		["another agent scheme", { OTA_HSM_AGENT: "http://x" }, /^OTA_HSM_AGENT is neither/],
		["a socket path too long", { OTA_DATA_DIR: `/${"d".repeat(100)}` }, /^OTA_DATA_DIR makes a socket path/],
		["tls without credentials", { OTA_HSM_AGENT: "tls://h:1" }, /^OTA_HSM_AGENT_CERT is missing/],
		["tls without a port", { OTA_HSM_AGENT: "tls://h" }, /^OTA_HSM_AGENT lacks host or port/],
		["a proxy that is a name", { OTA_TRUSTED_PROXIES: "10.0.0.0/8, proxy" }, /^OTA_TRUSTED_PROXIES holds proxy;/],
		["a switch that is none", { OTA_LEGACY_SCEP: "yes" }, /^OTA_LEGACY_SCEP is none of off, on/],
		["a limit of nothing", { OTA_LIMIT_LIVE: "0" }, /^OTA_LIMIT_LIVE is not a whole number/],
		["a limit of no group", { OTA_LIMIT_DEVICES_BY_GROUP: "3" }, /^OTA_LIMIT_DEVICES_BY_GROUP .*staff=3/],
		["a group that may have none", { OTA_LIMIT_GROUP_DEVICES: "staff=0" }, /^OTA_LIMIT_GROUP_DEVICES .*from 1 on/],
		["a schema that is not there", { OTA_SCHEMA: "/nowhere.json" }, /^OTA_SCHEMA names a file that cannot be read/],
		["another list of devices", { OTA_DEVICES: "all" }, /^OTA_DEVICES is none of any, listed/],
		["a claim that is no name", { OTA_CLAIMS: "a b,ok" }, /^OTA_CLAIMS holds a b; /],
		["a PKI address that is none", { OTA_PKI_URL: "ldap://x" }, /^OTA_PKI_URL is not an http address/],
	];
	it.each(refused)("refuses %s", (_, env, fault) => {
		expect(faultsOf({ ...signIn, ...env })[0]).toMatch(fault);
	});
});

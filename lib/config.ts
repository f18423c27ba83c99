/**
 * The environment as one typed value: a pure validation that lists every fault at once, each naming the variable
 * and the remedy. Nothing is opened here; certificates of the embedded defaults are named by path and read later.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { ConfigError } from "./errors.ts";

export type Environment = Readonly<Record<string, string | undefined>>;
/** Text of a file; throws when it cannot be read. */
export type ReadFile = (path: string) => string;

/** PEM text that was configured, or the path where the embedded defaults keep it. */
export type Pem = { pem: string } | { path: string };

/** Where the HSM agent listens. `spawn`: nobody named one, so the server starts its own. */
export type AgentAddress =
	| { kind: "unix"; path: string; spawn: boolean }
	| { kind: "tls"; host: string; port: number; certificate: string; key: string; ca: string; spawn: false };

export interface SignIn {
	/** Of next-auth's session cookies; 32 characters or more. */
	secret: string;
	/** OpenID Connect issuer identifier, no trailing slash. */
	issuer: string;
	clientId: string;
	clientSecret: string;
}

export interface Config {
	/** Public origin, no trailing slash. */
	baseUrl: string;
	/** Address to bind; null: all. */
	listen: string | null;
	port: number;
	idpPort: number;
	trustedProxies: readonly string[];
	dataDir: string;
	/** `file:...` or `postgresql://...` */
	databaseUrl: string;
	/**
	 * PKCS#11 URIs (RFC 7512); null: the SoftHSM token in the data dir, of the generation before: there is none, or (raOld with
	 * a certificate) its key is the RA's.
	 */
	keys: Readonly<Record<"ca" | "ra" | "profile" | "seal" | "ocsp" | "caOld" | "raOld", string | null>>;
	/** `ocsp`: one for each issuing CA. Null, or a path where there is none: no OCSP, no generation before. */
	certificates: Readonly<Record<"root" | "ca" | "ra" | "profile", Pem>> &
		Readonly<{ ocsp: Pem | null } & Record<"caOld" | "raOld", { pem: string } | null>>;
	/** GetNextCACert's answer, DER; null: no next CA is announced. */
	nextCa: Uint8Array | null;
	agent: AgentAddress;
	legacyScep: boolean;
	approval: "auto" | "manual" | "unknown";
	/** Profile services per minute and person; live challenges per person; devices per person (0: no limit). */
	limits: { enroll: number; live: number; devices: number };
	/** Who may enroll which devices. */
	policy: {
		/** Empty: everybody. */
		groups: readonly string[];
		devices: "any" | "listed";
		/** By group; 0: no limit. */
		devicesPerPerson: Readonly<Record<string, number>>;
		devicesPerGroup: Readonly<Record<string, number>>;
		/** Days for which a sign-in speaks for updates. */
		signInDays: number;
	};
	/** Text of a file of `ota schema import`; null: the built-in catalogue alone. */
	schema: string | null;
	/** Further claims of the ID token that profiles and their rules may use. */
	claims: readonly string[];
	/** http base of CRL and OCSP addresses. */
	pkiUrl: string;
	/** Null only when read for a command (`purpose: "command"`) and nothing is set. */
	signIn: SignIn | null;
	/** PEM of further CAs that issue device identities; null: Apple's alone. */
	deviceRoots: string | null;
	organization: string;
	adminGroup: string;
}

/** A server needs sign-in; a command (agent, ceremony) does not. */
export type Purpose = "server" | "command";

/**
 * Reads and checks the whole environment.
 * @throws ConfigError with every fault, when there is one
 */
export function readConfig(env: Environment, readFile: ReadFile, purpose: Purpose = "server"): Config {
	const read = new Reader(env, readFile);
	const dataDir = read.text("OTA_DATA_DIR", ".ota").replace(/(?<=.)\/+$/, "");
	const port = read.port("PORT", 3000);
	const baseUrl = read.origin("OTA_BASE_URL", `http://localhost:${port}`);
	const config: Config = {
		baseUrl,
		listen: read.optional("OTA_LISTEN"),
		port,
		idpPort: read.port("OTA_IDP_PORT", 4000),
		trustedProxies: read.addresses("OTA_TRUSTED_PROXIES"),
		dataDir,
		databaseUrl: readDatabaseUrl(read, dataDir),
		keys: {
			ca: readKey(read, "OTA_CA_KEY"),
			ra: readKey(read, "OTA_RA_KEY"),
			profile: readKey(read, "OTA_PROFILE_KEY"),
			seal: readKey(read, "OTA_SEAL_KEY"),
			...readFurtherKeys(read),
		},
		certificates: {
			root: readCertificate(read, "OTA_ROOT_CERT", `${dataDir}/certs/root.pem`),
			ca: readCertificate(read, "OTA_CA_CERT", `${dataDir}/certs/ca.pem`),
			ra: readCertificate(read, "OTA_RA_CERT", `${dataDir}/certs/ra.pem`),
			profile: readCertificate(read, "OTA_PROFILE_CERT", `${dataDir}/certs/profile.pem`),
			// Of another CA than the data dir's its responder says nothing.
			ocsp: readCertificate(read, "OTA_OCSP_CERT", null) ?? embeddedResponder(read, dataDir),
			caOld: readCertificate(read, "OTA_CA_OLD_CERT", null),
			raOld: readCertificate(read, "OTA_RA_OLD_CERT", null),
		},
		nextCa: readNextCa(read),
		agent: readAgent(read, dataDir),
		legacyScep: read.choice("OTA_LEGACY_SCEP", ["off", "on"], "off") === "on",
		approval: read.choice("OTA_APPROVAL", ["auto", "manual", "unknown"], "auto"),
		limits: {
			enroll: read.integer("OTA_LIMIT_ENROLL", 120, 1, 1_000_000),
			live: read.integer("OTA_LIMIT_LIVE", 5, 1, 1_000),
			devices: read.integer("OTA_LIMIT_DEVICES", 0, 0, 1_000_000),
		},
		policy: {
			groups: read.list("OTA_ENROLL_GROUPS"),
			devices: read.choice("OTA_DEVICES", ["any", "listed"], "any"),
			devicesPerPerson: read.counts("OTA_LIMIT_DEVICES_BY_GROUP", 0),
			devicesPerGroup: read.counts("OTA_LIMIT_GROUP_DEVICES", 1),
			signInDays: read.integer("OTA_SIGN_IN_DAYS", 30, 0, 3_650),
		},
		schema: readSchema(read),
		claims: readClaims(read),
		pkiUrl: readPkiUrl(read, baseUrl),
		signIn: readSignIn(read, baseUrl, purpose),
		deviceRoots: readDeviceRoots(read),
		organization: read.text("OTA_ORGANIZATION", "Example"),
		adminGroup: read.text("OTA_ADMIN_GROUP", "admins"),
	};
	if (read.faults.length > 0) throw new ConfigError(read.faults);
	return config;
}

function readDatabaseUrl(read: Reader, dataDir: string): string {
	const url = read.secret("DATABASE_URL") ?? `file:${dataDir}/ota.db`;
	if (!/^(file:.+|postgres(ql)?:\/\/.+)/.test(url)) {
		read.fault("DATABASE_URL", "is neither file:<path> (SQLite) nor postgresql://...; use one of the two");
	}
	return url;
}

function readKey(read: Reader, name: string): string | null {
	const uri = read.secret(name);
	if (uri === null) return null;
	if (!uri.startsWith("pkcs11:")) {
		read.fault(name, "is not a PKCS#11 URI; write pkcs11:token=...;object=...?module-path=...&pin-source=file:...");
	} else if (/[?&]pin-value=/.test(uri) && read.optional("NODE_ENV") === "production") {
		read.fault(name, "carries the PIN itself; put it in a file and write pin-source=file:<path> instead of pin-value");
	}
	return uri;
}

/** Keys that a server may do without; each needs its certificate, and the web process, which has that alone, must know of both. */
function readFurtherKeys(read: Reader): Pick<Config["keys"], "ocsp" | "caOld" | "raOld"> {
	const keyOf = (name: string): string | null => {
		const key = readKey(read, `${name}_KEY`);
		if (key !== null && !read.isSet(`${name}_CERT`)) {
			read.fault(`${name}_KEY`, `has no certificate; set ${name}_CERT (PEM, or ${name}_CERT_FILE) as well`);
		}
		return key;
	};
	return { ocsp: keyOf("OTA_OCSP"), caOld: keyOf("OTA_CA_OLD"), raOld: keyOf("OTA_RA_OLD") };
}

const embeddedResponder = (read: Reader, dataDir: string): Pem | null =>
	read.isSet("OTA_CA_CERT") ? null : { path: `${dataDir}/certs/ocsp.pem` };

function readNextCa(read: Reader): Uint8Array | null {
	const pem = read.secret("OTA_CA_NEXT");
	if (pem === null) return null;
	const [, base64 = ""] = /^-----BEGIN PKCS7-----([A-Za-z0-9+/=\s]+)-----END PKCS7-----$/.exec(pem) ?? [];
	const message = new Uint8Array(Buffer.from(base64, "base64"));
	if (message.length === 0) {
		read.fault("OTA_CA_NEXT", "is no PKCS7 in PEM; set OTA_CA_NEXT_FILE to what ota keys rotate --role ca wrote");
	}
	return message;
}

function readCertificate(read: Reader, name: string, path: string): Pem;
function readCertificate(read: Reader, name: string, path: null): { pem: string } | null;
function readCertificate(read: Reader, name: string, path: string | null): Pem | null {
	const pem = read.secret(name);
	if (pem === null) return path === null ? null : { path };
	if (!isPem(pem)) read.fault(name, `is not a PEM certificate; set its text, or ${name}_FILE to a file that holds it`);
	return { pem };
}

/** `sockaddr_un.sun_path` holds 108 bytes with its NUL on Linux, 104 on macOS. */
const longestSocketPath = 103;

function readAgent(read: Reader, dataDir: string): AgentAddress {
	const address = read.optional("OTA_HSM_AGENT");
	if (address?.startsWith("tls://")) return readTlsAgent(read, address);
	const path = address === null ? `${dataDir}/agent.sock` : address.replace(/^unix:/, "");
	if (address !== null && !/^unix:./.test(address)) {
		read.fault("OTA_HSM_AGENT", "is neither unix:/path nor tls://host:port; leave it empty to have an agent started");
	} else if (Buffer.byteLength(path) > longestSocketPath) {
		const name = address === null ? "OTA_DATA_DIR" : "OTA_HSM_AGENT";
		read.fault(name, `makes a socket path of more than ${longestSocketPath} bytes; choose a shorter folder`);
	}
	return { kind: "unix", path, spawn: address === null };
}

function readTlsAgent(read: Reader, address: string): AgentAddress {
	const url = URL.canParse(address) ? new URL(address) : null;
	if (!url?.hostname || !Number(url.port) || url.href.replace(/\/$/, "") !== `tls://${url.host}`) {
		read.fault("OTA_HSM_AGENT", "lacks host or port, or has more than these; write tls://host:port");
	}
	const credential = (name: string, what: string, parse: (pem: string) => unknown): string => {
		const pem = read.secret(name);
		if (pem === null) read.fault(name, `is missing; tls:// needs ${what} (PEM, or ${name}_FILE; see: ota agent certs)`);
		else if (!parse(pem))
			read.fault(name, `is not ${what} in PEM; set its text, or ${name}_FILE to a file that holds it`);
		return pem ?? "";
	};
	const certificate = credential("OTA_HSM_AGENT_CERT", "this side's certificate", asCertificate);
	const key = credential("OTA_HSM_AGENT_KEY", "that certificate's key, not encrypted,", asKey);
	const ca = credential("OTA_HSM_AGENT_CA", "the CA of the other side's certificate", asCertificate);
	const privateKey = asKey(key);
	if (privateKey && asCertificate(certificate)?.checkPrivateKey(privateKey) === false) {
		read.fault("OTA_HSM_AGENT_KEY", "is not the key of OTA_HSM_AGENT_CERT; take both from one set");
	}
	return { kind: "tls", host: url?.hostname ?? "", port: Number(url?.port), certificate, key, ca, spawn: false };
}

function readSchema(read: Reader): string | null {
	const path = read.optional("OTA_SCHEMA");
	return path === null ? null : read.file("OTA_SCHEMA", path);
}

/** Those that every sign-in brings have variables of their own. */
function readClaims(read: Reader): string[] {
	const claims = read.list("OTA_CLAIMS");
	const wrong = claims.filter((name) => !/^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name));
	if (wrong.length > 0) {
		read.fault("OTA_CLAIMS", `holds ${wrong.join(", ")}; list names of claims (letters, digits, _ and -)`);
	}
	return claims;
}

function readPkiUrl(read: Reader, baseUrl: string): string {
	const url = read.optional("OTA_PKI_URL");
	if (url === null) return baseUrl;
	if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
		read.fault("OTA_PKI_URL", "is not an http address; write http://pki.example.com");
	}
	return url.replace(/\/+$/, "");
}

function readSignIn(read: Reader, baseUrl: string, purpose: Purpose): SignIn | null {
	const nextAuthUrl = read.optional("NEXTAUTH_URL");
	if (nextAuthUrl !== null && (!URL.canParse(nextAuthUrl) || new URL(nextAuthUrl).origin !== baseUrl)) {
		read.fault("NEXTAUTH_URL", `has another origin than OTA_BASE_URL (${baseUrl}); remove it or make the two equal`);
	}
	const secret = read.secret("NEXTAUTH_SECRET");
	const issuer = read.optional("OIDC_ISSUER");
	const clientId = read.optional("OIDC_CLIENT_ID");
	const clientSecret = read.secret("OIDC_CLIENT_SECRET");
	const given = [secret, issuer, clientId, clientSecret];
	if (purpose === "command" && given.every((value) => value === null)) return null;
	if (secret === null) read.fault("NEXTAUTH_SECRET", "is missing; set it to the output of: openssl rand -hex 32");
	else if (secret.length < 32)
		read.fault("NEXTAUTH_SECRET", "is shorter than 32 characters; use: openssl rand -hex 32");
	if (issuer === null) read.fault("OIDC_ISSUER", "is missing; set it to your OpenID provider's issuer address");
	else read.secureUrl("OIDC_ISSUER", issuer);
	if (clientId === null) read.fault("OIDC_CLIENT_ID", "is missing; register this app at your OpenID provider");
	if (clientSecret === null) read.fault("OIDC_CLIENT_SECRET", "is missing; register this app at your OpenID provider");
	return {
		secret: secret ?? "",
		issuer: (issuer ?? "").replace(/\/+$/, ""),
		clientId: clientId ?? "",
		clientSecret: clientSecret ?? "",
	};
}

function readDeviceRoots(read: Reader): string | null {
	const path = read.optional("OTA_DEVICE_ROOTS");
	if (path === null) return null;
	const pem = read.file("OTA_DEVICE_ROOTS", path);
	if (pem !== null && !isPem(pem)) read.fault("OTA_DEVICE_ROOTS", `names ${path}, which holds no PEM certificate`);
	return pem;
}

function isPem(text: string): boolean {
	return /-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/.test(text);
}

const asCertificate = (pem: string): X509Certificate | null => parsed(() => new X509Certificate(pem));
const asKey = (pem: string): KeyObject | null => parsed(() => createPrivateKey(pem));

function parsed<T>(read: () => T): T | null {
	try {
		return read();
	} catch {
		return null;
	}
}

function isLoopback(host: string): boolean {
	return host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Reads single variables and collects what is wrong with them. An empty variable counts as unset. */
class Reader {
	readonly faults: string[] = [];
	constructor(
		private readonly env: Environment,
		private readonly readFile: ReadFile,
	) {}

	fault(name: string, words: string): void {
		this.faults.push(`${name} ${words}.`);
	}

	optional(name: string): string | null {
		return this.env[name]?.trim() || null;
	}

	/** `NAME` or `NAME_FILE`. */
	isSet(name: string): boolean {
		return this.optional(name) !== null || this.optional(`${name}_FILE`) !== null;
	}

	text(name: string, otherwise: string): string {
		return this.optional(name) ?? otherwise;
	}

	file(name: string, path: string): string | null {
		try {
			return this.readFile(path);
		} catch {
			this.fault(name, `names a file that cannot be read (${path}); check the path and its permissions`);
			return null;
		}
	}

	/** `NAME`, or the content of the file that `NAME_FILE` names. */
	secret(name: string): string | null {
		const value = this.optional(name);
		const path = this.optional(`${name}_FILE`);
		if (path === null) return value;
		if (value !== null) {
			this.fault(name, `and ${name}_FILE are both set; keep one`);
			return value;
		}
		const content = this.file(`${name}_FILE`, path)?.trim();
		if (content === "") this.fault(`${name}_FILE`, `names an empty file (${path}); write the value into it`);
		return content || null;
	}

	integer(name: string, otherwise: number, least: number, most: number): number {
		const value = this.optional(name);
		if (value === null) return otherwise;
		if (/^\d{1,9}$/.test(value) && Number(value) >= least && Number(value) <= most) return Number(value);
		this.fault(name, `is not a whole number from ${least} to ${most}`);
		return otherwise;
	}

	port(name: string, otherwise: number): number {
		return this.integer(name, otherwise, 1, 65_535);
	}

	choice<T extends string>(name: string, allowed: readonly T[], otherwise: T): T {
		const value = this.optional(name);
		const found = value === null ? otherwise : allowed.find((one) => one === value);
		if (found === undefined) this.fault(name, `is none of ${allowed.join(", ")}`);
		return found ?? otherwise;
	}

	/** Texts with commas between. */
	list(name: string): string[] {
		const entries = (this.optional(name) ?? "").split(",").map((entry) => entry.trim());
		return entries.filter((entry) => entry !== "");
	}

	/** `staff=3,contractors=1` */
	counts(name: string, least: number): Record<string, number> {
		const counts = this.list(name).map((entry) => /^(.+?)\s*=\s*(\d{1,6})$/.exec(entry));
		const wrong = counts.some((found) => found === null || Number(found[2]) < least);
		if (wrong) this.fault(name, `is no list of groups and numbers from ${least} on; write staff=3,contractors=1`);
		return Object.fromEntries(counts.flatMap((found) => (found ? [[found[1], Number(found[2])]] : [])));
	}

	addresses(name: string): string[] {
		const list = (this.optional(name) ?? "").split(/[\s,]+/).filter(Boolean);
		const wrong = list.filter((entry) => !isAddressOrPrefix(entry));
		if (wrong.length > 0) this.fault(name, `holds ${wrong.join(", ")}; list IP addresses or prefixes like 10.0.0.0/8`);
		return list;
	}

	/** Plain http is for loopback alone: cookies, challenges and profiles travel under this address. */
	secureUrl(name: string, value: string): void {
		const url = URL.canParse(value) ? new URL(value) : null;
		if (!url || !/^https?:$/.test(url.protocol)) this.fault(name, "is not an https address");
		else if (url.protocol === "http:" && !isLoopback(url.hostname)) {
			this.fault(name, "is plain http off loopback; use https");
		}
	}

	origin(name: string, otherwise: string): string {
		const value = this.text(name, otherwise);
		this.secureUrl(name, value);
		if (!URL.canParse(value)) return value;
		const url = new URL(value);
		if (url.pathname !== "/" || url.search || url.hash || url.username) {
			this.fault(name, `is more than an origin; write ${url.origin} (the path is the package's basePath)`);
		}
		return url.origin;
	}
}

function isAddressOrPrefix(entry: string): boolean {
	const [address = "", bits, more] = entry.split("/");
	const version = isIP(address);
	if (version === 0 || more !== undefined) return false;
	return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

/**
 * `ota agent certs`: a private set for mutual TLS between web processes and a remote agent. A CA whose key is forgotten as soon
 * as it has signed the two certificates below it: nobody can add a third.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from "node:crypto";
import { access, mkdir, writeFile } from "node:fs/promises";
import { isIP, isIPv4 } from "node:net";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { writeName } from "../lib/der/name.ts";
import { oids } from "../lib/der/oids.ts";
import {
	algorithmIdentifier,
	bitString,
	boolean,
	contextOf,
	contextPrimitive,
	integer,
	namedBitString,
	objectIdentifier,
	octetString,
	sequenceOf,
	time,
} from "../lib/der/writer.ts";
import { OtaError } from "../lib/errors.ts";
import type { SubjectName } from "../lib/ports.ts";

const usage = `usage: ota agent certs --dir DIR [--host NAME ...]

Makes a CA, the agent's certificate for each NAME (host names and IP addresses by which web processes reach it; default: this
machine's name, localhost and 127.0.0.1) and a client certificate for the web processes, in DIR. Never overwrites.
`;

/** Files of a set. */
export const files = {
	ca: "ca.pem",
	agent: "agent.pem",
	agentKey: "agent-key.pem",
	client: "client.pem",
	clientKey: "client-key.pem",
} as const;

/** PEM each. */
export type CertificateSet = Readonly<Record<keyof typeof files, string>>;

const lifetime = 398 * 86_400_000;
/** The other side's clock may be behind ours. */
const backdate = 5 * 60_000;

/** The command; answers the exit code. */
export async function run(args: readonly string[]): Promise<number> {
	const flags = readFlags(args);
	if (flags === null) {
		process.stderr.write(usage);
		return 2;
	}
	try {
		const set = makeCertificates(flags.hosts, new Date());
		await save(flags.dir, set);
		process.stdout.write(instructions(flags.dir, flags.hosts, new X509Certificate(set.agent)));
		return 0;
	} catch (error) {
		if (!(error instanceof OtaError)) throw error;
		process.stderr.write(`${error.message}\n`);
		return 1;
	}
}

function readFlags(args: readonly string[]): { dir: string; hosts: readonly string[] } | null {
	try {
		const options = { dir: { type: "string" }, host: { type: "string", multiple: true } } as const;
		const { dir, host = [hostname(), "localhost", "127.0.0.1"] } = parseArgs({ args: [...args], options }).values;
		const hosts = [...new Set(host)];
		if (!dir || !hosts.every(isHost)) return null;
		return { dir, hosts };
	} catch {
		return null;
	}
}

/** A DNS name in its letters, digits and hyphens, or an address. */
const isHost = (host: string): boolean =>
	isIP(host) !== 0 || (host.length <= 253 && /^[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_-]{1,63})*$/i.test(host));

async function save(dir: string, set: CertificateSet): Promise<void> {
	await mkdir(dir, { recursive: true, mode: 0o700 });
	const present: string[] = [];
	for (const name of Object.values(files)) if (await exists(join(dir, name))) present.push(name);
	if (present.length > 0) {
		const words = `There are certificates in ${dir} already (${present.join(", ")}). Move them away first, or choose another --dir.`;
		throw new OtaError("conflict", words);
	}
	for (const name of Object.keys(files) as (keyof typeof files)[]) {
		await writeFile(join(dir, files[name]), set[name], { flag: "wx", mode: name.endsWith("Key") ? 0o600 : 0o644 });
	}
}

const exists = (path: string): Promise<boolean> =>
	access(path).then(
		() => true,
		() => false,
	);

function instructions(dir: string, hosts: readonly string[], { validTo }: X509Certificate): string {
	const at = (name: keyof typeof files): string => resolve(dir, files[name]);
	const [host = "localhost"] = hosts;
	const address = `tls://${isIP(host) === 6 ? `[${host}]` : host}:7443`;
	const settings = (certificate: "agent" | "client"): string =>
		`  OTA_HSM_AGENT=${address}
  OTA_HSM_AGENT_CERT_FILE=${at(certificate)}
  OTA_HSM_AGENT_KEY_FILE=${at(`${certificate}Key`)}
  OTA_HSM_AGENT_CA_FILE=${at("ca")}
`;
	return `Certificates for ${hosts.join(", ")}, good until ${new Date(validTo).toISOString().slice(0, 10)}.

Where the token is, for: npx ota agent
${settings("agent")}
Where the web processes are (the text itself in OTA_HSM_AGENT_CERT, _KEY and _CA does as well):
${settings("client")}
The CA's key is not kept: make a new set to replace this one. While the two change places, a CA file may hold both CAs.
`;
}

// ---------------------------------------------------------------- Certificates

interface Pair {
	name: SubjectName;
	privateKey: KeyObject;
	/** DER of SubjectPublicKeyInfo. */
	publicKeyInfo: Uint8Array;
}

/** A set of P-256 keys and certificates of 398 days. */
export function makeCertificates(hosts: readonly string[], now: Date): CertificateSet {
	// A name of its own for each set: two CAs of one name would be taken for each other.
	const set = randomBytes(4).toString("hex");
	const ca = makePair(`next-ota agent CA ${set}`);
	const agent = makePair(`next-ota agent ${set}`);
	const client = makePair(`next-ota web ${set}`);
	const certificates = {
		ca: certify(ca, ca, now, [
			extension(oids.basicConstraints, true, sequenceOf(boolean(true), integer(0))),
			extension(oids.keyUsage, true, namedBitString(5)),
		]),
		agent: certify(agent, ca, now, [...leaf(oids.serverAuth), extension(oids.subjectAltName, false, altNames(hosts))]),
		client: certify(client, ca, now, leaf(oids.clientAuth)),
	};
	return { ...certificates, agentKey: pemOf(agent), clientKey: pemOf(client) };
}

function makePair(commonName: string): Pair {
	const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
	const publicKeyInfo = publicKey.export({ type: "spki", format: "der" });
	return { name: [["CN", commonName]], privateKey, publicKeyInfo };
}

const pemOf = ({ privateKey }: Pair): string => String(privateKey.export({ type: "pkcs8", format: "pem" }));

/** The certificate as PEM. */
function certify(subject: Pair, issuer: Pair, now: Date, extensions: readonly Uint8Array[]): string {
	const notBefore = now.getTime() - backdate;
	const algorithm = algorithmIdentifier(oids.ecdsaWithSha256);
	const serial = randomBytes(16);
	serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
	const keys = [
		extension(oids.subjectKeyIdentifier, false, octetString(keyIdentifier(subject))),
		extension(oids.authorityKeyIdentifier, false, sequenceOf(contextPrimitive(0, keyIdentifier(issuer)))),
	];
	const tbs = sequenceOf(
		contextOf(0, integer(2)),
		integer(serial),
		algorithm,
		writeName(issuer.name),
		sequenceOf(time(new Date(notBefore)), time(new Date(notBefore + lifetime))),
		writeName(subject.name),
		subject.publicKeyInfo,
		contextOf(3, sequenceOf(...extensions, ...keys)),
	);
	const signature = sign("sha256", tbs, issuer.privateKey);
	return new X509Certificate(sequenceOf(tbs, algorithm, bitString(signature))).toString();
}

const leaf = (purpose: string): Uint8Array[] => [
	extension(oids.basicConstraints, true, sequenceOf()),
	extension(oids.keyUsage, true, namedBitString(0)),
	extension(oids.extKeyUsage, false, sequenceOf(objectIdentifier(purpose))),
];

const extension = (id: string, critical: boolean, value: Uint8Array): Uint8Array =>
	sequenceOf(objectIdentifier(id), ...(critical ? [boolean(true)] : []), octetString(value));

/** RFC 5280 section 4.2.1.2, method 1, over the uncompressed point (the last 65 octets of a P-256 key). */
const keyIdentifier = ({ publicKeyInfo }: Pair): Uint8Array =>
	createHash("sha1").update(publicKeyInfo.subarray(-65)).digest();

/** dNSName [2], iPAddress [7] (RFC 5280 section 4.2.1.6). */
const altNames = (hosts: readonly string[]): Uint8Array =>
	sequenceOf(
		...hosts.map((host) =>
			isIP(host) ? contextPrimitive(7, addressOctets(host)) : contextPrimitive(2, Buffer.from(host)),
		),
	);

function addressOctets(address: string): Uint8Array {
	if (isIPv4(address)) return Uint8Array.from(address.split(".").map(Number));
	// As a URL has it: lower-case groups of hexadecimal digits, at most one "::".
	const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
	const groups = (text = ""): string[] => text.split(":").filter(Boolean);
	const zeros = Array<string>(8 - groups(head).length - groups(tail).length).fill("0");
	const hex = [...groups(head), ...zeros, ...groups(tail)].map((group) => group.padStart(4, "0")).join("");
	return Buffer.from(hex, "hex");
}

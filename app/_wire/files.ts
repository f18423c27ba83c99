/** The files behind the options: certificates, further device roots, payload templates. */
import { X509Certificate } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Config, Pem } from "../../lib/config.ts";
import { type Authorities, ConfigError, OtaError, parseTemplate, type Template } from "../../lib/index.ts";

/** Failure: config, naming the file that is missing. */
export async function readAuthorities({ certificates, nextCa }: Config): Promise<Authorities> {
	const [root, ca, ra, profile, ocsp] = await Promise.all([
		readPem(certificates.root),
		readPem(certificates.ca),
		readPem(certificates.ra),
		readPem(certificates.profile),
		readOptional(certificates.ocsp),
	]);
	const { caOld, raOld } = certificates;
	return {
		root,
		ca,
		ra,
		profile,
		...(ocsp !== null && { ocsp }),
		...(caOld && { caOld: caOld.pem }),
		...(raOld && { raOld: raOld.pem }),
		...(nextCa && { nextCa }),
	};
}

/** A data directory of before may have no responder. */
async function readOptional(source: Pem | null): Promise<string | null> {
	if (source === null) return null;
	if ("pem" in source) return source.pem;
	return readFile(source.path, "utf8").catch((error: NodeJS.ErrnoException) => {
		if (error.code === "ENOENT") return null;
		throw new OtaError("config", `The certificate ${source.path} cannot be read: check its permissions.`, {
			cause: error,
		});
	});
}

async function readPem(source: Pem): Promise<string> {
	if ("pem" in source) return source.pem;
	return readFile(source.path, "utf8").catch((cause) => {
		const remedy = "hold the ceremony (ota ceremony), or set the OTA_*_CERT variables";
		throw new OtaError("config", `The certificate ${source.path} cannot be read: ${remedy}.`, { cause });
	});
}

/** DER of each certificate in a PEM file. Failure: config, when one of them cannot be read. */
export function readDeviceRoots(pem: string | null): Uint8Array[] {
	const blocks = pem?.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
	return blocks.map((block, index) => {
		try {
			return new Uint8Array(new X509Certificate(block).raw);
		} catch {
			throw new ConfigError([`OTA_DEVICE_ROOTS: certificate ${index + 1} of the file cannot be read; replace it.`]);
		}
	});
}

/** Milliseconds for which the templates that were read count. */
const freshness = 1_000;

/**
 * The templates of the data directory, by name, read at most once a second: an edited file counts a second later, and a
 * hundred deliveries within it cost one look. A fault is nobody's but the asker's.
 * @param now milliseconds
 */
export function templatesOf(dataDir: string, now: () => number = () => performance.now()): () => Promise<Template[]> {
	let read: { at: number; templates: Promise<Template[]> } | null = null;
	return () => {
		if (read !== null && now() - read.at < freshness) return read.templates;
		const mine = { at: now(), templates: readTemplates(dataDir) };
		read = mine;
		mine.templates.catch(() => {
			if (read === mine) read = null;
		});
		return mine.templates;
	};
}

async function readTemplates(dataDir: string): Promise<Template[]> {
	const folder = join(dataDir, "profiles");
	const unreadable = (path: string) => (cause: NodeJS.ErrnoException) => {
		throw new OtaError("config", `The payload templates ${path} cannot be read: check their permissions.`, { cause });
	};
	const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
		return error.code === "ENOENT" ? [] : unreadable(folder)(error);
	});
	const files = names.filter((name) => /^[^.].*\.(plist|xml|mobileconfig)$/i.test(name)).sort();
	const read = (path: string) => readFile(path, "utf8").catch(unreadable(path));
	return Promise.all(files.map(async (file) => parseTemplate(file, await read(join(folder, file)))));
}

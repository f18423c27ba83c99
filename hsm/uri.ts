/** PKCS#11 URIs (RFC 7512): which module, which token, which key, and where its PIN lies. */
import { OtaError } from "../lib/errors.ts";

const pathAttributes = ["token", "manufacturer", "model", "serial", "object", "type"] as const;
const queryAttributes = {
	"module-path": "modulePath",
	"pin-value": "pinValue",
	"x-library-parameters": "libraryParameters",
} as const;
const objectTypes = ["private", "public", "secret-key", "cert", "data"] as const;

/** The attributes that matter here, decoded. */
export interface Pkcs11Uri {
	/** CKA label of the token, as in CK_TOKEN_INFO, without its padding. */
	token?: string;
	manufacturer?: string;
	model?: string;
	serial?: string;
	/** CKA_LABEL of the key. */
	object?: string;
	/** CKA_ID of the key. */
	id?: Uint8Array;
	type?: (typeof objectTypes)[number];
	/** The PKCS#11 library's file. */
	modulePath?: string;
	/** What C_Initialize hands to a library of NSS' kind (`x-library-parameters`, an attribute of ours: section 2.3 leaves room). */
	libraryParameters?: string;
	/** The file that holds the PIN (`pin-source=file:/path` or `/path`). */
	pinFile?: string;
	pinValue?: string;
}

const fault = (why: string): OtaError => new OtaError("config", `PKCS#11 URI: ${why}`);

/** Parses a URI; `config` says what is wrong with it, never repeating a PIN. */
export function parseUri(text: string): Pkcs11Uri {
	if (!/^pkcs11:/i.test(text)) throw fault("it must start with pkcs11:");
	if (text.includes("#")) throw fault("a fragment (#) is not part of it; write %23");
	const body = text.slice("pkcs11:".length);
	const mark = body.indexOf("?");
	const uri: Pkcs11Uri = {};
	const seen = new Set<string>();
	const path = mark < 0 ? body : body.slice(0, mark);
	// With & or ; for the ? it would be a token's name, and told.
	if (/pin-(value|source)=/i.test(path)) throw fault("pin-source belongs behind the ?");
	for (const [name, raw] of attributes(path, ";", seen)) readPath(uri, name, raw);
	const query = mark < 0 ? "" : body.slice(mark + 1);
	try {
		for (const [name, raw] of attributes(query, "&", seen)) readQuery(uri, name, raw);
	} catch (error) {
		// An & inside the PIN cuts it in two, and its rest must not be told as the name of an attribute.
		if (!/(^|&)pin-value=/.test(query)) throw error;
		throw fault("what stands after pin-value cannot be read; within a PIN write %26 for &, %23 for #, %25 for %");
	}
	if (uri.pinFile !== undefined && uri.pinValue !== undefined) {
		throw fault("pin-source and pin-value exclude each other (section 2.4)");
	}
	return uri;
}

function* attributes(text: string, separator: string, seen: Set<string>): Generator<[string, string]> {
	if (text === "") return;
	for (const pair of text.split(separator)) {
		const equals = pair.indexOf("=");
		if (equals < 1) throw fault(`between "${separator}" there must be name=value`);
		const name = pair.slice(0, equals);
		if (seen.has(name)) throw fault(`${name} is given twice`);
		seen.add(name);
		yield [name, pair.slice(equals + 1)];
	}
}

function readPath(uri: Pkcs11Uri, name: string, raw: string): void {
	if (name === "id") {
		uri.id = percentDecode(name, raw);
		return;
	}
	const known = pathAttributes.find((attribute) => attribute === name);
	if (known === undefined) throw fault(`path attribute ${name} is not supported; use token, serial, object or id`);
	const value = decodeText(name, raw);
	if (known !== "type") {
		uri[known] = value;
		return;
	}
	uri.type = objectTypes.find((type) => type === value);
	if (uri.type === undefined) throw fault(`type must be one of ${objectTypes.join(", ")}`);
}

function readQuery(uri: Pkcs11Uri, name: string, raw: string): void {
	if (name === "pin-source") {
		uri.pinFile = pinFile(decodeText(name, raw));
		return;
	}
	if (name !== "module-path" && name !== "pin-value" && name !== "x-library-parameters") {
		throw fault(`query attribute ${name} is not supported; use module-path and pin-source`);
	}
	const value = decodeText(name, raw);
	if (value === "") throw fault(`${name} is empty`);
	if (name === "module-path" && !value.startsWith("/")) throw fault("module-path must be absolute");
	uri[queryAttributes[name]] = value;
}

/** Section 2.4 leaves pin-source open; a file is what this room reads, a command (`|`) it never runs. */
function pinFile(source: string): string {
	const path = source.replace(/^file:(\/\/(?=\/))?/, "");
	if (!path.startsWith("/")) throw fault("pin-source must be file:/absolute/path");
	return path;
}

function decodeText(name: string, raw: string): string {
	const octets = percentDecode(name, raw);
	try {
		return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(octets);
	} catch {
		throw fault(`${name} is not percent-encoded UTF-8`);
	}
}

function percentDecode(name: string, raw: string): Uint8Array {
	if (/%(?![0-9A-Fa-f]{2})/.test(raw)) throw fault(`${name} has a % without two hexadecimal digits`);
	const octets: number[] = [];
	const bytes = new TextEncoder().encode(raw);
	for (let at = 0; at < bytes.length; at++) {
		const octet = bytes[at] as number;
		if (octet !== 0x25) octets.push(octet);
		else {
			octets.push(Number.parseInt(String.fromCharCode(bytes[at + 1] as number, bytes[at + 2] as number), 16));
			at += 2;
		}
	}
	return Uint8Array.from(octets);
}

/** The URI as text. It carries the PIN when there is a `pinValue`: not for logs. */
export function formatUri(uri: Pkcs11Uri): string {
	const path: string[] = [];
	const query: string[] = [];
	for (const name of pathAttributes) if (uri[name] !== undefined) path.push(`${name}=${encode(uri[name])}`);
	if (uri.id) path.push(`id=${Buffer.from(uri.id).toString("hex").replace(/../g, "%$&")}`);
	if (uri.modulePath !== undefined) query.push(`module-path=${encode(uri.modulePath)}`);
	if (uri.libraryParameters !== undefined) query.push(`x-library-parameters=${encode(uri.libraryParameters)}`);
	if (uri.pinFile !== undefined) query.push(`pin-source=file:${encode(uri.pinFile)}`);
	if (uri.pinValue !== undefined) query.push(`pin-value=${encode(uri.pinValue)}`);
	return `pkcs11:${path.join(";")}${query.length > 0 ? `?${query.join("&")}` : ""}`;
}

const encode = (value: string): string => encodeURIComponent(value).replaceAll("%2F", "/");

/** The URI for logs and errors: a PIN becomes `***`. */
export function redactUri(uri: Pkcs11Uri): string {
	// encodeURIComponent leaves asterisks as they are.
	return formatUri(uri.pinValue === undefined ? uri : { ...uri, pinValue: "***" });
}

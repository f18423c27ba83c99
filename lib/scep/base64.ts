/** The `message` of a GET PKIOperation (RFC 8894 section 4.1): base64 as clients really send it. */
import { malformed } from "../der/reader.ts";

const maxMessage = 16_384;

/**
 * From a raw query: percent-escapes resolved, `+` left alone (macOS sends it unescaped, and form decoding would turn it
 * into a blank; a blank that arrives stands for one), line ends dropped, padding optional.
 */
export function readQueryMessage(rawQuery: string): Uint8Array {
	const values = parameters(rawQuery, "message");
	const [raw] = values;
	if (raw === undefined || values.length !== 1) throw malformed("message is not there once");
	const base64 = raw.replace(/[\r\n]/g, "").replace(/ /g, "+");
	if (base64.length === 0 || base64.length > maxMessage || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) {
		throw malformed("message is not base64");
	}
	// One digit over whole groups holds no octet: something was cut off.
	if (base64.replace(/=+$/, "").length % 4 === 1) throw malformed("message is not base64");
	return Buffer.from(base64, "base64");
}

/** Values of a query parameter, percent-decoded and nothing else. */
export function parameters(rawQuery: string, name: string): string[] {
	return rawQuery
		.replace(/^\?/, "")
		.split("&")
		.filter((pair) => pair.split("=", 1)[0] === name)
		.map((pair) => percentDecoded(pair.slice(name.length + 1)));
}

function percentDecoded(value: string): string {
	try {
		return decodeURIComponent(value);
	} catch {
		throw malformed("query with a broken escape");
	}
}

/** What OCSP requests and answers have in common (RFC 6960 section 4): version, extensions, and the nonce (RFC 9654). */
import { type Extension, readWrappedExtensions } from "../cms/certificate.ts";
import { oids } from "../der/oids.ts";
import { type Element, Fields, malformed, readDer, tag } from "../der/reader.ts";
import { smallInteger } from "../der/values.ts";

/** What an `[n] EXPLICIT` holds: one element, of this tag or of any. */
export function inside(wrapper: Element, what: string, expected?: number): Element {
	const fields = new Fields(wrapper, wrapper.tag, what);
	const element = fields.take(expected);
	fields.end();
	return element;
}

/** v1 is 0, the default; some write it all the same. */
export function readVersion(wrapper: Element | null): void {
	if (wrapper && smallInteger(inside(wrapper, "OCSP: version")) !== 0) throw malformed("OCSP: its version is not 1");
}

/** The nonce alone is kept; whatever else is critical asks for something that is not done here. */
export function readExtensions(wrapper: Element | null): ReadonlyMap<string, Extension> {
	const extensions: ReadonlyMap<string, Extension> = wrapper ? readWrappedExtensions(wrapper) : new Map();
	for (const [id, { critical }] of extensions) {
		if (critical && id !== oids.ocspNonce) throw malformed(`OCSP: unknown critical extension ${id}`);
	}
	return extensions;
}

/** RFC 8954 section 2.1. */
const longestNonce = 32;

/** An OCTET STRING inside the extension's own; null when there is none. */
export function readNonce(extensions: ReadonlyMap<string, Extension>): Uint8Array | null {
	const extension = extensions.get(oids.ocspNonce);
	if (!extension) return null;
	const element = readDer(extension.value);
	const { length } = element.content;
	if (element.tag !== tag.octetString || length === 0 || length > longestNonce) {
		throw malformed("Nonce: of a wrong size");
	}
	return element.content;
}

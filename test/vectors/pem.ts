/** PEM blocks in files that hold more than that. */

/** The DER of the first block of this kind, or null. */
export function block(text: string, kind: string): Uint8Array | null {
	const found = new RegExp(`-----BEGIN ${kind}-----([A-Za-z0-9+/=\\s]+)-----END`).exec(text);
	return found ? Buffer.from(found[1] as string, "base64") : null;
}

/** The smallest certificate that node:crypto reads, over a key on the test token and signed by it. */
import * as der from "../../lib/der/writer.ts";
import type { TestToken } from "./token.ts";

const sha256WithRSAEncryption = "1.2.840.113549.1.1.11";

/** A self-signed v3 certificate (DER) of an RSA key, by label. */
export async function selfSigned(token: TestToken, label: string, spki: Uint8Array): Promise<Uint8Array> {
	const algorithm = der.algorithmIdentifier(sha256WithRSAEncryption, der.nullValue());
	const name = der.sequenceOf(der.setOf(der.sequenceOf(der.objectIdentifier("2.5.4.3"), der.utf8String(label))));
	const validity = der.sequenceOf(
		der.time(new Date("2026-01-01T00:00:00Z")),
		der.time(new Date("2036-01-01T00:00:00Z")),
	);
	const tbs = der.sequenceOf(der.contextOf(0, der.integer(2)), der.integer(1), algorithm, name, validity, name, spki);
	const message = Buffer.from(tbs).toString("hex");
	const signature = Buffer.from(String(await token.must({ do: "sign", label, hash: "sha256", message })), "hex");
	return der.sequenceOf(tbs, algorithm, der.bitString(signature));
}

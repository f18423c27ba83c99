/** A signature of one of our keys over a structure of X.509, proven before anybody sees it (facts: sign, then verify). */
import { readAlgorithm } from "../cms/algorithms.ts";
import type { X509 } from "../cms/certificate.ts";
import { signatureHolds } from "../cms/signature.ts";
import { readDer } from "../der/reader.ts";
import { bitString } from "../der/writer.ts";
import { OtaError } from "../errors.ts";
import type { HashName } from "../ports.ts";
import { caSignatureAlgorithm } from "./template.ts";

/** One key of the port Keys, its role given. */
export type Sign = (hash: HashName, message: Uint8Array) => Promise<Uint8Array>;

/**
 * What every signed structure begins with: the to-be-signed octets, AlgorithmIdentifier, and the signature as a BIT STRING.
 * `hsm_unavailable` when what came back is no signature of the signer's key.
 */
export async function signedParts(tbs: Uint8Array, signer: X509, sign: Sign): Promise<Uint8Array[]> {
	const algorithm = caSignatureAlgorithm(signer);
	// A copy: what is verified below is what was given, whatever became of the octets on their way.
	const signature = await sign("sha256", new Uint8Array(tbs));
	if (!signatureHolds(readAlgorithm(readDer(algorithm), "signatureAlgorithm"), signer.publicKey, tbs, signature)) {
		throw new OtaError("hsm_unavailable", "the signature that came back is not one of the signer's key");
	}
	return [tbs, algorithm, bitString(signature)];
}

/**
 * What of a good message may change without the server's noticing: nobody signs it and nothing depends on it. Each entry
 * is as narrow as a path from the message's root ("1.0.3" is SignedData's certificates) and a kind of change can tell.
 */
import type { Mutant } from "../harness/tlv-tree.ts";
import type { Kind } from "./good-messages.ts";

interface Unsigned {
	kinds: readonly Kind[];
	/** What was done: "drop", "double", "swap", or "flip" and which part. */
	how: RegExp;
	path: RegExp;
	reason: string;
}

const posts: readonly Kind[] = ["device response", "profile request"];
const signed: readonly Kind[] = [...posts, "PKCSReq"];

export const unsigned: readonly Unsigned[] = [
	{
		kinds: signed,
		how: /^drop$/,
		path: /^1\.0\.1\.0\.1$|^1\.0\.4\.0\.[24]\.1$/,
		reason: "NULL after the OID of a digest or a signature may be left out (RFC 5754 section 2): clients do both",
	},
	{
		kinds: posts,
		how: /^flip content$/,
		path: /^1\.0\.4\.0\.4\.0$/,
		reason: "sha1WithRSAEncryption is another name of rsaEncryption over SHA-1: the digest is told, and signed, apart",
	},
	{
		kinds: signed,
		how: /^double$/,
		path: /^1\.0\.3\.0$/,
		reason: "the signer's own certificate may stand twice: tools put it in with its chain as well",
	},
	{
		kinds: posts,
		how: /^swap$/,
		path: /^1\.0\.3\.0$/,
		reason: "certificates are a SET: the signer's is found by its name, wherever it stands",
	},
	{
		kinds: posts,
		how: /./,
		path: /^1\.0\.3\.[1-9]\d*(\.|$)/,
		reason: "certificates beside the signer's are read for their form alone: anchors are ours, never the message's",
	},
	{
		kinds: ["PKCSReq"],
		how: /^(drop|double|swap|flip (identifier|content))$/,
		path: /^1\.0\.3\.0\.0\.5\./,
		reason:
			"the subject of a SCEP signer's certificate: it proves nothing (lane L3), and another one than the issuer's means that it is not signed by itself, so that nobody here can check it",
	},
	{
		kinds: ["EnvelopedData of a PKCSReq"],
		how: /^drop$/,
		path: /^1\.0\.1\.0\.2\.1$/,
		reason: "NULL after rsaEncryption as key transport may be left out",
	},
	{
		kinds: ["CertificationRequest of a PKCSReq"],
		how: /^drop$/,
		path: /^1\.1$/,
		reason: "NULL after the OID of the request's signature may be left out; the OID itself is bound by the signature",
	},
];

/** The entry that a mutant falls under. */
export function entryOf(kind: Kind, { how, path }: Mutant): Unsigned | null {
	return unsigned.find((each) => each.kinds.includes(kind) && each.how.test(how) && each.path.test(path)) ?? null;
}

/**
 * Judges one chain of certificates (RFC 5280 section 6.1) that we put in order ourselves, under an anchor that we
 * chose: no path is built and nothing of a message becomes an anchor. Stricter than the RFC: names are compared as
 * bytes, every CA counts for a path length, and what is not done here (policies, name constraints) is refused.
 */
import type { KeyObject } from "node:crypto";
import { oids } from "../der/oids.ts";
import { equalBytes } from "../der/values.ts";
import { type Code, OtaError } from "../errors.ts";
import type { Digest } from "./algorithms.ts";
import { keyUsageBit, X509 } from "./certificate.ts";
import { digestOfSignature } from "./signature.ts";

/** Who is trusted without a certificate: a key, and what is known about it. */
export interface Anchor {
	publicKey: KeyObject;
	/** DER of its name; null where the key says enough. */
	subject: Uint8Array | null;
	/** Hex; null when it is not known. */
	keyIdentifier: string | null;
}

/** What differs from lane to lane. */
export interface ChainRules {
	/** The moment at which every certificate must be valid; null: DATES ARE NOT ENFORCED. */
	at: Date | null;
	/** Digests that a signature may be made over. */
	digests: readonly Digest[];
	/** Fewest bits of an RSA key. */
	rsaBits: number;
	/** keyUsage bits that the leaf must have where it has the extension. */
	usage: readonly number[];
	/** The extendedKeyUsage that the leaf must have and that no CA with the extension may leave out; null: not asked. */
	purpose: string | null;
	/** Every CA below the anchor must have that extension. */
	isPurposeOfAll?: boolean;
	/** Certificates at most, a certified anchor included: 3 unless told. */
	longest?: number;
}

/** What is wrong with one certificate of a chain: 0 is the leaf. */
export interface ChainFault {
	index: number;
	code: Code;
	why: string;
}

/** Throws the first fault. `anchor` as a certificate must itself be a CA under the rules; its signature is not looked at. */
export function judgeChain(chain: readonly X509[], anchor: Anchor | X509, rules: ChainRules): void {
	const [fault] = chainFaults(chain, anchor, rules);
	if (fault) throw new OtaError(fault.code, `certificate ${fault.index} of the chain: ${fault.why}`);
}

/** The first fault of each certificate, leaf first; `chain` is the leaf and what certifies it, without the anchor. */
export function chainFaults(chain: readonly X509[], anchor: Anchor | X509, rules: ChainRules): ChainFault[] {
	const certificates = anchor instanceof X509 ? [...chain, anchor] : chain;
	if (chain.length === 0 || certificates.length > (rules.longest ?? 3)) {
		return [{ index: 0, code: "signer_untrusted", why: "a chain of a wrong length" }];
	}
	return certificates.flatMap((certificate, index) => {
		const issuer = chain[index + 1] ?? anchor;
		try {
			if (certificate !== anchor) judgeLink(certificate, issuer, rules);
			judgeCertificate(certificate, rules);
			if (index === 0) judgeLeaf(certificate, rules);
			else judgeAuthority(certificate, index - 1, rules, certificate !== anchor);
			return [];
		} catch (error) {
			return [asFault(error, index)];
		}
	});
}

/** What cannot be read is no certificate to trust. */
function asFault(error: unknown, index: number): ChainFault {
	if (!(error instanceof OtaError)) throw error;
	const code = error.code === "time" ? "time" : "signer_untrusted";
	return { index, code, why: error.message };
}

const refused = (why: string): OtaError => new OtaError("signer_untrusted", why);

function judgeLink(certificate: X509, issuer: Anchor | X509, rules: ChainRules): void {
	const digest = digestOfSignature(certificate.algorithm);
	if (!digest || !rules.digests.includes(digest)) throw refused("its signature's digest is not accepted");
	if (issuer.subject !== null && !equalBytes(certificate.issuer, issuer.subject)) {
		throw refused("it names another issuer");
	}
	if (!certificate.isSignedBy(issuer.publicKey)) throw refused("its issuer did not sign it");
	const named = certificate.authorityKeyIdentifier;
	const known = issuer instanceof X509 ? issuer.subjectKeyIdentifier : issuer.keyIdentifier;
	if (named !== null && known !== null && named !== known) throw refused("its authority key identifier is another's");
}

/** Extensions whose meaning is kept here, or concerns no verifier of signatures. */
const understood: ReadonlySet<string> = new Set([
	oids.keyUsage,
	oids.basicConstraints,
	oids.extKeyUsage,
	oids.authorityKeyIdentifier,
	oids.subjectKeyIdentifier,
	oids.subjectAltName,
]);
/** nameConstraints, policyMappings, policyConstraints, inhibitAnyPolicy: limits that are set, and not kept by us. */
const limits: readonly string[] = ["2.5.29.30", "2.5.29.33", "2.5.29.36", "2.5.29.54"];
const largestRsa = 8192;

function judgeCertificate(certificate: X509, { at, rsaBits }: ChainRules): void {
	const { notBefore, notAfter, extensions } = certificate;
	if (at !== null && (at < notBefore || at > notAfter)) throw new OtaError("time", "it is outside its dates");
	for (const [id, { critical }] of extensions) {
		if (critical && !understood.has(id)) throw refused(`unknown critical extension ${id}`);
	}
	const limit = limits.find((id) => extensions.has(id));
	if (limit) throw refused(`it limits what is below it in a way that is not kept here: ${limit}`);
	const bits = certificate.publicKey.asymmetricKeyDetails?.modulusLength;
	if (bits !== undefined && (bits < rsaBits || bits > largestRsa)) throw refused(`an RSA key of ${bits} bits`);
	// Read for their form, whoever asks for them.
	void [certificate.keyUsage, certificate.authorityKeyIdentifier, certificate.subjectKeyIdentifier];
}

/** What a leaf may be for, besides what it must be for: keys that vouch for others are kept apart (CA/B 7.1.2.7.10). */
const ordinary: readonly string[] = [oids.clientAuth, oids.serverAuth, oids.emailProtection];

function judgeLeaf(leaf: X509, { usage, purpose }: ChainRules): void {
	if (leaf.basicConstraints.ca) throw refused("it is a CA");
	const { keyUsage, extendedKeyUsage } = leaf;
	if (keyUsage !== null && usage.some((bit) => !keyUsage.has(bit))) throw refused("its key usage is another");
	if (purpose === null) return;
	const fits = extendedKeyUsage?.has(purpose) && [...extendedKeyUsage].every((each) => ordinary.includes(each));
	if (!fits) throw refused("its extended key usage is another");
}

/** `below`: how many CAs stand between it and the leaf. */
function judgeAuthority(certificate: X509, below: number, rules: ChainRules, isBetween: boolean): void {
	const { basicConstraints, keyUsage, extendedKeyUsage } = certificate;
	if (!basicConstraints.ca) throw refused("it is no CA");
	if (basicConstraints.pathLen !== null && basicConstraints.pathLen < below)
		throw refused("its path length is exceeded");
	if (keyUsage !== null && !keyUsage.has(keyUsageBit.keyCertSign)) throw refused("it may not sign certificates");
	if (rules.purpose === null) return;
	const isLimited = extendedKeyUsage !== null || (isBetween && rules.isPurposeOfAll === true);
	if (isLimited && !extendedKeyUsage?.has(rules.purpose)) throw refused("its extended key usage leaves out the leaf's");
}

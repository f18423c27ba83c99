/**
 * Judges the certificate of a device response (lane L1): issued directly by a pinned device CA. Validity dates are
 * recorded, not enforced, in this lane alone: Apple's Device CA expired in 2014 and goes on issuing.
 */
import { keyUsageBit, type X509 } from "../cms/certificate.ts";
import { commonNames } from "../der/name.ts";
import { oids } from "../der/oids.ts";
import { equalBytes } from "../der/values.ts";
import { OtaError } from "../errors.ts";
import { type DeviceAnchor, deniedKeys } from "./anchors.ts";
import { sameUdid } from "./attributes.ts";

const understood: ReadonlySet<string> = new Set([
	oids.keyUsage,
	oids.basicConstraints,
	oids.extKeyUsage,
	oids.authorityKeyIdentifier,
	oids.subjectKeyIdentifier,
	oids.subjectAltName,
]);

const refused = (why: string, cause?: unknown): OtaError =>
	new OtaError("signer_untrusted", `device identity: ${why}`, { cause });

/** The anchor that issued this leaf, or null when none did. */
export function issuerOf(leaf: X509, anchors: readonly DeviceAnchor[]): DeviceAnchor | null {
	const fits = (anchor: DeviceAnchor): boolean =>
		(anchor.subject === null || equalBytes(anchor.subject, leaf.issuer)) && leaf.isSignedBy(anchor.publicKey);
	return anchors.find(fits) ?? null;
}

/** `signer_untrusted` unless this leaf, which the anchor issued, is a device's. */
export function judgeDeviceIdentity(leaf: X509, anchor: DeviceAnchor): void {
	if (deniedKeys.has(leaf.publicKeyHash)) throw refused("its private key is public");
	try {
		judgeExtensions(leaf, anchor);
	} catch (error) {
		throw error instanceof OtaError && error.code === "malformed" ? refused("malformed extension", error) : error;
	}
}

function judgeExtensions(leaf: X509, anchor: DeviceAnchor): void {
	if (leaf.basicConstraints.ca) throw refused("it is a CA");
	if (leaf.keyUsage !== null && !leaf.keyUsage.has(keyUsageBit.digitalSignature)) throw refused("it may not sign");
	for (const [id, { critical }] of leaf.extensions) {
		if (critical && !understood.has(id)) throw refused(`unknown critical extension ${id}`);
	}
	const authority = leaf.authorityKeyIdentifier;
	if (authority !== null && anchor.keyIdentifier !== null && authority !== anchor.keyIdentifier) {
		throw refused("its authority key identifier is another's");
	}
}

/** Leaves of 2008 name the UDID as CN: then it is the device's that answers. */
export function judgeUdid(leaf: X509, udid: string): void {
	const named = commonNames(leaf.subject).filter((name) => /^[0-9a-f]{40}$/i.test(name));
	if (named.some((name) => !sameUdid(name, udid))) throw refused("it names another UDID");
}

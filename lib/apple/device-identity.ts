/**
 * Judges the certificate of a device response (lane L1): issued directly by a pinned device CA. Validity dates are
 * recorded, not enforced, in this lane alone: Apple's Device CA expired in 2014 and goes on issuing.
 */
import { keyUsageBit, type X509 } from "../cms/certificate.ts";
import { type ChainRules, judgeChain } from "../cms/chain.ts";
import { commonNames } from "../der/name.ts";
import { equalBytes } from "../der/values.ts";
import { OtaError } from "../errors.ts";
import { type DeviceAnchor, deniedKeys } from "./anchors.ts";
import { sameUdid } from "./attributes.ts";

/** DATES ARE NOT ENFORCED AND SHA-1 IS TAKEN in this lane, because Apple's CA leaves no choice. */
const laneOfDevices: ChainRules = {
	at: null,
	digests: ["sha1", "sha256", "sha384", "sha512"],
	rsaBits: 1024,
	usage: [keyUsageBit.digitalSignature],
	purpose: null,
};

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
		judgeChain([leaf], anchor, laneOfDevices);
	} catch (error) {
		throw error instanceof OtaError ? refused(error.message, error) : error;
	}
}

/** Leaves of 2008 name the UDID as CN: then it is the device's that answers. */
export function judgeUdid(leaf: X509, udid: string): void {
	const named = commonNames(leaf.subject).filter((name) => /^[0-9a-f]{40}$/i.test(name));
	if (named.some((name) => !sameUdid(name, udid))) throw refused("it names another UDID");
}

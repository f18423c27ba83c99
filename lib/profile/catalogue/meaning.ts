/**
 * What a key's name says of its value in Apple's schema, where no field says it: whether it is a secret, and whether it
 * names another payload. Imported definitions get both from here; the built-in ones say it, and a test compares.
 */
import type { KeyDefinition } from "./form.ts";

export function meaningOf(
	key: string,
	type: string,
	payloadType: string,
): Pick<KeyDefinition, "isSecret" | "refersTo"> {
	const refersTo = reference(key, type, payloadType);
	return { ...(isSecret(key, type, payloadType) && { isSecret: true }), ...(refersTo && { refersTo }) };
}

function isSecret(key: string, type: string, payloadType: string): boolean {
	if (type !== "string" && type !== "data") return false;
	// Two keys hold a PKCS #12 file, which is a private key.
	if (payloadType === "com.apple.security.pkcs12" && key === "PayloadContent") return true;
	if (payloadType === "com.apple.eas.account" && key === "Certificate") return true;
	// An ACME server may know a device by nothing else, and header fields are there to sign in with.
	if (payloadType === "com.apple.security.acme" && key === "ClientIdentifier") return true;
	if (payloadType === "com.apple.relay.managed" && key === "ANY") return true;
	return /(?:password|sharedsecret)$|^(?:challenge|ppk)$/i.test(key);
}

function reference(key: string, type: string, payloadType: string): KeyDefinition["refersTo"] {
	if (type !== "string") return undefined;
	if (/CertificateAnchorUUIDs?$|PinningCertificateUUIDs(?:Items?|Element)?$/.test(key)) return "certificate";
	if (/CertificateUUID$/.test(key)) return "identity";
	return key === "VPNUUID" && payloadType !== "com.apple.vpn.managed.applayer" ? "perAppVpn" : undefined;
}

/**
 * Keys of a dictionary that Apple's schema leaves out: those of a vendor's own, and the server of a VPN that an app brings.
 * The built-in definitions have them; imported ones get them from here.
 */
export function beyondSchema(dictionary: string, payloadType: string): readonly KeyDefinition[] {
	if (dictionary === "VendorConfig") return [{ key: "ANY", type: "any" }];
	if (dictionary !== "VPN" || !payloadType.startsWith("com.apple.vpn.managed")) return [];
	return [{ key: "RemoteAddress", type: "string", title: "Server" }];
}

/**
 * Who may have issued a built-in device identity: Apple's iPhone Device CA, pinned by its key as figures, and the
 * further CAs that an operator configures. Never a certificate taken from a message.
 */
import { readCertificate } from "../cms/certificate.ts";
import type { Anchor } from "../cms/chain.ts";
import { readPublicKey } from "../cms/signature.ts";
import { oids } from "../der/oids.ts";
import { algorithmIdentifier, bitString, integer, nullValue, sequenceOf } from "../der/writer.ts";
import { OtaError } from "../errors.ts";

/** The subject is null for Apple's, whose key says enough. */
export interface DeviceAnchor extends Anchor {
	name: string;
}

const appleDeviceCaModulus =
	"F1944AC9EABA5A1860ADCBA24D4D4E54196917590766CB97E8669A475F46AE677AB54A7354B1CB04F6BD36B80C55388A" +
	"8483315265F933E197779C2B4C26B0253FE932AA7B087494ECC14B381D674E0852945A8B59A35CD793F4A0FE5585BB4C" +
	"46975E6EB277452F675CBC0B18BF59B96C86F72A7576D21971F42963B9250BAF";

/** DER of SubjectPublicKeyInfo of "Apple iPhone Device CA" (SHA-256 13686ec6...3922e5). */
export const appleDeviceCaKey: Uint8Array = sequenceOf(
	algorithmIdentifier(oids.rsaEncryption, nullValue()),
	bitString(sequenceOf(integer(Buffer.from(appleDeviceCaModulus, "hex")), integer(65_537))),
);

/** Keys of genuine Apple certificates whose private half is public: SHA-256 of SubjectPublicKeyInfo. */
export const deniedKeys: ReadonlySet<string> = new Set([
	"d2f943134ec162b7d1ca6f7a20c19b1dbaabd76bcba0755f30a26cd5b1229bd0",
]);

/** Apple's anchor, then one for each configured DER certificate. `config` when one is no CA certificate. */
export function deviceAnchors(roots: readonly Uint8Array[]): DeviceAnchor[] {
	const apple: DeviceAnchor = {
		name: "Apple iPhone Device CA",
		publicKey: readPublicKey(appleDeviceCaKey),
		keyIdentifier: "b2fe21234486956a79d581268e7310d8a74c8e74",
		subject: null,
	};
	return [apple, ...roots.map(configuredAnchor)];
}

function configuredAnchor(der: Uint8Array, index: number): DeviceAnchor {
	const name = `configured device CA ${index + 1}`;
	try {
		const certificate = readCertificate(der);
		if (!certificate.basicConstraints.ca) throw new OtaError("config", "it is no CA");
		const { publicKey, subjectKeyIdentifier, subject } = certificate;
		return { name, publicKey, keyIdentifier: subjectKeyIdentifier, subject };
	} catch (cause) {
		const why = cause instanceof Error ? cause.message : "unreadable";
		throw new OtaError("config", `OTA_DEVICE_ROOTS: certificate ${index + 1}: ${why}; put the device CA's there`, {
			cause,
		});
	}
}

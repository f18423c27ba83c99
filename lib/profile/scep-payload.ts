/** The com.apple.security.scep payload: where and as whom the device asks for a certificate. */
import { nameAttributes } from "../der/oids.ts";
import { OtaError } from "../errors.ts";
import type { SubjectAltName, SubjectName } from "../ports.ts";
import { isXmlText, type PropertyListDict } from "./property-list.ts";

/** What one SCEP enrollment of the device needs. */
export interface ScepEnrollment {
	/** Absolute URL of the SCEP service. */
	scepUrl: string;
	/** The CA's name as the SCEP service knows it (GetCACert's message). */
	name: string;
	/** What the device will ask for; the certificate gets what the server has in its database. */
	subject: SubjectName;
	subjectAltName?: SubjectAltName;
	/** Text of the single-use SCEP challenge. */
	challenge: string;
	/** SHA-1 of the DER of the topmost certificate that GetCACert answers. */
	caFingerprint: Uint8Array;
}

export interface PayloadNames {
	identifier: string;
	uuid: string;
	displayName: string;
	organization: string;
}

/** The attribute types that Apple's Subject knows by name; others stand there as dotted OIDs. */
const shortcut = /^(?:C|L|ST|O|OU|CN)$/;

/** Bits of Apple's `Key Usage`: 1 signing, 4 encryption. */
const signAndEncrypt = 5;

/** The payload as values. Throws `policy` when the subject has characters that a property list cannot carry. */
export function scepPayload(scep: ScepEnrollment, names: PayloadNames): PropertyListDict {
	if (scep.caFingerprint.length !== 20) throw new OtaError("config", "SCEP payload: the CA's fingerprint is no SHA-1");
	const alternatives = Object.entries(scep.subjectAltName ?? {}).filter(([, value]) => value !== undefined);
	for (const [type, value] of [...scep.subject, ...alternatives]) {
		if (!isXmlText(value)) throw new OtaError("policy", `SCEP payload: ${type} has characters that XML does not carry`);
	}
	return {
		PayloadType: "com.apple.security.scep",
		PayloadVersion: 1,
		PayloadIdentifier: names.identifier,
		PayloadUUID: names.uuid,
		PayloadDisplayName: names.displayName,
		PayloadOrganization: names.organization,
		PayloadContent: {
			URL: scep.scepUrl,
			Name: scep.name,
			// Nested exactly three deep: RelativeDistinguishedNames of one attribute each.
			Subject: scep.subject.map(([type, value]) => [
				[shortcut.test(type) ? type : (nameAttributes[type] ?? type), value],
			]),
			...(alternatives.length > 0 ? { SubjectAltName: Object.fromEntries(alternatives) } : {}),
			Challenge: scep.challenge,
			CAFingerprint: scep.caFingerprint,
			Keysize: 2048,
			"Key Type": "RSA",
			"Key Usage": signAndEncrypt,
			KeyIsExtractable: false,
			Retries: 3,
			RetryDelay: 10,
		},
	};
}

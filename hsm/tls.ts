/**
 * Mutual TLS between a web process and a remote agent: TLS 1.3 alone (RFC 8446), and on each side one trust anchor, the
 * given CA. The system's roots are never asked, and nothing is resumed: each connection proves both ends anew.
 */
import { constants, createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { ConfigError } from "../lib/errors.ts";

/** One side's credentials, PEM each. */
export interface TlsIdentity {
	/** This side's certificate; the chain below the CA may follow it. */
	certificate: string;
	/** Its private key, not encrypted. */
	key: string;
	/** The CA of the other side's certificate; two of them while one takes the other's place. */
	ca: string;
}

/** What node:tls takes on either side, checked; ConfigError with every fault. */
export function tlsOptions({ certificate, key, ca }: TlsIdentity): SecureContextOptions {
	const faults: string[] = [];
	const own = tryTo(
		() => new X509Certificate(certificate),
		"tls.certificate (OTA_HSM_AGENT_CERT) is not a PEM certificate",
		faults,
	);
	const privateKey = tryTo(
		() => createPrivateKey(key),
		"tls.key (OTA_HSM_AGENT_KEY) is not a PEM private key without a password",
		faults,
	);
	if (own && privateKey && !fits(own, privateKey))
		faults.push("tls.key (OTA_HSM_AGENT_KEY) is not the key of tls.certificate (OTA_HSM_AGENT_CERT)");
	// Read here one by one: node:tls passes over a CA that it cannot read.
	const anchors = anchorsOf(ca);
	const words = "tls.ca (OTA_HSM_AGENT_CA) is not a PEM certificate";
	for (const anchor of anchors) tryTo(() => new X509Certificate(anchor), words, faults);
	const options: SecureContextOptions = {
		cert: certificate,
		key,
		ca: [...anchors],
		minVersion: "TLSv1.3",
		maxVersion: "TLSv1.3",
		secureOptions: constants.SSL_OP_NO_TICKET,
	};
	if (faults.length === 0)
		tryTo(() => createSecureContext(options), "tls: the certificate chain cannot be used", faults);
	if (faults.length > 0) throw new ConfigError(faults);
	return options;
}

/** One by one, as PEM. */
const anchorsOf = (ca: string): string[] =>
	ca.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [""];

/**
 * Whether a certificate of this CA's would pass for the other side's: it is an anchor itself, or an anchor issued it. Devices
 * have certificates of the issuing CA for client authentication, and must not pass for a web process. ConfigError then.
 */
export function refuseIssuingCa({ ca }: TlsIdentity, issuing: readonly Uint8Array[]): void {
	const anchors = anchorsOf(ca).map((anchor) => new X509Certificate(anchor));
	const passes = issuing
		.map((der) => new X509Certificate(der))
		.some((issuer) => anchors.some(({ publicKey }) => issuer.publicKey.equals(publicKey) || issuer.verify(publicKey)));
	if (!passes) return;
	const words = "tls.ca (OTA_HSM_AGENT_CA) is the issuing CA or its root: every device's certificate would pass";
	throw new ConfigError([`${words}; use a CA of its own (ota agent certs)`]);
}

const fits = (certificate: X509Certificate, key: KeyObject): boolean => certificate.checkPrivateKey(key);

function tryTo<T>(read: () => T, words: string, faults: string[]): T | null {
	try {
		return read();
	} catch {
		faults.push(words);
		return null;
	}
}

/** Until when this side's own certificate holds. */
export const validUntil = (certificate: string): Date => new Date(new X509Certificate(certificate).validTo);

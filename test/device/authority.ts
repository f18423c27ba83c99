/**
 * A fake Apple: root, iPhone Certification Authority, iPhone Device CA (as worn out as the genuine one: RSA-1024, SHA-1,
 * expired in 2014) and the built-in identities of devices (RFC 5280 certificates).
 */
import { createPrivateKey, type KeyObject, randomUUID } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Name } from "./ber.ts";
import { buildCertificate, type CertificateOptions, type Identity, pemOf, readPem } from "./certificate.ts";
import { newKeyPair } from "./key-pair.ts";
import { oids } from "./oids.ts";

/** The fake Apple CA. Certificates are DER; only the Device CA signs device identities. */
export interface DeviceAuthority {
	root: Uint8Array;
	iPhoneAuthority: Uint8Array;
	deviceCa: Uint8Array;
	deviceCaKey: KeyObject;
}

const certSign = [5, 6];
const organization: Name = [
	["C", "US"],
	["O", "Emulated Apple"],
];
const named = (commonName: string): Name => [...organization, ["CN", commonName]];
const rsaKey = (bits: number): KeyObject => newKeyPair("rsa", { modulusLength: bits }).privateKey;
const day = (text: string): Date => new Date(`${text}T00:00:00Z`);

interface Made {
	certificate: Uint8Array;
	privateKey: KeyObject;
}

function makeCa(
	commonName: string,
	bits: number,
	dates: [string, string],
	issuer: Made | undefined,
	pathLen?: number,
): Made {
	const privateKey = rsaKey(bits);
	const certificate = buildCertificate({
		subject: named(commonName),
		key: privateKey,
		...(issuer ? { issuer } : {}),
		notBefore: day(dates[0]),
		notAfter: day(dates[1]),
		digest: "sha1",
		keyUsage: certSign,
		ca: pathLen === undefined ? {} : { pathLen },
	});
	return { certificate, privateKey };
}

/** A new fake Apple CA in memory. */
export function generateDeviceAuthority(): DeviceAuthority {
	const root = makeCa("Emulated Apple Root CA", 2048, ["2006-04-25", "2035-02-09"], undefined);
	const iPhone = makeCa("Emulated Apple iPhone Certification Authority", 2048, ["2007-04-12", "2022-04-12"], root, 1);
	const device = makeCa("Emulated Apple iPhone Device CA", 1024, ["2007-04-16", "2014-04-16"], iPhone, 0);
	return {
		root: root.certificate,
		iPhoneAuthority: iPhone.certificate,
		deviceCa: device.certificate,
		deviceCaKey: device.privateKey,
	};
}

/**
 * The fake Apple CA kept in `dir`: made there the first time (0700, keys 0600), read afterwards.
 * Files: `device-ca.key`, `device-ca.pem`, `chain.pem` (Device CA, iPhone CA, root) and `roots.pem`, which holds
 * only what directly issues device identities. The keys of the two upper CAs are thrown away.
 */
export function createDeviceAuthority(dir: string): DeviceAuthority {
	const existing = loadDeviceAuthority(dir);
	if (existing) return existing;
	const authority = generateDeviceAuthority();
	mkdirSync(dir, { recursive: true, mode: 0o700 });
	chmodSync(dir, 0o700);
	const write = (name: string, text: string, mode: number): void => {
		// Written beside and renamed, so that a crash leaves no half file that the next start would trust.
		writeFileSync(join(dir, `${name}.new`), text, { mode });
		renameSync(join(dir, `${name}.new`), join(dir, name));
	};
	write("device-ca.key", authority.deviceCaKey.export({ type: "pkcs8", format: "pem" }).toString(), 0o600);
	write("device-ca.pem", pemOf(authority.deviceCa), 0o644);
	write("roots.pem", pemOf(authority.deviceCa), 0o644);
	write("chain.pem", [authority.deviceCa, authority.iPhoneAuthority, authority.root].map(pemOf).join(""), 0o644);
	return authority;
}

/** The fake Apple CA of `dir`, or null when it was never (completely) made. */
export function loadDeviceAuthority(dir: string): DeviceAuthority | null {
	const path = (name: string): string => join(dir, name);
	if (!["device-ca.key", "device-ca.pem", "roots.pem", "chain.pem"].every((name) => existsSync(path(name))))
		return null;
	const [deviceCa, iPhoneAuthority, root] = readPem(readFileSync(path("chain.pem"), "utf8"));
	if (!deviceCa || !iPhoneAuthority || !root) return null;
	return {
		deviceCa,
		iPhoneAuthority,
		root,
		deviceCaKey: createPrivateKey(readFileSync(path("device-ca.key"), "utf8")),
	};
}

/** What may differ from a recent device's built-in certificate. */
export interface DeviceIdentityOptions extends Partial<Omit<CertificateOptions, "subject" | "key" | "issuer">> {
	/** A GUID unless told; devices of 2008 have their 40-hex UDID here. */
	commonName?: string;
	/** The leaf's private key; a new RSA-1024 key unless told. */
	key?: KeyObject;
	/** Another issuer than the authority's Device CA, for chains that must be refused. */
	issuer?: { certificate: Uint8Array; privateKey: KeyObject };
}

/** A device's built-in identity: leaf RSA-1024 issued directly by the Device CA, with the upper chain. */
export function issueDeviceIdentity(authority: DeviceAuthority, options: DeviceIdentityOptions = {}): Identity {
	const { commonName, key, issuer, ...bent } = options;
	const privateKey = key ?? rsaKey(1024);
	const certificate = buildCertificate({
		subject: [["CN", commonName ?? randomUUID().toUpperCase()]],
		key: privateKey,
		issuer: issuer ?? { certificate: authority.deviceCa, privateKey: authority.deviceCaKey },
		notBefore: day("2024-01-01"),
		notAfter: day("2034-01-01"),
		digest: "sha256",
		endEntity: true,
		keyUsage: [0, 2],
		extKeyUsage: [oids.serverAuth, oids.clientAuth],
		...bent,
	});
	const upper = [authority.deviceCa, authority.iPhoneAuthority, authority.root];
	return { certificate, privateKey, chain: issuer ? [issuer.certificate, ...upper.slice(1)] : upper };
}

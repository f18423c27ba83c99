/** The certificates of our own that the configuration names: CAs, RAs, profile signer, responder. */
import { readFileSync } from "node:fs";
import { pemCertificates, readCertificate, type X509 } from "../lib/cms/certificate.ts";
import type { Config, Pem } from "../lib/config.ts";
import { OtaError } from "../lib/errors.ts";

type OwnRole = keyof Config["certificates"];

export interface OwnCertificate {
	role: OwnRole;
	certificate: X509;
}

/** What an operator calls them. */
export const ownTitles: Readonly<Record<OwnRole, string>> = {
	root: "the root CA",
	ca: "the issuing CA",
	ra: "the SCEP RA",
	profile: "the profile signer",
	ocsp: "the OCSP responder",
	caOld: "the issuing CA before",
	raOld: "the SCEP RA before",
};

/** All that are there; a data directory may have none yet. Failure: config, for one that cannot be read. */
export function ownCertificates({ certificates }: Config): OwnCertificate[] {
	const roles = Object.keys(ownTitles) as OwnRole[];
	return roles.flatMap((role) =>
		pemCertificates(textOf(certificates[role])).map((der) => {
			try {
				return { role, certificate: readCertificate(der) };
			} catch (cause) {
				throw new OtaError("config", `The certificate of ${ownTitles[role]} cannot be read.`, { cause });
			}
		}),
	);
}

/** Issuing CAs: the current one, then the one before. Failure: config, when there is none. */
export function issuingCas(config: Config): OwnCertificate[] {
	const cas = ownCertificates(config).filter(({ role }) => role === "ca" || role === "caOld");
	if (cas.some(({ role }) => role === "ca")) return cas;
	throw new OtaError("config", "The issuing CA's certificate is not there: set OTA_CA_CERT, or OTA_DATA_DIR.");
}

function textOf(source: Pem | null): string {
	if (source === null) return "";
	if ("pem" in source) return source.pem;
	try {
		return readFileSync(source.path, "utf8");
	} catch (cause) {
		if ((cause as NodeJS.ErrnoException).code === "ENOENT") return "";
		throw new OtaError("config", `The certificate ${source.path} cannot be read: check its permissions.`, { cause });
	}
}

/** What the world may ask about certificates after their issue: each CA's list (RFC 5280 section 5), and OCSP (RFC 6960). */
import type { X509 } from "../cms/certificate.ts";
import type { Clock, Keys, Log, RevocationList, RevocationStore } from "../ports.ts";
import type { IssuingCa } from "./issuers.ts";

/** An answer to an OCSP request, error answers included (RFC 6960 section 4.2.1). */
export interface OcspAnswer {
	/** OCSPResponse. */
	der: Uint8Array;
	/** Seconds for which caches may keep it; 0: none may. */
	maxAge: number;
	/** Of a signed answer. */
	times: { thisUpdate: Date; nextUpdate: Date } | null;
}

export interface RevocationService {
	/** The list of the issuing CA with this `publicKeyHash`, made anew when it must be; null: not one of ours. */
	list(issuerKeyHash: string): Promise<RevocationList | null>;
	/** Never rejects: what goes wrong is an error answer. */
	answer(request: Uint8Array): Promise<OcspAnswer>;
}

export interface RevocationOptions {
	store: RevocationStore;
	keys: Pick<Keys, "sign">;
	clock: Clock;
	log: Log;
	cas: readonly IssuingCa[];
	/** By the issuing CA's `publicKeyHash`. */
	responders: ReadonlyMap<string, X509>;
}

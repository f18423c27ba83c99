/** The issuing CAs and RAs that count: the current one of each, and the one before while its certificates live. */
import type { X509 } from "../cms/certificate.ts";

export interface IssuingCa {
	certificate: X509;
	/** Its key: caOld signs lists alone. */
	role: "ca" | "caOld";
}
export interface Ra {
	certificate: X509;
	role: "ra" | "raOld";
}

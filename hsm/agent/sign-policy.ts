/** Roles that sign one kind of message alone, and what each must know to tell it: the CA, the one before it, the OCSP responder. */
import type { HashName } from "../../lib/ports.ts";
import type { Issuer } from "./issuer.ts";
import type { KeyedRole } from "./policy.ts";
import { checkResponseData, readResponder } from "./response-data.ts";
import type { AgentRoles } from "./start.ts";
import { checkToBeSigned, readIssuer } from "./to-be-signed.ts";

/** Null: there is no certificate, and the role signs nothing. */
export interface Known {
	ca: Issuer | null;
	caOld: Issuer | null;
	/** As ResponderID has it. */
	responder: Uint8Array | null;
}

/** `config` for a certificate that cannot be read. */
export function readKnown({ ca, caOld, ocsp }: AgentRoles): Known {
	return {
		ca: ca?.certificate ? readIssuer(ca.certificate) : null,
		caOld: caOld?.certificate ? readIssuer(caOld.certificate) : null,
		responder: ocsp?.certificate ? readResponder(ocsp.certificate) : null,
	};
}

/** Whether what the role is to sign must be read first: that takes a while, and is done for work that has a place alone. */
export const isJudged = (role: KeyedRole): boolean => role === "ca" || role === "caOld" || role === "ocsp";

/** `hsm_refused` for what the role does not sign; roles without a policy sign anything (their certificates are for messages). */
export function checkMessage(role: KeyedRole, hash: HashName, message: Uint8Array, known: Known, now: Date): void {
	if (role === "ca") checkToBeSigned(message, hash, known.ca, now);
	if (role === "caOld") checkToBeSigned(message, hash, known.caOld, now, "lists");
	if (role === "ocsp") checkResponseData(message, known.responder, now);
}

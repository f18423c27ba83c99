/** What the agent knows of the CA whose key it holds, and how what is wrong is told. */

/** The CA as its certificate has it. */
export interface Issuer {
	/** DER of its subject, and the same as verifiers compare it. */
	name: Uint8Array;
	comparableName: string;
	publicKeyInfo: Uint8Array;
	isRsa: boolean;
	notAfter: Date;
	/** Null: its certificate has none. */
	subjectKeyIdentifier: Uint8Array | null;
}

/** What is wrong, by its words. */
export type Faults = Record<string, boolean>;

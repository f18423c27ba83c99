/**
 * The last look at a TBSCertificate before the CA key signs it: zlint's lints where they apply to a device's certificate of a
 * private CA, and our own. `LintedTbs` is the proof: it cannot be made without the look, and `issue` takes nothing else.
 */

import type { X509 } from "../cms/certificate.ts";
import { equalBytes } from "../der/values.ts";
import { OtaError } from "../errors.ts";
import { extensionLints } from "./lint-extensions.ts";
import { fieldLints } from "./lint-fields.ts";
import { nameLints } from "./lint-names.ts";
import { ownLints } from "./lint-own.ts";
import { type Lint, readJudged } from "./lint-reading.ts";

export const lints: readonly Lint[] = [...fieldLints, ...nameLints, ...extensionLints, ...ownLints];

/** Octets that passed every lint for one CA. Whoever makes one has linted: the constructor does. */
export class LintedTbs {
	/** The octets that were judged; nobody else has them. */
	readonly #judged: Uint8Array;
	readonly #ca: X509;
	/** To look at: `issue` refuses when they are no longer those that were judged. */
	readonly tbs: Uint8Array;

	constructor(tbs: Uint8Array, ca: X509) {
		this.#judged = new Uint8Array(tbs);
		this.#ca = ca;
		this.tbs = tbs;
		const failed = failures(this.#judged, ca);
		if (failed.length > 0) throw new OtaError("internal", `certificate fails lint: ${failed.join("; ")}`);
		Object.freeze(this);
	}

	/** A copy of the judged octets; `internal` for what was not linted, not for this CA, or changed since. */
	static octetsOf(linted: LintedTbs, ca: X509): Uint8Array {
		if (typeof linted !== "object" || linted === null || !(#judged in linted)) {
			throw new OtaError("internal", "a certificate that was not linted is not signed");
		}
		if (linted.#ca !== ca && !equalBytes(linted.#ca.der, ca.der)) {
			throw new OtaError("internal", "a certificate that was linted for another CA is not signed");
		}
		if (!equalBytes(linted.#judged, linted.tbs)) {
			throw new OtaError("internal", "a certificate that changed after its lint is not signed");
		}
		return new Uint8Array(linted.#judged);
	}
}

/** Throws `internal`, naming every lint that fails: a template that produced it is a fault of ours. */
export const lintTbs = (tbs: Uint8Array, ca: X509): LintedTbs => new LintedTbs(tbs, ca);

/** What cannot be read is no request's fault here: it is our template's. */
function failures(tbs: Uint8Array, ca: X509): string[] {
	try {
		const judged = readJudged(tbs);
		return lints.filter(({ check }) => !check(judged, ca)).map(({ name }) => name);
	} catch (cause) {
		throw new OtaError("internal", "certificate fails lint: it cannot be read", { cause });
	}
}

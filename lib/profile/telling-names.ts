/** Whether the name of a key that no definition knows says that a secret stands there. */

/** Anywhere in the name: a text is better sealed once too often. */
const secretWord = /password|passphrase|passcode|secret|token|(?:private|api|shared)[-_ ]?key/i;
/** At its end, for these are pieces of other words; `Pass` and `wifi_pass`, not `Bypass`. */
const lastWord = /(?:pin|psk|cookies?|authorization)$|^(?:challenge|ppk)$/i;
const lastPass = /(?:^|[^A-Za-z])(?:[Pp]ass|PASS)$|[a-z0-9]Pass$/;
/** Names that say whether and how, and not what: `requirePasscode`, `forcePIN`, `PasswordPolicy`. */
const aboutSecrets =
	/^(?:[Rr]equire|[Ff]orce|[Aa]llow|[Uu]se|[Aa]sk|[Pp]rompt|[Cc]hange|[Ss]how|[Ss]ave|[Ii]s|[Hh]as|[Mm]in|[Mm]ax)(?=[A-Z_])|[Pp]olic(?:y|ies)$/;
/** What may be a number of it as well: `TokenLifetime`, `PasswordHistory`. */
const endsTelling = /(?:password|passphrase|passcode|secret|token|key|pin|psk|ppk|challenge|pass)s?[-_ ]?\d*$/i;

/** Of a text or octets. */
export function isTelling(name: string): boolean {
	return !aboutSecrets.test(name) && (secretWord.test(name) || lastWord.test(name) || lastPass.test(name));
}

/** Of digits that YAML has read as a number. */
export function isTellingOfNumbers(name: string): boolean {
	return isTelling(name) && endsTelling.test(name) && !/^(?:number|count)/i.test(name);
}

/** Whether the name of a key that no definition knows says that a secret stands there. */

/** Anywhere in the name: a text is better sealed once too often. */
const secretWord = /password|passwd|pwd|passphrase|passcode|secret|token|(?:private|api|shared)[-_ ]?key/i;
/** At its end, for these are pieces of other words; `Pass` and `wifi_pass`, not `Bypass`. */
const lastWord = /(?:pin|psk|cookies?|authorization|credentials?|bearer)$|^(?:challenge|ppk)$/i;
/** `AccessKey`, and not `AccessKeyID`. */
const lastKey = /(?:wpa|encryption|licen[cs]e|auth|access|signing|recovery)[-_ ]?keys?[-_ ]?\d*$/i;
const lastPass = /(?:^|[^A-Za-z])(?:[Pp]ass|PASS|[Oo]tp)$|[a-z0-9](?:Pass|Otp)$|OTP$/;
/** Any of these is enough. */
const telling: readonly RegExp[] = [secretWord, lastWord, lastKey, lastPass];
/**
 * First words of names that say whether and how, and not what: `requirePasscode`, `forcePIN`. None that a secret's own name
 * begins with: `RequestToken`, `StorePassword`, `Set-Cookie`.
 */
const asking = new Set(
	"allow ask can change disable enable enforce force has hide is max min must prompt remember require rotate save send should show use".split(
		" ",
	),
);
const firstWord = /^(?:[A-Za-z][a-z]+(?=[A-Z_ -])|[A-Z]+(?=[_ -]))/;
const policy = /polic(?:y|ies)$/i;
/** What may be a number of it as well: `TokenLifetime`, `PasswordHistory`. */
const endsTelling =
	/(?:password|passwd|pwd|passphrase|passcode|secret|token|credential|bearer|key|pin|psk|ppk|challenge|pass|otp)s?[-_ ]?\d*$/i;

/** Of a text or octets. */
export function isTelling(name: string): boolean {
	return !isAboutSecrets(name) && telling.some((form) => form.test(name));
}

function isAboutSecrets(name: string): boolean {
	const [first = ""] = firstWord.exec(name) ?? [];
	return asking.has(first.toLowerCase()) || policy.test(name);
}

/** Of digits that YAML has read as a number. */
export function isTellingOfNumbers(name: string): boolean {
	return isTelling(name) && endsTelling.test(name) && !/^(?:number|count)/i.test(name);
}

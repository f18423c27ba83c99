/** The device's passcode. */
import { boolean, dictionary, integer, payload, string } from "./notation.ts";

const required = true;

export const passcode = payload("com.apple.mobiledevice.passwordpolicy", "Passcode", "iOS 4.0; macOS 10.7", [
	boolean("allowSimple", { title: "Simple passcodes (1111, 1234)", default: true }),
	boolean("forcePIN", { title: "A passcode is needed", default: false }),
	integer("maxFailedAttempts", {
		title: "Failures before the device is erased or locked",
		range: { min: 2, max: 11 },
		default: 11,
	}),
	integer("maxInactivity", { title: "Locked after (minutes)", range: { min: 0, max: 15 } }),
	integer("maxPINAgeInDays", { title: "New passcode after (days)", range: { min: 0, max: 730 } }),
	integer("minComplexChars", { title: "Least number of special characters", range: { min: 0, max: 4 }, default: 0 }),
	integer("minLength", { title: "Least length", range: { min: 0, max: 16 }, default: 0 }),
	boolean("requireAlphanumeric", { title: "Letters are needed", default: false }),
	integer("pinHistory", { title: "Old passcodes that may not return", range: { min: 1, max: 50 } }),
	integer("maxGracePeriod", { title: "Unlocked without passcode for (minutes)", default: 0 }),
	integer("minutesUntilFailedLoginReset", {
		title: "Locked after failures for (minutes)",
		on: "iOS none; macOS 10.10",
	}),
	boolean("changeAtNextAuth", {
		title: "New password at the next sign-in",
		on: "iOS none; macOS 10.13",
		default: false,
	}),
	dictionary(
		"customRegex",
		[
			string("passwordContentRegex", { title: "Regular expression", required }),
			dictionary("passwordContentDescription", [string("ANY")], { title: "The rule in words, by language" }),
		],
		{ title: "Own rule", on: "iOS none; macOS 14.0" },
	),
]);

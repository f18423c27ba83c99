// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of payloads look like that.
/** Secrets of documents: found wherever they stand, and gone from all that is kept in plain text. */
import { describe, expect, it } from "@jest/globals";
import { checkPolicy } from "../../hsm/agent/policy.ts";
import { encodeSealed } from "../../hsm/protocol.ts";
import { builtInCatalogue } from "../../lib/profile/catalogue/built-in.ts";
import type { KeyDefinition } from "../../lib/profile/catalogue/form.ts";
import type { DocumentPayload } from "../../lib/profile/document.ts";
import { profileFromDocument } from "../../lib/profile/document-file.ts";
import { lintDocument, lintSecrets } from "../../lib/profile/document-lint.ts";
import { longestSecret } from "../../lib/profile/document-secret-faults.ts";
import { sealable, secretNames, withVersions } from "../../lib/profile/document-secrets.ts";
import { documentYaml } from "../../lib/profile/document-yaml.ts";
import { type PropertyListDict, type PropertyListValue, propertyList } from "../../lib/profile/property-list.ts";
import { documentWith, wifi } from "./document-samples.ts";

const canary = "canary-5f1c";
const canaryData = new TextEncoder().encode(canary);

function sealed(payload: PropertyListDict) {
	const { document, secrets } = sealable(documentWith([{ name: "p", payload }]), builtInCatalogue);
	return { payload: document.payloads[0]?.payload, secrets: Object.fromEntries(secrets) };
}

/** Every secret of a type set to the canary, in dictionaries and arrays as well. */
function secretsOf(keys: readonly KeyDefinition[]): PropertyListDict {
	return Object.fromEntries(
		keys.flatMap((each) => {
			const value = secretOf(each);
			return value === undefined ? [] : [[each.key, value] as const];
		}),
	);
}

function secretOf({ type, isSecret, of = [] }: KeyDefinition): PropertyListValue | undefined {
	if (isSecret) return type === "data" ? canaryData : canary;
	if (type === "dictionary") {
		const dict = secretsOf(of);
		return Object.keys(dict).length > 0 ? dict : undefined;
	}
	const element = type === "array" && of[0] ? secretOf(of[0]) : undefined;
	return element === undefined ? undefined : [element, element];
}

const withSecrets = [...builtInCatalogue.payloads.values()].flatMap(({ type, keys }) => {
	const secrets = secretsOf(keys);
	return Object.keys(secrets).length > 0 ? [[type, { PayloadType: type, ...secrets }] as const] : [];
});

describe("the secrets of the catalogue", () => {
	it("are in many types", () => expect(withSecrets.length).toBeGreaterThan(12));

	it.each(withSecrets)("of %s are nowhere in YAML, export and findings", (_, payload) => {
		const before = documentWith([{ name: "p", payload }]);
		const { document, secrets } = sealable(before, builtInCatalogue);
		const versioned = withVersions(document, {}, secrets, 1);
		const findings = lintDocument(before);
		expect(findings.filter(({ rule }) => rule === "secret")).toHaveLength(secrets.size);
		const kept = [documentYaml(versioned), Buffer.from(propertyList(profileFromDocument(versioned))).toString()];
		for (const text of [...kept, JSON.stringify([findings, versioned])]) {
			expect(text).not.toContain(canary);
			expect(text).not.toContain(Buffer.from(canaryData).toString("base64").slice(0, 12));
		}
		expect([...new Set([...secrets.values()].map((value) => Buffer.from(value).toString()))]).toEqual([canary]);
		expect(secretNames(versioned)).toEqual([...secrets.keys()].sort());
		const broken = lintDocument(versioned).filter(({ rule }) => ["secret", "variable", "type"].includes(rule));
		expect(broken).toEqual([]);
	});
});

describe("a secret", () => {
	const type = "com.example.unknown";
	it.each<[what: string, payload: PropertyListDict, secrets: Record<string, PropertyListValue>]>([
		["of a known key", wifi({ Password: "a" }), { "p.Password": "a" }],
		["with a dollar and a brace", wifi({ Password: "a${b" }), { "p.Password": "a${b" }],
		["around a variable", wifi({ Password: "a${user.email}" }), { "p.Password": "a${user.email}" }],
		[
			"below a known key",
			wifi({ EAPClientConfiguration: { UserPassword: "a" } }),
			{ "p.EAPClientConfiguration.UserPassword": "a" },
		],
		[
			"in an array",
			{ PayloadType: "com.apple.airplay", Passwords: [{ DeviceName: "a", Password: "b" }] },
			{ "p.Passwords.0.Password": "b" },
		],
		[
			"of data",
			{ PayloadType: "com.apple.security.pkcs12", PayloadContent: new Uint8Array([7]) },
			{ "p.PayloadContent": new Uint8Array([7]) },
		],
		[
			"of an unknown type",
			{ PayloadType: type, APIToken: "a", "User PIN": "b", Name: "c" },
			{ "p.APIToken": "a", "p.User_PIN": "b" },
		],
		["of no type", { PrivateKey: new Uint8Array([1]) }, { "p.PrivateKey": new Uint8Array([1]) }],
		["of an unknown key of a known type", wifi({ Extra: { sharedSecret: "a" } }), { "p.Extra.sharedSecret": "a" }],
		[
			"in arrays of an unknown key",
			{ PayloadType: type, Passphrases: ["a", ["b"]] },
			{ "p.Passphrases.0": "a", "p.Passphrases.1.0": "b" },
		],
		[
			"below any key",
			{ PayloadType: "com.apple.webcontent-filter", VendorConfig: { a: [{ token: "b" }] } },
			{ "p.VendorConfig.a.0.token": "b" },
		],
		["in place of a list", wifi({ Password: ["a"] }), { "p.Password.0": "a" }],
		[
			"of header fields, whatever their names",
			{
				PayloadType: "com.apple.relay.managed",
				Relays: [{ AdditionalHTTPHeaderFields: { Authorization: "a", Cookie: "b", "X-Any": "c" } }],
			},
			{
				"p.Relays.0.AdditionalHTTPHeaderFields.Authorization": "a",
				"p.Relays.0.AdditionalHTTPHeaderFields.Cookie": "b",
				"p.Relays.0.AdditionalHTTPHeaderFields.X-Any": "c",
			},
		],
		[
			"of an ACME client",
			{ PayloadType: "com.apple.security.acme", ClientIdentifier: "a" },
			{ "p.ClientIdentifier": "a" },
		],
		[
			"with a key like another's path",
			{ PayloadType: type, a: { "b.secret": "1" }, "a.b": { secret: "2" } },
			{ "p.a.b.secret": "1", "p.a.b.secret-2": "2" },
		],
	])("%s is taken out", (_, payload, secrets) => {
		const found = sealed(payload);
		expect(found.secrets).toEqual(secrets);
		for (const name of Object.keys(secrets)) expect(JSON.stringify(found.payload)).toContain(`"\${secret.${name}}"`);
	});

	it.each<[what: string, payload: PropertyListDict]>([
		["a variable", wifi({ Password: "${secret.mine}" })],
		["an empty text", wifi({ Password: "" })],
		["no data", { PayloadType: "com.apple.security.pkcs12", PayloadContent: new Uint8Array() }],
		["a number of an unknown type", { PayloadType: type, TokenLifetime: 3600, UsePassword: true }],
		[
			"what is said about secrets",
			{
				PayloadType: type,
				...{ PasswordPolicy: "strict", PasswordMinimumLength: 8, PasswordHistory: 3, requirePasscode: 1, forcePIN: 1 },
				...{ NumberOfTokens: 2, minLength: 8, MaxPasswordAge: 90, Password: true, requirePasscodeAtStart: "yes" },
				...{ ChangePassword: "yes", SaveToken: "always", isSecret: "no", save_password: "x", "use-otp": "x" },
				...{ isOTP: true, EnablePasswd: "x", CredentialType: "x", AccessKeyID: "x", Laptop: "x", Bearers: 2 },
				...{ Bypass: "x", Compass: "north", Spine: "x", AuthorizationURL: "https://a.example/", KeySize: 2048 },
			},
		],
		["a key that the catalogue knows better", { PayloadType: "com.apple.mobiledevice.passwordpolicy", forcePIN: true }],
		["a common key", { PayloadType: "com.example.token", PayloadDisplayName: "password" }],
	])("is not %s", (_, payload) => {
		expect(sealed(payload)).toEqual({ payload, secrets: {} });
	});

	it("of another payload's name keeps its own", () => {
		const payloads: DocumentPayload[] = [
			{ name: "a", payload: { PayloadType: type, "b.secret": "1" } },
			{ name: "a.b", payload: { PayloadType: type, secret: "2" } },
			{ name: "c", payload: { PayloadType: type, other: "${secret.c.secret}", secret: "3" } },
		];
		const { document, secrets } = sealable(documentWith(payloads), builtInCatalogue);
		expect(Object.fromEntries(secrets)).toEqual({ "a.b.secret": "1", "a.b.secret-2": "2", "c.secret-2": "3" });
		expect(document.payloads[2]?.payload).toMatchObject({
			other: "${secret.c.secret}",
			secret: "${secret.c.secret-2}",
		});
	});

	it.each([12345678, true, new Date(0)])("that YAML does not read as text is refused: %p", (value) => {
		const attempt = () => sealed(wifi({ Password: value }));
		const message = expect.stringMatching(/^payload p, Password: (?!.*(?:1234|true|1970)).*quotes/);
		expect(attempt).toThrow(expect.objectContaining({ code: "malformed", message }));
	});

	it.each(["password", "Pin", "WiFiPasscode", "ApiKey", "PSK", "secret2", "User PIN", "AuthToken", "OTP", "pwd"])(
		"in digits without quotes is refused at a key that nobody knows: %s",
		(key) => {
			const message = expect.stringMatching(/^payload p, (?!.*7654321).*quotes/);
			for (const payload of [{ PayloadType: type, [key]: 7654321 }, wifi({ Extra: [{ [key]: 7654321 }] })]) {
				expect(() => sealed(payload)).toThrow(expect.objectContaining({ code: "malformed", message }));
			}
		},
	);

	it.each([
		...[
			"ApiKey",
			"API_KEY",
			"api-key",
			"Cookie",
			"Set-Cookie",
			"Authorization",
			"Proxy-Authorization",
			"PSK",
			"WiFiPsk",
		],
		...[
			"SharedKey",
			"Pass",
			"pass",
			"UserPass",
			"wifi_pass",
			"WIFI_PASS",
			"Passcode",
			"DevicePasscode",
			"user password",
		],
		...["UserPassword", "IssuePassword", "passwordText", "clientSecretValue", "minionPassword"],
		...["passwd", "RootPasswd", "pwd", "AdminPwd", "Credential", "LoginCredentials", "WPAKey", "EncryptionKey"],
		...["LicenseKey", "license_key", "AuthKey", "AccessKey", "SigningKey", "RecoveryKey", "OTP", "user_otp", "Bearer"],
	])("is told by its key's name: %s", (key) => {
		expect(Object.values(sealed({ PayloadType: type, [key]: "a" }).secrets)).toEqual(["a"]);
	});

	it("leaves the document that was handed in as it is", () => {
		const document = documentWith([{ name: "p", payload: wifi({ Password: "a" }) }]);
		const copy = structuredClone(document);
		sealable(document, builtInCatalogue);
		expect(document).toEqual(copy);
	});
});

describe("the longest secret", () => {
	const type = "com.apple.security.pkcs12";
	const document = documentWith([{ name: "i", payload: { PayloadType: type, PayloadContent: "${secret.i}" } }]);
	const long = [
		expect.objectContaining({
			...{ rule: "secret", level: "error", path: "PayloadContent" },
			...{ payload: { index: 0, type, identifier: expect.stringMatching(/^ota\.profile\..*\.i$/) } },
			words: "has a secret that is longer than the 64 KiB that can be sealed",
		}),
	];

	it.each<[number, string | Uint8Array, unknown[]]>([
		[longestSecret, new Uint8Array(longestSecret), []],
		[longestSecret + 1, new Uint8Array(longestSecret + 1), long],
	])("is told in octets by payload and key before it is sealed: %i", (_, value, findings) => {
		expect(lintSecrets(document, new Map([["i", value]]))).toEqual(findings);
	});

	it("counts a text's octets, not its characters", () => {
		const wide = documentWith([{ name: "w", payload: wifi({ Password: "${secret.w}" }) }]);
		const value = "\u20ac".repeat(30_000);
		expect(lintSecrets(wide, new Map([["w", value]]))).toContainEqual(expect.objectContaining({ rule: "secret" }));
	});

	it("is sealed by the agent beside the longest names that it takes", () => {
		const body = encodeSealed(new Uint8Array(1 + longestSecret), "x".repeat(1_024));
		const request = { id: 1, role: "seal", operation: "seal", deadline: 1_000, body } as const;
		expect(() => checkPolicy(request)).not.toThrow();
	});
});

describe("the names of secrets", () => {
	const document = documentWith([
		{ name: "a", payload: wifi({ Password: "${secret.b}", SSID_STR: "${user.email} ${secret.a} $${secret.c}" }) },
		{ name: "b", payload: wifi({ Password: "${secret.b}" }) },
	]);

	it("are told once each, in order", () => expect(secretNames(document)).toEqual(["a", "b"]));

	it("have the version that brought them last; what has none, and what is gone, is left out", () => {
		expect(withVersions(document, { b: 2, gone: 1 }, new Map(), 5).secrets).toEqual({ b: 2 });
		expect(withVersions(document, { b: 2, a: 1 }, new Map([["b", "x"]]), 5).secrets).toEqual({ a: 1, b: 5 });
	});

	it("may be those of every object's properties", () => {
		const odd = documentWith([{ name: "a", payload: wifi({ Password: "${secret.constructor}" }) }]);
		expect(withVersions(odd, {}, new Map(), 5).secrets).toEqual({});
	});
});

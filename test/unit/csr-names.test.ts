/** Names that a machine chooses for itself, and names that a renewal inherits. */
import { beforeAll, describe, expect, it } from "@jest/globals";
import { checkToBeSigned, readIssuer } from "../../hsm/agent/to-be-signed.ts";
import { namesOf } from "../../lib/ca/certificate-names.ts";
import { readCertificationRequest } from "../../lib/ca/csr.ts";
import { namesFromCsr } from "../../lib/ca/csr-names.ts";
import { lintTbs } from "../../lib/ca/lint.ts";
import { buildLeaf } from "../../lib/ca/template.ts";
import { readCertificate, readTbsCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { OtaError } from "../../lib/errors.ts";
import { ber, buildCertificate, buildCsr, type CsrOptions, type Name, oids, publicKeyInfo } from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";

const newKey = () => newKeyPair("rsa", { modulusLength: 2048 }).privateKey;
const [key, caKey] = [newKey(), newKey()];
const random = (length: number): Uint8Array => new Uint8Array(length).fill(7);
let ca: X509;
beforeAll(() => {
	const dates = { notBefore: new Date(Date.now() - 86_400_000), notAfter: new Date(Date.now() + 900 * 86_400_000) };
	const subject: Name = [
		["O", "Example & Söhne"],
		["CN", "Example & Söhne Issuing CA"],
	];
	ca = readCertificate(buildCertificate({ subject, key: caKey, ca: { pathLen: 0 }, keyUsage: [5, 6], ...dates }));
});

const namesIn = (options: Partial<CsrOptions>) =>
	namesFromCsr(readCertificationRequest(buildCsr({ key, ...options })), [ca]);
function codeOf(options: Partial<CsrOptions>): string | null {
	try {
		namesIn(options);
		return null;
	} catch (error) {
		return error instanceof OtaError ? error.code : String(error);
	}
}
const named = (...subject: Name): Partial<CsrOptions> => ({ subject });
const hosts = (...names: readonly string[]): Partial<CsrOptions> => {
	const list = names.map((name) => ber.tlv(0x82, Buffer.from(name, "latin1")));
	return { subject: [["CN", "nas"]], extensions: [ber.extension(oids.subjectAltName, ber.sequence(...list))] };
};

describe("names from a certification request", () => {
	it("are those of the allow-list, in their order", () => {
		const subject: Name = [
			["C", "DE"],
			["ST", "Bayern"],
			["L", "Nürnberg"],
			["O", "Example & Söhne"],
			["OU", "Printers"],
			["OU", "Floor 7"],
			["serialNumber", "CN-7781"],
			["emailAddress", "admin@example.com"],
			["UID", "root"],
			["CN", "printer-7.example.com"],
		];
		const admitted = subject.filter(([type]) => type !== "emailAddress" && type !== "UID");
		expect(namesIn(named(...subject))).toEqual({ subject: admitted, subjectAltName: {} });
	});

	it("are hosts alone of a subjectAltName, in lower case, each once", () => {
		const { subjectAltName } = namesIn({
			...named(["CN", "nas"]),
			subjectAltName: {
				rfc822Name: "admin@example.com",
				dNSName: "NAS.example.com",
				uniformResourceIdentifier: "https://example.com/",
				ntPrincipalName: "admin@example.com",
			},
		});
		expect(subjectAltName).toEqual({ dNSName: ["nas.example.com"] });
		const twice = namesIn(hosts("nas.example.com", "NAS.EXAMPLE.COM", "xn--mnchen-3ya.example.com"));
		expect(twice.subjectAltName.dNSName).toEqual(["nas.example.com", "xn--mnchen-3ya.example.com"]);
	});

	it.each<[string, Partial<CsrOptions>]>([
		["no admitted name", named(["emailAddress", "a@example.com"])],
		["no name at all", named()],
		["the CA's common name", named(["CN", "Example & Söhne Issuing CA"])],
		["the CA's common name in other letters", named(["CN", "EXAMPLE & SÖHNE ISSUING CA"])],
		["the CA's common name composed otherwise", named(["CN", "Example & So\u0308hne Issuing CA"])],
		["a person's address for a common name", named(["CN", "alice@example.com"])],
		["the same with a wide sign", named(["CN", "alice\uff20example.com"])],
		["two common names", named(["CN", "a"], ["CN", "b"])],
		["five units", named(["CN", "a"], ...["1", "2", "3", "4", "5"].map((unit) => ["OU", unit] as const))],
		["a name that is too long", named(["CN", "a".repeat(65)])],
		["an empty name", named(["CN", ""])],
		["a blank before it", named(["CN", " nas"])],
		["two blanks in it", named(["CN", "n  as"])],
		["a line end", named(["CN", "nas\nCN=admin"])],
		["a character that turns text around", named(["CN", "nas\u202etxt"])],
		["a zero-width character", named(["CN", "na\u200bs"])],
		["a country of one letter", named(["C", "D"], ["CN", "nas"])],
		["a country in small letters", named(["C", "de"], ["CN", "nas"])],
		["a serial number with an ampersand", named(["CN", "nas"], ["serialNumber", "1&2"])],
		["a wildcard", hosts("*.example.com")],
		["an address", hosts("10.0.0.7")],
		["an empty host", hosts("")],
		["a final dot", hosts("nas.example.com.")],
		["an underscore", hosts("n_as.example.com")],
		["a NUL", hosts("nas.example.com\0.evil.com")],
		["a label that is too long", hosts(`${"a".repeat(64)}.example.com`)],
		["a host that is too long", hosts(Array.from({ length: 64 }, () => "abc").join("."))],
		["xn-- that is none", hosts("xn--a.example.com")],
		["nine hosts", hosts(...Array.from({ length: 9 }, (_, at) => `h${at}.example.com`))],
		["an extensionRequest that is none", { extensions: [ber.integer(1)] }],
		["a subjectAltName that is none", { extensions: [ber.extension(oids.subjectAltName, ber.integer(1))] }],
	])("are refused with %s", (_, options) => {
		expect(codeOf(options)).toBe("policy");
	});

	it("pass every lint and the agent, whatever was admitted, and come back from the certificate as they went in", () => {
		const all: Partial<CsrOptions>[] = [
			named(["CN", "nas"]),
			named(["O", "日本"], ["CN", "印刷機 7"]),
			named(["OU", "-"], ["serialNumber", "a b'()+,-./:=?"]),
			named(["C", "US"], ["L", "x".repeat(128)], ["ST", "y".repeat(128)], ["CN", "€".repeat(64)]),
			hosts("nas", "a.b", "xn--mnchen-3ya.de", `${"a".repeat(63)}.example.com`, "1.2.3.four"),
			hosts(...Array.from({ length: 8 }, (_, at) => `h${at}.example.com`)),
		];
		for (const options of all) {
			const names = namesIn(options);
			const revocation = {
				crl: "http://ota.example.com/crl/0123456789abcdef.crl",
				ocsp: "http://ota.example.com/ocsp",
			};
			const request = {
				...names,
				revocation,
				publicKeyInfo: publicKeyInfo(key),
				purpose: "machine" as const,
				now: new Date(),
			};
			const { tbs } = buildLeaf(request, ca, random);
			expect(() => lintTbs(tbs, ca)).not.toThrow();
			expect(() => checkToBeSigned(tbs, "sha256", readIssuer(ca.der), new Date())).not.toThrow();
			expect(namesOf(readTbsCertificate(tbs) as X509)).toEqual(names);
		}
	});
});

it("names that no certificate of ours has are not inherited", () => {
	const dates = { notBefore: new Date(), notAfter: new Date() };
	const list = ber.sequence(ber.tlv(0x87, Buffer.from([10, 0, 0, 7])));
	const extensions = [ber.extension(oids.subjectAltName, list)];
	const foreign = readCertificate(buildCertificate({ subject: [["CN", "nas"]], key, extensions, ...dates }));
	expect(() => namesOf(foreign)).toThrow(expect.objectContaining({ code: "internal" }));
});

/** PKCS#10 requests: proof of possession, the challenge in every string type, and the corpus of pyca. */
import type { KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { readCertificationRequest } from "../../lib/ca/csr.ts";
import { asOtaError } from "../../lib/errors.ts";
import { ber, buildCsr, type CsrOptions, publicKeyInfo, type StringType } from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { describeCorpus } from "../vectors/corpora.ts";

const key = newKeyPair("rsa", { modulusLength: 2048 }).privateKey;
const other = newKeyPair("rsa", { modulusLength: 2048 }).privateKey;
const elliptic = newKeyPair("ec", { namedCurve: "P-256" }).privateKey;
const secret = "a1".repeat(32);

function codeOf(run: () => unknown): string {
	try {
		run();
		return "accepted";
	} catch (error) {
		return asOtaError(error).code;
	}
}
const request = (options: Partial<CsrOptions> = {}): Uint8Array => buildCsr({ key, challenge: secret, ...options });
const possession = (der: Uint8Array): string => codeOf(() => readCertificationRequest(der).verifyPossession());
const challenge = (der: Uint8Array): string => {
	try {
		return `is ${readCertificationRequest(der).challengePassword()}`;
	} catch (error) {
		return asOtaError(error).code;
	}
};

describe("a certification request", () => {
	it("gives its key, its challenge and its own bytes", () => {
		const der = request();
		const csr = readCertificationRequest(der);
		expect(() => csr.verifyPossession()).not.toThrow();
		expect(csr.challengePassword()).toBe(secret);
		expect(Buffer.from(csr.publicKeyInfo)).toEqual(Buffer.from(publicKeyInfo(key)));
		expect(Buffer.from(csr.der)).toEqual(Buffer.from(der));
	});

	it.each([0, 1, 2, 7])("may have version %i: Apple's client has sent 2", (version) => {
		expect(possession(request({ version }))).toBe("accepted");
	});

	it.each([
		["SHA-1, as macOS signs", { digest: "sha1" }, "accepted"],
		["SHA-256", { digest: "sha256" }, "accepted"],
		["SHA-512", { digest: "sha512" }, "accepted"],
		["an elliptic key, whose policy is judged later", { key: elliptic }, "accepted"],
		["one bit of the signature", { corruptSignature: true }, "signature"],
		["somebody else's public key", { publicKey: other as KeyObject }, "signature"],
		["a public key of another type", { publicKey: elliptic as KeyObject }, "algorithm"],
		["MD5", { digest: "md5" }, "algorithm"],
	] as [string, Partial<CsrOptions>, string][])("possession: %s", (_what, options, expected) => {
		expect(possession(request(options))).toBe(expected);
	});

	it("names that it wishes are not read, however broken", () => {
		const subject = ber.sequence(ber.nil());
		const info = ber.sequence(ber.integer(0), subject, publicKeyInfo(key));
		const der = ber.sequence(info, ber.algorithm("1.2.840.113549.1.1.11"), ber.bitString(new Uint8Array(256)));
		expect(possession(der)).toBe("signature");
	});
});

describe("the challenge", () => {
	it.each(["utf8", "printable", "ia5", "teletex", "bmp", "universal"] as StringType[])("may be of type %s", (type) => {
		expect(challenge(request({ challenge: [{ text: secret, type }] }))).toBe(`is ${secret}`);
	});

	it.each([
		["there is none", []],
		[
			"two values",
			[
				{ text: secret, type: "utf8" },
				{ text: "b", type: "utf8" },
			],
		],
		[
			"the same value twice",
			[
				{ text: secret, type: "utf8" },
				{ text: secret, type: "utf8" },
			],
		],
		["an empty one", [{ text: "", type: "utf8" }]],
		["one of 256 characters", [{ text: "x".repeat(256), type: "utf8" }]],
	] as [string, CsrOptions["challenge"]][])("is refused as a challenge when %s", (_what, values) => {
		const der = request({ challenge: values as NonNullable<CsrOptions["challenge"]> });
		expect([possession(der), challenge(der)]).toEqual(["accepted", "challenge"]);
	});

	it("one of 255 characters is taken", () => {
		const longest = "x".repeat(255);
		expect(challenge(request({ challenge: longest }))).toBe(`is ${longest}`);
	});

	it("is refused as a challenge when its attribute stands twice", () => {
		const attribute = ber.attribute("1.2.840.113549.1.9.7", ber.string(secret));
		const attributes = ber.context(0, attribute, attribute);
		const info = ber.sequence(ber.integer(0), ber.sequence(), publicKeyInfo(key), attributes);
		const der = ber.sequence(info, ber.algorithm("1.2.840.113549.1.1.11"), ber.bitString(new Uint8Array(256)));
		expect(challenge(der)).toBe("challenge");
	});
});

describe("what is no request", () => {
	const whole = request();
	it.each([
		["nothing", new Uint8Array()],
		["text", Buffer.from("-----BEGIN CERTIFICATE REQUEST-----")],
		["a cut one", whole.subarray(0, -1)],
		["octets after the end", ber.concat([whole, Uint8Array.of(5, 0)])],
		["no signature", ber.sequence(ber.sequence(), ber.algorithm("1.2.840.113549.1.1.11"))],
		["an empty SEQUENCE", ber.sequence()],
		["indefinite lengths", ber.indefinite(0x30, [whole.subarray(4)])],
	])("%s", (_what, der) => expect(codeOf(() => readCertificationRequest(der))).toBe("malformed"));
});

interface Row {
	file: string;
	enc: "PEM" | "DER";
	openssl_3_0_19_req_verify: "ok" | "fail";
	pyca_48_signature: boolean | null;
}

/** Where OpenSSL says yes and we say no. */
const stricter: Readonly<Record<string, string>> = {
	"dsa_sha1.der": "algorithm: DSA",
	"dsa_sha1.pem": "algorithm: DSA",
};

describeCorpus("the requests of pyca", "csr.oracle.json", (root) => {
	const rows: Row[] = JSON.parse(readFileSync(join(root, "csr.oracle.json"), "utf8"));
	const derOf = ({ file, enc }: Row): Uint8Array => {
		const bytes = readFileSync(join(root, file));
		if (enc === "DER") return bytes;
		const [, base64 = ""] = /-----BEGIN[^-]+-----([^-]+)-----END/.exec(bytes.toString()) ?? [];
		return Buffer.from(base64, "base64");
	};

	it("are there", () => expect(rows.length).toBeGreaterThan(20));

	it.each(rows.map((row) => [row.file.split("/").at(-1) ?? "", row] as const))("%s: as OpenSSL judges", (name, row) => {
		const answer = possession(derOf(row));
		expect(["accepted", "malformed", "signature", "algorithm"]).toContain(answer);
		const expected = row.openssl_3_0_19_req_verify === "ok" && !(name in stricter);
		expect(answer === "accepted").toBe(expected);
	});

	it.each([
		["challenge.pem", "is challenge me!"],
		["challenge-unstructured.pem", "is beauty"],
		["challenge-multi-valued.der", "challenge"],
		["challenge-invalid.der", "challenge"],
		["rsa_sha256.pem", "challenge"],
	])("the challenge of %s %s", (name, expected) => {
		const row = rows.find(({ file }) => file.endsWith(`/${name}`)) as Row;
		expect(challenge(derOf(row))).toBe(expected);
	});
});

/** A certification request that lies there already is handed out only when it is the one that a ceremony would sign. */
import { sign } from "node:crypto";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { requestFault, signRequest } from "../../lib/ca/ceremony-request.ts";
import type { SubjectName } from "../../lib/ports.ts";
import { newKeyPair } from "../device/key-pair.ts";

function signer(kind: "rsa" | "ec") {
	const { publicKey, privateKey } =
		kind === "rsa" ? newKeyPair("rsa", { modulusLength: 2048 }) : newKeyPair("ec", { namedCurve: "P-256" });
	return {
		publicKey: new Uint8Array(publicKey.export({ format: "der", type: "spki" })),
		sign: async (hash: string, message: Uint8Array) => sign(hash, message, privateKey),
	};
}

const subject: SubjectName = [
	["O", "Example Corp"],
	["CN", "Example Device CA"],
];
const [ca, other, elliptic] = [signer("rsa"), signer("rsa"), signer("ec")];

/** PEM with its DER altered. */
function altered(pem: string, change: (der: Buffer) => void): string {
	const der = Buffer.from(pem.split("\n").slice(1, -2).join(""), "base64");
	change(der);
	const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
	return ["-----BEGIN CERTIFICATE REQUEST-----", ...lines, "-----END CERTIFICATE REQUEST-----", ""].join("\n");
}

describe("a request that lies there already", () => {
	let own: string;
	beforeAll(async () => {
		own = await signRequest(subject, ca);
	});

	it.each([
		["RSA", ca],
		["P-256", elliptic],
	])("is taken when it is the plan's, by an %s key", async (_name, key) => {
		expect(requestFault(await signRequest(subject, key), subject, key.publicKey)).toBeNull();
	});

	it("was handed out though it was for another key", async () => {
		const planted = await signRequest(subject, other);
		expect(requestFault(planted, subject, ca.publicKey)).toBe("it is for another key than the issuing CA's");
	});

	it("was handed out though it named another subject", async () => {
		const renamed = await signRequest([["CN", "Another CA"]], ca);
		expect(requestFault(renamed, subject, ca.publicKey)).toBe("it has another subject than the plan");
	});

	it("was handed out though its signature did not hold", () => {
		const forged = altered(own, (der) => der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1));
		expect(requestFault(forged, subject, ca.publicKey)).toBe("its signature does not hold");
	});

	it("is refused when it asks for a longer path", () => {
		// BasicConstraints: SEQUENCE { TRUE, 0 }; the CA of this request would have one below it.
		const longer = altered(own, (der) => der.writeUInt8(1, der.indexOf(Buffer.from("30060101ff020100", "hex")) + 7));
		expect(requestFault(longer, subject, ca.publicKey)).toBe("it asks for something else than a ceremony does");
	});

	it.each([
		["nothing", () => ""],
		["two requests", (pem: string) => `${pem}${pem}`],
		["words around it", (pem: string) => `signed by the CA\n${pem}`],
		["other line ends", (pem: string) => pem.replaceAll("\n", "\r\n")],
		["half of it", (pem: string) => pem.slice(0, 400)],
		["octets behind it", (pem: string) => altered(pem, (der) => der.writeUInt8(0x31, 0))],
	])("is refused when it is %s", (_name, change) => {
		expect(requestFault(change(own), subject, ca.publicKey)).toBe("it is no certification request (PKCS#10)");
	});
});

/** The chain judge on chains of the emulated world: each rule by a chain that breaks it alone. */
import type { KeyObject } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { type Anchor, type ChainRules, chainFaults, judgeChain } from "../../lib/cms/chain.ts";
import { asOtaError } from "../../lib/errors.ts";
import { ber, buildCertificate, type CertificateOptions } from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";

const day = 86_400_000;
const now = new Date("2026-11-22T12:00:00Z");
const rules: ChainRules = { at: now, digests: ["sha256"], rsaBits: 2048, usage: [0], purpose: null };
const rsa = (modulusLength = 2048): KeyObject => newKeyPair("rsa", { modulusLength }).privateKey;
const keys = { root: rsa(), ca: rsa(), leaf: rsa() };

type Bend = Partial<Record<"root" | "ca" | "leaf", Partial<CertificateOptions>>>;
interface Made {
	root: X509;
	ca: X509;
	leaf: X509;
}

/** root -> ca -> leaf, each bent as told. */
function chain(bend: Bend = {}): Made {
	const dates = { notBefore: new Date(now.getTime() - day), notAfter: new Date(now.getTime() + day) };
	const authority = { ...dates, ca: {}, keyUsage: [5, 6] };
	const build = (options: CertificateOptions) => ({
		certificate: buildCertificate(options),
		privateKey: options.key.type === "private" ? options.key : keys.leaf,
	});
	const root = build({ subject: [["CN", "Root"]], key: keys.root, ...authority, ...bend.root });
	const ca = build({ subject: [["CN", "CA"]], key: keys.ca, issuer: root, ...authority, ...bend.ca });
	const leaf = build({
		subject: [["CN", "leaf"]],
		key: keys.leaf,
		issuer: ca,
		keyUsage: [0, 2],
		...dates,
		...bend.leaf,
	});
	return {
		root: readCertificate(root.certificate),
		ca: readCertificate(ca.certificate),
		leaf: readCertificate(leaf.certificate),
	};
}
const faultsOf = ({ root, ca, leaf }: Made, other: Partial<ChainRules> = {}) =>
	chainFaults([leaf, ca], root, { ...rules, ...other }).map(({ index, code, why }) => [index, code, why]);
const wrong = (index: number, why: unknown, code = "signer_untrusted") => [[index, code, why]];

describe("a chain", () => {
	it("of three is taken, and so is a leaf under a key that is known without a certificate", () => {
		const { root, ca, leaf } = chain();
		expect(faultsOf({ root, ca, leaf })).toEqual([]);
		const { publicKey, subject, subjectKeyIdentifier: keyIdentifier } = ca;
		for (const anchor of [
			{ publicKey, subject, keyIdentifier },
			{ publicKey, subject: null, keyIdentifier: null },
		]) {
			expect(() => judgeChain([leaf], anchor, rules)).not.toThrow();
		}
	});

	it("of none and of four is refused", () => {
		const { root, ca, leaf } = chain();
		expect(chainFaults([], root, rules)).toHaveLength(1);
		expect(chainFaults([leaf, ca, ca], root, rules)).toMatchObject([{ why: "a chain of a wrong length" }]);
		expect(chainFaults([leaf, ca], root, { ...rules, longest: 2 })).toHaveLength(1);
	});

	it("throws its first fault with its code", () => {
		const { root, ca, leaf } = chain({ leaf: { notAfter: new Date(now.getTime() - 1000) } });
		const codeOf = (at: Date | null) => {
			try {
				judgeChain([leaf, ca], root, { ...rules, at });
				return "accepted";
			} catch (error) {
				return asOtaError(error).code;
			}
		};
		expect([codeOf(now), codeOf(null)]).toEqual(["time", "accepted"]);
	});

	const unknown = ber.extension("1.2.3.4", ber.boolean(true), true);
	const nameConstraints = ber.extension("2.5.29.30", ber.sequence());
	const ec = (namedCurve: string) => newKeyPair("ec", { namedCurve }).privateKey;
	it.each<[string, Bend, number, unknown]>([
		["a CA for a leaf", { leaf: { ca: {} } }, 0, "it is a CA"],
		["a leaf that may not sign", { leaf: { keyUsage: [2] } }, 0, "its key usage is another"],
		["an unknown critical extension of the leaf", { leaf: { extensions: [unknown] } }, 0, /unknown critical/],
		["an unknown critical extension of the CA", { ca: { extensions: [unknown] } }, 1, /unknown critical/],
		["an unknown critical extension of the root", { root: { extensions: [unknown] } }, 2, /unknown critical/],
		["name constraints, critical or not", { ca: { extensions: [nameConstraints] } }, 1, /not kept here/],
		["no CA between", { ca: { ca: undefined as never, endEntity: true } }, 1, "it is no CA"],
		["no basicConstraints between", { ca: { ca: undefined as never } }, 1, "it is no CA"],
		["a CA that may not sign certificates", { ca: { keyUsage: [0, 6] } }, 1, "it may not sign certificates"],
		["a root that may not sign certificates", { root: { keyUsage: [0] } }, 2, "it may not sign certificates"],
		["a root whose path ends before the CA", { root: { ca: { pathLen: 0 } } }, 2, "its path length is exceeded"],
		["SHA-1", { leaf: { digest: "sha1" } }, 0, "its signature's digest is not accepted"],
		["a malformed authority key identifier", { leaf: { authorityKeyIdentifier: "malformed" } }, 0, /AuthorityKeyId/],
		["RSA of 1024 bits", { leaf: { key: rsa(1024) } }, 0, "an RSA key of 1024 bits"],
		["secp256k1", { leaf: { key: ec("secp256k1") } }, 0, /a kind or a curve/],
		["P-224", { leaf: { key: ec("P-224") } }, 0, /a kind or a curve/],
		["Ed25519", { leaf: { key: newKeyPair("ed25519").publicKey } }, 0, /a kind or a curve/],
	])("is refused for %s", (_what, bend, index, why) => {
		const expected = why instanceof RegExp ? expect.stringMatching(why) : why;
		expect(faultsOf(chain(bend))).toEqual(wrong(index, expected));
	});

	it("with a path length that is just enough, and on P-256, is taken", () => {
		expect(faultsOf(chain({ root: { ca: { pathLen: 1 } }, ca: { ca: { pathLen: 0 } } }))).toEqual([]);
		expect(faultsOf(chain({ ca: { key: ec("P-256") }, leaf: { key: ec("P-384") } }))).toEqual([]);
	});

	it("is refused at its edges in time, and not within them", () => {
		const made = chain();
		const at = (time: number) => faultsOf(made, { at: new Date(time) }).map(([index]) => index);
		expect(at(made.leaf.notBefore.getTime() - 1)).toEqual([0, 1, 2]);
		expect(at(made.leaf.notBefore.getTime())).toEqual([]);
		expect(at(made.leaf.notAfter.getTime())).toEqual([]);
		expect(at(made.leaf.notAfter.getTime() + 1)).toEqual([0, 1, 2]);
	});

	it("is refused when names, keys or key identifiers of two chains are mixed", () => {
		const [one, other] = [chain(), chain({ ca: { key: rsa() } })];
		expect(faultsOf({ ...one, ca: other.ca })).toEqual(wrong(0, "its issuer did not sign it"));
		const renamed = chain({ ca: { subject: [["CN", "CA 2"]] } });
		expect(faultsOf({ ...one, ca: renamed.ca })).toEqual(wrong(0, "it names another issuer"));
		const { publicKey, subject } = one.ca;
		const anchor: Anchor = { publicKey, subject, keyIdentifier: "00" };
		expect(chainFaults([one.leaf], anchor, rules)).toMatchObject([{ why: expect.stringMatching(/key identifier/) }]);
	});

	it("for a purpose names it in the leaf, and in no CA leaves it out", () => {
		const [client, server, ocsp] = ["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.9"] as const;
		const judged = (leaf: string[] | null, ca: string[] | null, other: Partial<ChainRules> = {}) => {
			const usage = (ids: string[] | null) => (ids ? { extKeyUsage: ids } : {});
			return faultsOf(chain({ leaf: usage(leaf), ca: usage(ca) }), { purpose: client, ...other }).map(
				([index]) => index,
			);
		};
		expect(judged([client, server], null)).toEqual([]);
		expect(judged([client], [client])).toEqual([]);
		expect(judged(null, null)).toEqual([0]);
		expect(judged([server], null)).toEqual([0]);
		expect(judged([client, ocsp], null)).toEqual([0]);
		expect(judged([client], [server])).toEqual([1]);
		expect(judged([client], null, { isPurposeOfAll: true })).toEqual([1]);
		expect(judged([server], [ocsp], { purpose: null })).toEqual([]);
	});
});

/** Wycheproof's signatures through the table of algorithms, its RSA decryptions through the HSM adapter, its CBC through ours. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "@jest/globals";
import { ciphers } from "../../lib/cms/algorithms.ts";
import { readCertificate } from "../../lib/cms/certificate.ts";
import { openEnvelopedData } from "../../lib/cms/enveloped-data.ts";
import { readCertifiedKey, signatureHolds } from "../../lib/cms/signature.ts";
import { oids } from "../../lib/der/oids.ts";
import { asOtaError } from "../../lib/errors.ts";
import { selfSignedSigner } from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { makeToken } from "../harness/token.ts";
import { describeCorpus } from "../vectors/corpora.ts";

interface Case {
	tcId: number;
	msg: string;
	sig: string;
	ct: string;
	key: string;
	iv: string;
	result: "valid" | "invalid" | "acceptable";
}
interface Group {
	publicKeyDer: string;
	keySize: number;
	privateKeyJwk: Record<string, string>;
	tests: Case[];
}
const hex = (text: string): Buffer => Buffer.from(text, "hex");
const groupsOf = (root: string, file: string): Group[] =>
	JSON.parse(readFileSync(join(root, "wycheproof", file), "utf8")).testGroups;

describeCorpus("Wycheproof's signatures", "wycheproof", (root) => {
	it.each([
		["rsa_signature_2048_sha256_test.json", oids.sha256WithRsa, 259],
		["rsa_signature_2048_sha512_test.json", oids.sha512WithRsa, 255],
		["ecdsa_secp256r1_sha256_test.json", oids.ecdsaWithSha256, 480],
		["ecdsa_secp384r1_sha384_test.json", oids.ecdsaWithSha384, 480],
	])("%s: none that is wrong holds, every valid one does", (file, oid, atLeast) => {
		const wrong: string[] = [];
		let count = 0;
		for (const group of groupsOf(root, file)) {
			const key = readCertifiedKey(hex(group.publicKeyDer));
			for (const { tcId, msg, sig, result } of group.tests) {
				const holds = signatureHolds({ oid, parameters: null }, key, hex(msg), hex(sig));
				if (result !== "acceptable" && holds !== (result === "valid")) wrong.push(`${tcId} ${result}`);
				count += 1;
			}
		}
		expect(wrong).toEqual([]);
		expect(count).toBeGreaterThanOrEqual(atLeast);
	});
});

describeCorpus("Wycheproof's AES-CBC", "wycheproof", (root) => {
	const { certificate } = selfSignedSigner(newKeyPair("rsa", { modulusLength: 2048 }).privateKey);
	const recipient = readCertificate(certificate);

	it("is opened where it is valid, and the one failure elsewhere", async () => {
		const wrong: string[] = [];
		for (const { tests } of groupsOf(root, "aes_cbc_pkcs5_test.json")) {
			for (const { tcId, key, iv, ct, msg, result } of tests) {
				const cipher = ciphers.find(({ keyLength, blockLength }) => keyLength === key.length / 2 && blockLength === 16);
				if (!cipher) throw new Error(`no cipher with a key of ${key.length / 2} octets`);
				const envelope = {
					issuer: recipient.issuer,
					serialNumber: recipient.serialNumberDer,
					encryptedKey: new Uint8Array(256),
					cipher,
					iv: hex(iv),
					ciphertext: hex(ct),
				};
				const answer = await openEnvelopedData(envelope, recipient, async () => hex(key)).then(
					(content) => Buffer.from(content).toString("hex"),
					(error) => asOtaError(error).code,
				);
				if (answer !== (result === "valid" ? msg : "decryption")) wrong.push(`${tcId} ${result}: ${answer}`);
			}
		}
		expect(wrong).toEqual([]);
	});
});

interface Call {
	tcId: number;
	ciphertext: string;
	length: number;
	/** What must come back; null: random octets. */
	expected: string | null;
}

/** Each ciphertext under the three lengths of content keys, and a valid one under its own length as well. */
function callsOf({ tests, keySize }: Group): Call[] {
	return tests.flatMap(({ tcId, ct, msg, result }) => {
		const own = msg.length / 2;
		const fits = result === "valid" && own >= 1 && own <= keySize / 8 - 11;
		const lengths = new Set([16, 24, 32, ...(fits ? [own] : [])]);
		const expected = (length: number) => (result === "valid" && length === own ? msg : null);
		return [...lengths].map((length) => ({ tcId, ciphertext: ct, length, expected: expected(length) }));
	});
}

describeCorpus("Wycheproof's RSA decryptions on the token", "wycheproof", (root) => {
	const numbers = ["n", "e", "d", "p", "q", "dp", "dq", "qi"] as const;

	it.each(["rsa_pkcs1_2048_test.json", "rsa_pkcs1_3072_test.json"])(
		"%s: a good block gives its key, whatever else gives random octets and never an error",
		async (file) => {
			const groups = groupsOf(root, file);
			const calls = groups.map(callsOf);
			const keys = groups.map(({ privateKeyJwk }, at) => ({
				key: Object.fromEntries(
					numbers.map((name) => [name, Buffer.from(privateKeyJwk[name] as string, "base64url").toString("hex")]),
				),
				calls: calls[at],
			}));
			const answers = await unwrapImported(keys);
			const all = calls.flat();
			expect(answers).toHaveLength(all.length);
			const wrong = all.filter((call, at) => !isRight(call, answers[at] as [string, string]));
			expect(wrong.map(({ tcId, length }) => `${tcId} for ${length}`)).toEqual([]);
			expect(all.filter(({ expected }) => expected !== null).length).toBeGreaterThan(35);
			expect(all.filter(({ expected }) => expected === null).length).toBeGreaterThan(180);
		},
		120_000,
	);

	/** A random answer differs from one time to the next. */
	function isRight({ length, expected }: Call, [first, second]: [string, string]): boolean {
		if (expected !== null) return first === expected && second === expected;
		return first.length === 2 * length && second.length === 2 * length && first !== second;
	}
});

/** Each call twice, in a process of its own with a fresh token. */
async function unwrapImported(keys: unknown): Promise<[string, string][]> {
	const dir = await mkdtemp(join(tmpdir(), "ota-wycheproof-"));
	try {
		const token = await makeToken(dir);
		const script = fileURLToPath(new URL("./imported-keys-process.mjs", import.meta.url));
		const env = { ...process.env, ...token.env };
		const child = spawn(process.execPath, [script], { env, stdio: ["pipe", "pipe", "inherit"] });
		child.stdin.end(JSON.stringify({ uri: token.uri("none"), keys }));
		let output = "";
		for await (const chunk of child.stdout) output += chunk;
		// Its fault stands on stderr.
		expect(output).not.toBe("");
		return JSON.parse(output);
	} finally {
		await rm(dir, { recursive: true, force: true });
	}
}

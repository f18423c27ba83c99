/**
 * Unwraps with RSA keys that were made elsewhere, through the agent's own adapter (RoleKey). FOR TESTS ALONE: an agent
 * never starts with such a key, for its attribute audit refuses one that was outside the token; the audit is not asked here.
 * In: { uri, keys: [{ jwk parts in hex, calls: [{ ciphertext, length }] }] }; out: one line of hex answers per key, JSON.
 */
import { randomBytes } from "node:crypto";
import pkcs11js from "pkcs11js";
import { RoleKey } from "../../dist/hsm/agent/keys.js";
import { RefusedPins } from "../../dist/hsm/agent/refused-pins.js";
import { Tokens } from "../../dist/hsm/agent/tokens.js";
import { parseUri } from "../../dist/hsm/uri.js";

let text = "";
for await (const chunk of process.stdin) text += chunk;
const { uri, keys } = JSON.parse(text);

const silent = { info() {}, warn() {}, error() {} };
const refusedPins = new RefusedPins({ directory: undefined, log: silent, random: randomBytes });
const tokens = new Tokens({ sessions: 2, maxQueue: 64, refusedPins });
const token = await tokens.open(parseUri(uri));
const { pkcs11, slot } = token;
const session = pkcs11.C_OpenSession(slot.slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);

const octets = (hex) => Buffer.from(hex, "hex");

function importKey({ n, e, d, p, q, dp, dq, qi }) {
	return pkcs11.C_CreateObject(session, [
		{ type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_PRIVATE_KEY },
		{ type: pkcs11js.CKA_KEY_TYPE, value: pkcs11js.CKK_RSA },
		{ type: pkcs11js.CKA_TOKEN, value: false },
		{ type: pkcs11js.CKA_PRIVATE, value: true },
		{ type: pkcs11js.CKA_DECRYPT, value: true },
		{ type: pkcs11js.CKA_MODULUS, value: octets(n) },
		{ type: pkcs11js.CKA_PUBLIC_EXPONENT, value: octets(e) },
		{ type: pkcs11js.CKA_PRIVATE_EXPONENT, value: octets(d) },
		{ type: pkcs11js.CKA_PRIME_1, value: octets(p) },
		{ type: pkcs11js.CKA_PRIME_2, value: octets(q) },
		{ type: pkcs11js.CKA_EXPONENT_1, value: octets(dp) },
		{ type: pkcs11js.CKA_EXPONENT_2, value: octets(dq) },
		{ type: pkcs11js.CKA_COEFFICIENT, value: octets(qi) },
	]);
}

const answers = [];
for (const { key, calls } of keys) {
	const found = { handle: importKey(key), modulus: octets(key.n), publicKey: null };
	const means = { signing: null, unwrapping: { way: "raw", step: 0 }, sealing: null, names: {} };
	const role = new RoleKey(token, found, means, randomBytes);
	for (const { ciphertext, length } of calls) {
		const one = () => role.unwrap(octets(ciphertext), length).then((bytes) => Buffer.from(bytes).toString("hex"));
		// Twice: an answer that is drawn is another each time.
		answers.push([await one(), await one()]);
	}
}
await tokens.close();
process.stdout.write(JSON.stringify(answers));

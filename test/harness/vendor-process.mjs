/**
 * Keys on a token of any vendor, in a process of its own, and what provisioning never does to one. What is asked is JSON on
 * stdin: { uri, do, ... }; the answer is JSON on stdout.
 */
import pkcs11js from "pkcs11js";
import { sign } from "../../dist/hsm/agent/operations.js";
import { openToken, parseUri } from "../../dist/hsm/index.js";
import { loadModule } from "../../dist/hsm/token/module.js";
import { findObject } from "../../dist/hsm/token/objects.js";
import { findToken, login, openSession, readPin } from "../../dist/hsm/token/slot.js";

let text = "";
for await (const chunk of process.stdin) text += chunk;
const { uri, ...asked } = JSON.parse(text);
const verbs = {
	keys: makeKeys,
	allowed: makeLimitedKey,
	sealPair: makeSealPair,
	ec: signByToken,
	initNss,
	initOpencryptoki,
};
const answer = await verbs[asked.do](asked);
process.stdout.write(JSON.stringify(answer ?? null));
// Some vendors' libraries keep threads.
process.exit(0);

/** { keys: [{ kind: "rsa" | "ec" | "aes", label, usage }] }; the SPKIs by label, hex. */
async function makeKeys({ keys }) {
	const token = await openToken({ uri });
	const spkis = {};
	for (const { kind, label, usage } of keys) {
		if (kind === "aes") await token.generateSealKey({ label });
		else {
			const made =
				kind === "rsa"
					? await token.generateRsa({ label, bits: 2048, usage })
					: await token.generateEc({ label, curve: "P-256", usage });
			spkis[label] = Buffer.from(made).toString("hex");
		}
	}
	await token.close();
	return spkis;
}

/** { label, mechanisms }: an RSA key that signs and decrypts, and by these mechanisms alone, whatever its token lists. */
async function makeLimitedKey({ label, mechanisms }) {
	const allowed = Buffer.alloc(8 * mechanisms.length);
	for (const [at, name] of mechanisms.entries()) allowed.writeBigUInt64LE(BigInt(pkcs11js[name]), 8 * at);
	await makeRsa(label, [
		{ type: pkcs11js.CKA_SIGN, value: true },
		{ type: pkcs11js.CKA_ALLOWED_MECHANISMS, value: allowed },
	]);
}

/** { label }: an RSA key to seal with, whose label an AES key may bear too. */
async function makeSealPair({ label }) {
	await makeRsa(label, [{ type: pkcs11js.CKA_SIGN, value: false }]);
}

async function makeRsa(label, attributes) {
	const { pkcs11, session } = await openWriter();
	const shared = [
		{ type: pkcs11js.CKA_TOKEN, value: true },
		{ type: pkcs11js.CKA_LABEL, value: label },
		{ type: pkcs11js.CKA_ID, value: Buffer.from(label) },
	];
	const modulus = [
		{ type: pkcs11js.CKA_MODULUS_BITS, value: 2048 },
		{ type: pkcs11js.CKA_PUBLIC_EXPONENT, value: Buffer.from([1, 0, 1]) },
	];
	const flags = Object.entries({
		PRIVATE: true,
		SENSITIVE: true,
		EXTRACTABLE: false,
		DECRYPT: true,
		UNWRAP: false,
		DERIVE: false,
	});
	const secret = flags.map(([name, value]) => ({ type: pkcs11js[`CKA_${name}`], value }));
	const mechanism = { mechanism: pkcs11js.CKM_RSA_PKCS_KEY_PAIR_GEN };
	pkcs11.C_GenerateKeyPair(session, mechanism, [...shared, ...modulus], [...shared, ...secret, ...attributes]);
}

/** { label, message }: an EC signature (DER, hex) by the mechanisms that hash in the token; by hash. */
async function signByToken({ label, message }) {
	const { pkcs11, session } = await openWriter();
	const handle = findObject({ pkcs11, session }, pkcs11js.CKO_PRIVATE_KEY, { object: label });
	const tokenHashes = ["sha256", "sha384", "sha512"];
	const signing = { type: "ec", curve: "P-256", tokenHashes };
	const lease = { pkcs11, session, hold: (...buffers) => buffers };
	const signatures = {};
	for (const hash of tokenHashes) {
		const signature = await sign(lease, { handle, signing }, hash, Buffer.from(message, "hex"));
		signatures[hash] = Buffer.from(signature).toString("hex");
	}
	return signatures;
}

/** A new database of NSS takes its first PIN from the Security Officer, whose own is empty. */
function initNss({ modulePath, libraryParameters, pin }) {
	const { pkcs11 } = loadModule(modulePath, libraryParameters);
	const slot = pkcs11.C_GetSlotList(true).find((one) => /Certificate DB/.test(pkcs11.C_GetTokenInfo(one).label));
	const session = pkcs11.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
	pkcs11.C_Login(session, pkcs11js.CKU_SO, "");
	pkcs11.C_InitPIN(session, pin);
	pkcs11.C_CloseSession(session);
	pkcs11.C_Finalize();
}

/** The first PINs are the same everywhere and must be changed, the Security Officer's before the user's is set. */
function initOpencryptoki({ modulePath, label, pin }) {
	const [first, soPin, firstPin] = ["87654321", "76543210", "1a2b3c4d"];
	const { pkcs11 } = loadModule(modulePath);
	const slot = pkcs11.C_GetSlotList(true).find((one) => /Soft/i.test(pkcs11.C_GetTokenInfo(one).model));
	pkcs11.C_InitToken(slot, first, label.padEnd(32));
	const session = pkcs11.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
	pkcs11.C_Login(session, pkcs11js.CKU_SO, first);
	pkcs11.C_SetPIN(session, first, soPin);
	pkcs11.C_InitPIN(session, firstPin);
	pkcs11.C_Logout(session);
	pkcs11.C_Login(session, pkcs11js.CKU_USER, firstPin);
	pkcs11.C_SetPIN(session, firstPin, pin);
	pkcs11.C_CloseSession(session);
	pkcs11.C_Finalize();
}

async function openWriter() {
	const parsed = parseUri(uri);
	const { pkcs11 } = loadModule(parsed.modulePath, parsed.libraryParameters);
	const slot = findToken(pkcs11, parsed);
	const session = openSession(pkcs11, slot, true);
	login(pkcs11, slot, session, await readPin(parsed));
	return { pkcs11, session };
}

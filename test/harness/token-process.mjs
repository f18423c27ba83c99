/** Provisions a SoftHSM token in a process of its own: SOFTHSM2_CONF is read once per process. Commands on stdin, results on stdout, JSON. */
import pkcs11js from "pkcs11js";
import { initToken, openToken, writeSoftHsmConfig } from "../../dist/hsm/index.js";

let text = "";
for await (const chunk of process.stdin) text += chunk;
const { modulePath, label, pin, commands } = JSON.parse(text);

const hex = (bytes) => Buffer.from(bytes).toString("hex");

async function run(command) {
	const { do: verb, ...rest } = command;
	if (verb === "config") return await writeSoftHsmConfig(rest.path, rest.tokens);
	if (verb === "init") return await initToken({ modulePath, label: rest.label ?? label, pin, soPin: rest.soPin });
	if (verb === "raw") return generateRaw(rest);
	if (verb === "import") return importKey(rest);
	if (verb === "copy") return copyKey(rest);
	if (verb === "rawSeal") return generateRawSeal(rest);
	if (verb === "destroy") return destroyKey(rest);
	const token = await openToken({ modulePath, tokenLabel: label, pin });
	try {
		if (verb === "list") return await token.list();
		if (verb === "publicKey") return hex(await token.publicKey(rest.label));
		if (verb === "sign") return hex(await token.sign(rest.label, rest.hash, Buffer.from(rest.message, "hex")));
		if (verb === "rsa") return hex(await token.generateRsa(rest));
		if (verb === "ec") return hex(await token.generateEc(rest));
		if (verb === "seal") return await token.generateSealKey(rest);
		throw new Error(`unknown command ${verb}`);
	} finally {
		await token.close();
	}
}

/** A logged-in session of the token, for `work`. */
function withSession(tokenLabel, work) {
	const pkcs11 = new pkcs11js.PKCS11();
	pkcs11.load(modulePath);
	pkcs11.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK });
	const slot = pkcs11.C_GetSlotList(true).find((one) => pkcs11.C_GetTokenInfo(one).label.trimEnd() === tokenLabel);
	const session = pkcs11.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
	pkcs11.C_Login(session, pkcs11js.CKU_USER, pin);
	work(pkcs11, session);
	pkcs11.C_Finalize();
	return null;
}

const named = (keyLabel) => [
	{ type: pkcs11js.CKA_TOKEN, value: true },
	{ type: pkcs11js.CKA_LABEL, value: keyLabel },
	{ type: pkcs11js.CKA_ID, value: Buffer.from(keyLabel) },
];
const chosen = (attributes) => Object.entries(attributes).map(([name, value]) => ({ type: pkcs11js[name], value }));

/** An RSA key with attributes that provisioning would never give: { label, attributes: { CKA_X: boolean } }. */
const generateRaw = ({ label: keyLabel, attributes }) =>
	withSession(label, (pkcs11, session) =>
		pkcs11.C_GenerateKeyPair(
			session,
			{ mechanism: pkcs11js.CKM_RSA_PKCS_KEY_PAIR_GEN },
			[
				...named(keyLabel),
				{ type: pkcs11js.CKA_MODULUS_BITS, value: 2048 },
				{ type: pkcs11js.CKA_PUBLIC_EXPONENT, value: Buffer.from([1, 0, 1]) },
			],
			[
				...named(keyLabel),
				{ type: pkcs11js.CKA_PRIVATE, value: true },
				{ type: pkcs11js.CKA_SIGN, value: true },
				...chosen(attributes),
			],
		),
	);

function findPrivate(pkcs11, session, keyLabel) {
	pkcs11.C_FindObjectsInit(session, [
		{ type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_PRIVATE_KEY },
		{ type: pkcs11js.CKA_LABEL, value: keyLabel },
	]);
	const [found] = pkcs11.C_FindObjects(session, 1);
	pkcs11.C_FindObjectsFinal(session);
	return found;
}

/** The same private key a second time, under another label. */
const copyKey = ({ label: keyLabel, of }) =>
	withSession(label, (pkcs11, session) => {
		pkcs11.C_CopyObject(session, findPrivate(pkcs11, session, of), [{ type: pkcs11js.CKA_LABEL, value: keyLabel }]);
	});

/** An AES-256 seal key whatever else bears its label. */
const generateRawSeal = ({ label: keyLabel }) =>
	withSession(label, (pkcs11, session) => {
		const yes = ["CKA_TOKEN", "CKA_PRIVATE", "CKA_SENSITIVE", "CKA_ENCRYPT", "CKA_DECRYPT"];
		const no = ["CKA_EXTRACTABLE", "CKA_SIGN", "CKA_UNWRAP", "CKA_DERIVE", "CKA_WRAP"];
		pkcs11.C_GenerateKey(session, { mechanism: pkcs11js.CKM_AES_KEY_GEN }, [
			{ type: pkcs11js.CKA_LABEL, value: keyLabel },
			{ type: pkcs11js.CKA_ID, value: Buffer.from(`aes ${keyLabel}`) },
			{ type: pkcs11js.CKA_VALUE_LEN, value: 32 },
			...yes.map((name) => ({ type: pkcs11js[name], value: true })),
			...no.map((name) => ({ type: pkcs11js[name], value: false })),
		]);
	});

/** Takes a private key off the token. */
const destroyKey = ({ label: keyLabel }) =>
	withSession(label, (pkcs11, session) => {
		pkcs11.C_DestroyObject(session, findPrivate(pkcs11, session, keyLabel));
	});

/** An RSA key that was made outside: { label, jwk, attributes }; on another token of the same PIN: { token }. */
const importKey = ({ token = label, label: keyLabel, jwk, attributes }) =>
	withSession(token, (pkcs11, session) => {
		const part = (type, name) => ({ type, value: Buffer.from(jwk[name], "base64url") });
		pkcs11.C_CreateObject(session, [
			{ type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_PRIVATE_KEY },
			{ type: pkcs11js.CKA_KEY_TYPE, value: pkcs11js.CKK_RSA },
			...named(keyLabel),
			{ type: pkcs11js.CKA_PRIVATE, value: true },
			...chosen(attributes),
			part(pkcs11js.CKA_MODULUS, "n"),
			part(pkcs11js.CKA_PUBLIC_EXPONENT, "e"),
			part(pkcs11js.CKA_PRIVATE_EXPONENT, "d"),
			part(pkcs11js.CKA_PRIME_1, "p"),
			part(pkcs11js.CKA_PRIME_2, "q"),
			part(pkcs11js.CKA_EXPONENT_1, "dp"),
			part(pkcs11js.CKA_EXPONENT_2, "dq"),
			part(pkcs11js.CKA_COEFFICIENT, "qi"),
		]);
	});

const results = [];
for (const command of commands) {
	try {
		results.push({ value: (await run(command)) ?? null });
	} catch (error) {
		results.push({ code: error.code ?? "internal", message: error.message });
	}
}
process.stdout.write(JSON.stringify(results));

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

/** An RSA key with attributes that provisioning would never give: { label, attributes: { CKA_X: boolean } }. */
function generateRaw({ label: keyLabel, attributes }) {
	const pkcs11 = new pkcs11js.PKCS11();
	pkcs11.load(modulePath);
	pkcs11.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK });
	const slot = pkcs11.C_GetSlotList(true).find((one) => pkcs11.C_GetTokenInfo(one).label.trimEnd() === label);
	const session = pkcs11.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
	pkcs11.C_Login(session, pkcs11js.CKU_USER, pin);
	const common = [
		{ type: pkcs11js.CKA_TOKEN, value: true },
		{ type: pkcs11js.CKA_LABEL, value: keyLabel },
		{ type: pkcs11js.CKA_ID, value: Buffer.from(keyLabel) },
	];
	const chosen = Object.entries(attributes).map(([name, value]) => ({ type: pkcs11js[name], value }));
	pkcs11.C_GenerateKeyPair(
		session,
		{ mechanism: pkcs11js.CKM_RSA_PKCS_KEY_PAIR_GEN },
		[
			...common,
			{ type: pkcs11js.CKA_MODULUS_BITS, value: 2048 },
			{ type: pkcs11js.CKA_PUBLIC_EXPONENT, value: Buffer.from([1, 0, 1]) },
		],
		[...common, { type: pkcs11js.CKA_PRIVATE, value: true }, { type: pkcs11js.CKA_SIGN, value: true }, ...chosen],
	);
	pkcs11.C_Finalize();
	return null;
}

const results = [];
for (const command of commands) {
	try {
		results.push({ value: (await run(command)) ?? null });
	} catch (error) {
		results.push({ code: error.code ?? "internal", message: error.message });
	}
}
process.stdout.write(JSON.stringify(results));

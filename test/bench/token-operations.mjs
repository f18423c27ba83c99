/**
 * One kind of key operation, over and over, in a process of its own: through the agent or by pkcs11js itself. What is asked is
 * JSON in argv; one line of JSON on stdout tells the operations done, their wall clock and processor time in milliseconds, how
 * late the event loop was at worst but one turn in a hundred, and the last output in hex.
 */
import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import pkcs11js from "pkcs11js";
import { connectAgent } from "../../dist/hsm/index.js";

const { way, operation, milliseconds, inFlight = 1, input, ...where } = JSON.parse(process.argv[2]);
const bytes = Buffer.from(input, "hex");

const { once, close } = way === "agent" ? throughAgent() : inProcess();
await during(milliseconds / 10);
const loop = monitorEventLoopDelay({ resolution: 1 });
loop.enable();
const [wall, cpu] = [performance.now(), process.cpuUsage()];
const { count, output } = await during(milliseconds);
const used = process.cpuUsage(cpu);
loop.disable();
const figures = {
	count,
	wall: performance.now() - wall,
	cpu: (used.user + used.system) / 1000,
	loopP99: loop.percentile(99) / 1e6,
};
await close();
process.stdout.write(JSON.stringify({ ...figures, output: Buffer.from(output).toString("hex") }));

async function during(time) {
	const end = performance.now() + time;
	let count = 0;
	let output;
	const worker = async () => {
		while (performance.now() < end) {
			output = await once();
			count += 1;
		}
	};
	await Promise.all(Array.from({ length: inFlight }, worker));
	return { count, output };
}

function throughAgent() {
	const keys = connectAgent({ address: where.address });
	const once = {
		sign: () => keys.sign("ra", "sha256", bytes),
		unwrap: () => keys.unwrap(bytes, 16),
		ecdsa: () => keys.sign("profile", "sha256", bytes),
	}[operation];
	return { once, close: () => keys.close() };
}

/** One session, synchronous: what there would be without an agent. */
function inProcess() {
	const pkcs11 = new pkcs11js.PKCS11();
	pkcs11.load(where.modulePath);
	pkcs11.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK });
	const slot = pkcs11.C_GetSlotList(true).find((one) => pkcs11.C_GetTokenInfo(one).label.trimEnd() === where.label);
	const session = pkcs11.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION);
	pkcs11.C_Login(session, pkcs11js.CKU_USER, readFileSync(where.pinFile, "utf8").trim());
	pkcs11.C_FindObjectsInit(session, [
		{ type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_PRIVATE_KEY },
		{ type: pkcs11js.CKA_LABEL, value: where.object },
	]);
	const [key] = pkcs11.C_FindObjects(session, 1);
	pkcs11.C_FindObjectsFinal(session);
	const output = Buffer.alloc(256);
	const sign = (mechanism) => () => {
		pkcs11.C_SignInit(session, { mechanism }, key);
		return pkcs11.C_Sign(session, bytes, output);
	};
	const decrypt = () => {
		pkcs11.C_DecryptInit(session, { mechanism: pkcs11js.CKM_RSA_X_509 }, key);
		return pkcs11.C_Decrypt(session, bytes, output);
	};
	const ways = { sign: sign(pkcs11js.CKM_RSA_PKCS), unwrap: decrypt, ecdsa: sign(pkcs11js.CKM_ECDSA) };
	return { once: ways[operation], close: async () => pkcs11.C_Finalize() };
}

/** One good message of each kind, with the server that takes it: mutants are posted, and whatever they do is undone. */
import type { MemoryStore } from "../../lib/store/memory.ts";
import { buildEnvelopedData, discover, type PkcsReqOptions, requestFor } from "../device/index.ts";
import { rsaKeySource } from "../device/rsa-keys.ts";
import { type WatchedOta, watchedOta } from "../harness/watched-ota.ts";
import { payloadOf } from "./scep-attacker.ts";

/** The last two are what is inside a PKCSReq: bent, and then put into a message whose outside is good. */
export const kinds = [
	"device response",
	"profile request",
	"PKCSReq",
	"EnvelopedData of a PKCSReq",
	"CertificationRequest of a PKCSReq",
] as const;
export type Kind = (typeof kinds)[number];

export interface GoodMessage {
	message: Uint8Array;
	/** Does the server take these octets? Throws on an answer that none may get. */
	isAccepted(bytes: Uint8Array): Promise<boolean>;
}

/** CertRep's pkiStatus attribute: "0" is SUCCESS, "2" FAILURE. */
const pkiStatus = (value: "0" | "2"): Buffer => Buffer.from(`060a6086480186f845010903310313013${value}`, "hex");

interface Made {
	message: Uint8Array;
	post(bytes: Uint8Array): Promise<Response>;
}

export async function goodMessage(kind: Kind): Promise<GoodMessage> {
	const ota = await watchedOta();
	const { message, post } = await make(kind, ota);
	const restore = snapshot(ota.memory);
	const isAccepted = async (bytes: Uint8Array): Promise<boolean> => {
		const response = await post(bytes);
		const { status } = response;
		const isCertRep = response.headers.get("content-type") === "application/x-pki-message";
		const body = Buffer.from(await response.arrayBuffer());
		ota.log.length = 0;
		restore();
		const accepted = status === 200 && (!isCertRep || body.includes(pkiStatus("0")));
		const refused = isCertRep ? body.includes(pkiStatus("2")) : [400, 403, 409].includes(status);
		if (accepted === refused) throw new Error(`answered with ${status}`);
		return accepted;
	};
	return { message, isAccepted };
}

async function make(kind: Kind, ota: WatchedOta): Promise<Made> {
	const keys = rsaKeySource();
	const device = ota.device({ keys });
	await device.fetchRoot();
	await device.fetchProfileService();
	if (kind === "device response") return { message: device.buildDeviceResponse(), post: ota.postProfile };
	await device.sendDeviceResponse();
	if (kind === "profile request") {
		await device.enrollIdentity();
		return { message: device.buildProfileRequest(), post: ota.postProfile };
	}
	const payload = payloadOf(device);
	const server = await discover({ transport: ota.transport, payload });
	const key = keys();
	const request = (bend: Partial<PkcsReqOptions> = {}) => requestFor(payload, server, key, "iphone", bend);
	if (kind === "PKCSReq") return { message: request().message, post: ota.postScep };
	if (kind === "CertificationRequest of a PKCSReq") {
		return { message: request().csr, post: (enveloped) => ota.postScep(request({ enveloped }).message) };
	}
	const message = buildEnvelopedData({ content: request().csr, recipients: [server.authorities.ra] });
	return { message, post: (content) => ota.postScep(request({ signedData: { content } }).message) };
}

/** Rows are replaced, never changed in place: copies of the tables are the whole state. */
function snapshot(memory: MemoryStore): () => void {
	const { enrollments, challenges, certificates, deliveries, devices, people, transactions, events } = memory;
	const tables = [enrollments, challenges, certificates, deliveries, devices, people] as Map<string, unknown>[];
	const rows = tables.map((table) => [...table]);
	const lists: unknown[][] = [transactions, events];
	const lengths = lists.map((list) => list.length);
	return () => {
		for (const [at, table] of tables.entries()) {
			table.clear();
			for (const [key, value] of rows[at] ?? []) table.set(key, value);
		}
		for (const [at, list] of lists.entries()) list.length = lengths[at] as number;
	};
}

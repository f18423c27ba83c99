/** PKCSReqs made beforehand, posted as fast as the server takes them, and answers judged afterwards. */
import { createHash, type KeyObject, randomBytes } from "node:crypto";
import { Agent, request } from "node:http";
import {
	buildPkcsReq,
	certifies,
	getCaCaps,
	getCaCert,
	type PkcsReq,
	parseCertRep,
	publicKeyInfo,
	quickReading,
	type Reading,
	readCertificate,
	type ScepPayload,
	type ScepServer,
	verifySignedData,
} from "../device/index.ts";
import { rsaKeySource } from "../device/rsa-keys.ts";
import { progress } from "./report.ts";

export interface ScepRequest {
	sent: PkcsReq;
	key: KeyObject;
	challenge: string;
}

/** What the SCEP server at this address offers. */
export async function askServer(url: string): Promise<ScepServer> {
	const payload: ScepPayload = {
		url,
		name: "bench",
		subject: [],
		subjectAltName: undefined,
		challenge: undefined,
		keySize: 2048,
		keyUsage: 5,
		caFingerprint: undefined,
		payloadUUID: "",
		dictionary: {},
	};
	const transport = (request: Request) => fetch(request);
	return { authorities: await getCaCert(transport, payload), capabilities: await getCaCaps(transport, payload) };
}

/** Requests with distinct RSA-2048 keys to one SCEP server; made once, however often they are taken. */
export class RequestPool {
	private readonly made: ScepRequest[] = [];
	private readonly nextKey = rsaKeySource();
	private readonly reading = quickReading();

	/** A challenge of 256 bits for each, unless the server has one for all; in Apple's BER unless it cannot read that. */
	constructor(
		readonly server: ScepServer,
		private readonly options: { challenge?: string; encoding?: "ber" | "der" } = {},
	) {}

	/** The first `count` of them. */
	take(count: number): ScepRequest[] {
		const started = performance.now();
		const missing = count - this.made.length;
		while (this.made.length < count) this.made.push(this.make());
		const seconds = (performance.now() - started) / 1000;
		if (seconds > 2) progress(`made ${missing} requests in ${seconds.toFixed(1)} s`);
		return this.made.slice(0, count);
	}

	private make(): ScepRequest {
		const { authorities, capabilities } = this.server;
		const { challenge = randomBytes(32).toString("hex"), encoding = "ber" } = this.options;
		const key = this.nextKey();
		const sent = buildPkcsReq({
			key,
			// One each: some servers give a name one certificate.
			subject: [["CN", `bench ${this.made.length}`]],
			challenge,
			encoding,
			envelope: { reading: this.reading },
			recipients: [authorities.ra],
			cipher: capabilities.cipher,
			messageDigestAlgorithm: capabilities.digest,
			digest: capabilities.digest,
		});
		return { sent, key, challenge };
	}
}

export interface Posted {
	answers: { status: number; body: Buffer }[];
	/** Of each answer, in milliseconds. */
	times: number[];
}

/** Posts to the server's PKIOperation, `concurrency` at a time, each on a connection that is kept. */
export async function postAll(url: string, requests: readonly ScepRequest[], concurrency: number): Promise<Posted> {
	const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
	const posted: Posted = { answers: [], times: [] };
	let next = 0;
	const worker = async () => {
		for (let at = next++; at < requests.length; at = next++) {
			const started = performance.now();
			const answer = await post(agent, url, (requests[at] as ScepRequest).sent.message);
			posted.times[at] = performance.now() - started;
			posted.answers[at] = answer;
		}
	};
	await Promise.all(Array.from({ length: concurrency }, worker));
	agent.destroy();
	return posted;
}

function post(agent: Agent, url: string, body: Uint8Array): Promise<{ status: number; body: Buffer }> {
	const headers = { "content-type": "application/x-pki-message", "content-length": body.length };
	return new Promise((resolve, reject) => {
		const sent = request(`${url}?operation=PKIOperation`, { agent, method: "POST", headers }, (response) => {
			const chunks: Buffer[] = [];
			response.on("data", (chunk: Buffer) => chunks.push(chunk));
			response.once("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
			response.once("error", reject);
		});
		sent.once("error", reject).end(body);
	});
}

/** The signed attribute pkiStatus (2.16.840.1.113733.1.9.3) with the one PrintableString "0": SUCCESS. */
const success = Buffer.from("060a6086480186f8450109033103130130", "hex");

/**
 * Every answer must be a SUCCESS, verified and opened, that gives its key a certificate, and no serial number may come twice;
 * throws at the first that is not so.
 */
export function judgeAnswers(pool: RequestPool, { answers }: Posted): void {
	const reading = quickReading();
	const requests = pool.take(answers.length);
	const serials = new Set<string>();
	for (const [at, { status, body }] of answers.entries()) {
		if (status !== 200) throw new Error(`request ${at} was answered ${status}: ${body.subarray(0, 300)}`);
		serials.add(openAnswer(body, requests[at] as ScepRequest, pool.server, reading));
	}
	if (serials.size < answers.length) throw new Error(`${answers.length - serials.size} serial numbers came twice`);
}

/** How many answers are a SUCCESS with a signature that holds; the envelopes stay closed. For servers that are not ours. */
export function countSuccesses({ server }: RequestPool, { answers }: Posted): number {
	const reading = quickReading();
	const known = [server.authorities.ra, server.authorities.top];
	return answers.filter(({ status, body }) => {
		if (status !== 200) return false;
		verifySignedData(body, "CertRep", { known, reading });
		return body.includes(success);
	}).length;
}

/** The serial number of the certificate in it. */
function openAnswer(body: Buffer, { sent, key }: ScepRequest, { authorities }: ScepServer, reading: Reading): string {
	const { ra, top } = authorities;
	const reply = parseCertRep(body, { authorities: [ra, top], ...sent }, "CertRep", reading);
	const [certificate] = reply.certificates;
	if (reply.pkiStatus !== "0" || !certificate) throw new Error(`a request was refused with failInfo ${reply.failInfo}`);
	if (!certifies(certificate, key)) throw new Error("a request got a certificate for another key");
	return readCertificate(certificate).serialHex;
}

/** SHA-256 of the SubjectPublicKeyInfo, as the database knows keys. */
export const keyHash = (key: KeyObject): string => createHash("sha256").update(publicKeyInfo(key)).digest("hex");

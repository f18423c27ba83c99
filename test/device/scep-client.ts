/** Apple's SCEP client: GetCACert, GetCACaps, PKIOperation, as its published source does them (facts: SCEP section 1). */
import type { KeyObject } from "node:crypto";
import { type CertRep, parseCertRep } from "./cert-rep.ts";
import { certifies, type Identity } from "./certificate.ts";
import { findChainTo } from "./chain.ts";
import { DeviceError, ensure } from "./errors.ts";
import { exchange, type Transport } from "./http.ts";
import { makeKeyPair } from "./key-pair.ts";
import type { ScepPayload } from "./profile.ts";
import { carefulReading, type Reading } from "./reading.ts";
import {
	type Capabilities,
	checkFingerprint,
	chooseCapabilities,
	type ScepAuthorities,
	selectAuthorities,
} from "./scep-capabilities.ts";
import { buildPkcsReq, type PkcsReq, type PkcsReqOptions, type SignerStyle } from "./scep-message.ts";
import { buildCertPoll } from "./scep-queries.ts";

/** Gives a private key of so many bits; injected to save time or to be hostile. */
export type KeySource = (bits: number) => KeyObject | Promise<KeyObject>;

/** A fresh RSA key. */
export const freshKey: KeySource = async (bits) => (await makeKeyPair("rsa", { modulusLength: bits })).privateKey;

/** What the server offered: the certificates and the choice among its capabilities. */
export interface ScepServer {
	authorities: ScepAuthorities;
	capabilities: Capabilities;
}

/** The payload's URL with its whole query replaced, as Apple does. */
export function scepUrl(payload: Pick<ScepPayload, "url" | "name">, operation: string): string {
	const url = new URL(payload.url);
	url.search = `?operation=${operation}&message=${encodeURIComponent(payload.name)}`;
	return url.href;
}

/** GetCACert. */
export async function getCaCert(
	transport: Transport,
	payload: ScepPayload,
	reading: Reading = carefulReading,
): Promise<ScepAuthorities> {
	const step = "GetCACert";
	const accept = ["application/x-x509-ca-ra-cert", "application/x-x509-ca-cert"];
	const { body, contentType } = await exchange(transport, step, scepUrl(payload, step), { accept });
	const authorities = selectAuthorities(body, contentType, step, reading);
	checkFingerprint(authorities.top, payload.caFingerprint);
	return authorities;
}

/** GetCACaps. */
export async function getCaCaps(transport: Transport, payload: ScepPayload): Promise<Capabilities> {
	const step = "GetCACaps";
	const { body } = await exchange(transport, step, scepUrl(payload, step));
	return chooseCapabilities(Buffer.from(body).toString("latin1"));
}

/** PKIOperation with this message, by POST or by GET; the CertRep's bytes. */
export async function pkiOperation(
	transport: Transport,
	url: string,
	message: Uint8Array,
	post: boolean,
): Promise<Uint8Array> {
	const target = new URL(url);
	const accept = ["application/x-pki-message"];
	target.search = "?operation=PKIOperation";
	if (post) {
		const init = { body: message, contentType: "application/x-pki-message", accept };
		return (await exchange(transport, "PKIOperation", target.href, init)).body;
	}
	// Base64 goes in as it is: Apple's client escapes neither + nor /.
	target.search += `&message=${Buffer.from(message).toString("base64")}`;
	return (await exchange(transport, "PKIOperation", target.href, { accept })).body;
}

/** The PKCSReq that this payload asks for; `bend` overrides anything. */
export function requestFor(
	payload: ScepPayload,
	server: ScepServer,
	key: KeyObject,
	style: SignerStyle,
	bend: Partial<PkcsReqOptions> = {},
): PkcsReq {
	const bits = [...((payload.keyUsage & 1) === 1 ? [0] : []), ...((payload.keyUsage & 4) === 4 ? [2] : [])];
	return buildPkcsReq({
		key,
		subject: payload.subject,
		...(payload.challenge === undefined ? {} : { challenge: payload.challenge }),
		keyUsage: bits.length > 0 ? bits : null,
		...(payload.subjectAltName ? { subjectAltName: payload.subjectAltName } : {}),
		recipients: [server.authorities.ra],
		cipher: server.capabilities.cipher,
		messageDigestAlgorithm: server.capabilities.digest,
		digest: server.capabilities.digest,
		signerStyle: style,
		...bend,
	});
}

/** What the answer to `request` is; throws DeviceError with the failInfo when it is a FAILURE. */
export function readAnswer(
	body: Uint8Array,
	request: PkcsReq,
	server: ScepServer,
	reading: Reading = carefulReading,
): CertRep {
	const step = "CertRep";
	const { ra, top } = server.authorities;
	const { signer, transactionID, senderNonce } = request;
	const expected = { authorities: [ra, top], signer, transactionID, senderNonce };
	const reply: CertRep = parseCertRep(body, expected, step, reading);
	if (reply.pkiStatus === "2") {
		const failInfo = reply.failInfo ?? -1;
		const word = ["badAlg", "badMessageCheck", "badRequest", "badTime", "badCertId"][failInfo] ?? "unknown";
		const text = reply.failInfoText ? `: ${reply.failInfoText}` : ".";
		throw new DeviceError(step, `The SCEP server refused the request, ${word} (${failInfo})${text}`, { failInfo });
	}
	return reply;
}

/** Judges the answer to `request`; throws DeviceError with the failInfo unless it is a SUCCESS with our certificate. */
export function acceptCertRep(
	body: Uint8Array,
	request: PkcsReq,
	key: KeyObject,
	server: ScepServer,
	at: Date,
	reading: Reading = carefulReading,
): Identity {
	const reply = readAnswer(body, request, server, reading);
	ensure(reply.pkiStatus !== "3", "CertRep", "The request is pending: somebody has to approve it first.");
	return acceptCertificate(reply, key, server, at, reading);
}

function acceptCertificate(reply: CertRep, key: KeyObject, server: ScepServer, at: Date, reading: Reading): Identity {
	const step = "CertRep";
	const { top, all } = server.authorities;
	const [certificate] = reply.certificates;
	ensure(certificate, step, "The CertRep carries no certificate.");
	ensure(certifies(certificate, key), step, "The first certificate of the CertRep is not for this device's key.");
	const chain = findChainTo(certificate, all, top, at, reading);
	ensure(chain, step, "The issued certificate does not chain to the CA of GetCACert.");
	ensure(!reading.certificate(certificate).ca, step, "The issued certificate is a CA's.");
	return { certificate, privateKey: key, chain: chain.slice(1) };
}

/** How an identity is asked for. */
export interface ScepEnrollment {
	transport: Transport;
	payload: ScepPayload;
	style?: SignerStyle;
	keys?: KeySource;
	at?: Date;
	/** Called around each message, to be timed and told. */
	timed?: <T>(step: string, work: () => Promise<T>) => Promise<T>;
	/** Overrides of the PKCSReq. */
	bend?: Partial<PkcsReqOptions>;
	/** Called before each CertPoll while the request is pending: waits, or throws to give up. Absent: PENDING is an error. */
	waits?: () => Promise<void>;
	/** Careful unless told. */
	reading?: Reading;
}

/** The server's certificates and capabilities, each asked for twice as Apple does; the later answer counts. */
export async function discover(enrollment: ScepEnrollment): Promise<ScepServer> {
	const { transport, payload } = enrollment;
	const timed = enrollment.timed ?? ((_step, work) => work());
	let server: ScepServer | undefined;
	for (let round = 0; round < 2; round++) {
		const authorities = await timed("GetCACert", () => getCaCert(transport, payload, enrollment.reading));
		const capabilities = await timed("GetCACaps", () => getCaCaps(transport, payload));
		server = { authorities, capabilities };
	}
	return server as ScepServer;
}

/** The whole enrollment of one SCEP payload, with a new key. */
export async function enrollScep(enrollment: ScepEnrollment): Promise<Identity> {
	const { payload } = enrollment;
	const timed = enrollment.timed ?? ((_step, work) => work());
	const server = await discover(enrollment);
	const key = await timed("key", async () => (enrollment.keys ?? freshKey)(payload.keySize));
	const { reading } = enrollment;
	const request = requestFor(payload, server, key, enrollment.style ?? "iphone", {
		...(reading ? { envelope: { reading } } : {}),
		...enrollment.bend,
	});
	return timed("PKIOperation", () => finish(enrollment, server, request, key));
}

/** Sends a request, and polls until somebody has decided where the enrollment waits. */
async function finish(
	{ transport, payload, waits, at = new Date(), reading = carefulReading }: ScepEnrollment,
	server: ScepServer,
	request: PkcsReq,
	key: KeyObject,
): Promise<Identity> {
	const send = ({ message }: PkcsReq) => pkiOperation(transport, payload.url, message, server.capabilities.post);
	let reply = readAnswer(await send(request), request, server, reading);
	while (reply.pkiStatus === "3") {
		ensure(waits, "CertRep", "The request is pending: somebody has to approve it first.");
		await waits();
		const { ra, top, all } = server.authorities;
		const poll = buildCertPoll(request, all.find((one) => one !== ra && one !== top) ?? top, { ra, key });
		reply = readAnswer(await send(poll), poll, server, reading);
	}
	return acceptCertificate(reply, key, server, at, reading);
}

/** How an identity is renewed. */
export interface ScepRenewal extends ScepEnrollment {
	identity: Identity;
	/** RenewalReq (17, unless told), or PKCSReq (19) as macOS, certmonger and sscep have it. */
	messageType?: "17" | "19";
}

/** Renewal: signed by the identity that is to end; with a new key unless `keys` gives the old one. */
export async function renewScep(renewal: ScepRenewal): Promise<Identity> {
	const { payload, identity, messageType = "17", reading } = renewal;
	const server = await discover(renewal);
	ensure(server.capabilities.items.includes("Renewal"), "GetCACaps", "The SCEP server does not renew.");
	const key = await (renewal.keys ?? freshKey)(payload.keySize);
	const request = requestFor(payload, server, key, renewal.style ?? "iphone", {
		signer: identity,
		messageType,
		...(reading ? { envelope: { reading } } : {}),
		...renewal.bend,
	});
	return finish(renewal, server, request, key);
}

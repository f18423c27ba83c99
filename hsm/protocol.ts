/** What client and agent say to each other: version 1 of the requests and responses inside the frames (README: layout). */
import { type Code, type HsmState, HsmStateError, OtaError } from "../lib/errors.ts";
import type { HashName } from "../lib/ports.ts";

const version = 1;

/** Numbers on the wire; never reuse one. */
export const roles = { agent: 0, ca: 1, ra: 2, profile: 3, seal: 4, ocsp: 5, caOld: 6, raOld: 7 } as const;
export type Role = keyof typeof roles;
export const operations = { check: 0, sign: 1, unwrap: 2, seal: 3, open: 4 } as const;
export type Operation = keyof typeof operations;
const hashes: Record<HashName, number> = { sha256: 1, sha384: 2, sha512: 3 };

/** 0 is success; each other status is one code of ours on the client's side. */
export const statuses = {
	ok: 0,
	busy: 1,
	unavailable: 2,
	refused: 3,
	malformed: 4,
	version: 5,
	config: 6,
	// What the agent knows of the token's module.
	recovering: 7,
	broken: 8,
	barred: 9,
} as const;
export type Status = keyof typeof statuses;
export const statusCodes: Record<Exclude<Status, "ok">, Code> = {
	busy: "hsm_busy",
	unavailable: "hsm_unavailable",
	refused: "hsm_refused",
	malformed: "internal",
	version: "config",
	config: "config",
	recovering: "hsm_unavailable",
	broken: "hsm_unavailable",
	barred: "config",
};

/** The state of a module as a status, and back. */
export const stateStatuses = {
	recovering: "recovering",
	broken: "broken",
	refused: "barred",
} as const satisfies Record<HsmState, Status>;

/** A status that is not ok as our error. */
export function statusError(status: Exclude<Status, "ok">, words: string): OtaError {
	const code = statusCodes[status];
	const state = (Object.keys(stateStatuses) as HsmState[]).find((one) => stateStatuses[one] === status);
	if (state === undefined || (code !== "hsm_unavailable" && code !== "config")) return new OtaError(code, words);
	return new HsmStateError(code, words, state);
}

export interface Request {
	/** The client's own number, echoed in the response. */
	id: number;
	role: Role;
	operation: Operation;
	/** Milliseconds from arrival after which nobody waits for the answer. */
	deadline: number;
	body: Uint8Array;
}

export interface Response {
	id: number;
	status: Status;
	/** The result; words for the operator's log (UTF-8) unless the status is ok. */
	body: Uint8Array;
}

const requestKind = 1;
const responseKind = 2;
const requestHeader = 12;
const responseHeader = 7;

/** Raised on another protocol version, so that the agent can say so before it closes. */
export class VersionError extends OtaError {
	constructor(theirs: number) {
		super("config", `the other side speaks protocol version ${theirs}, this one ${version}: update both together`);
	}
}

const malformed = (what: string): OtaError => new OtaError("malformed", `agent protocol: ${what}`);

/** Header and body; put both in one frame. */
export function encodeRequest(request: Request): [Buffer, Uint8Array] {
	const header = Buffer.alloc(requestHeader);
	header[0] = version;
	header[1] = requestKind;
	header.writeUInt32BE(request.id, 2);
	header[6] = roles[request.role];
	header[7] = operations[request.operation];
	header.writeUInt32BE(request.deadline, 8);
	return [header, request.body];
}

export function decodeRequest(frame: Buffer): Request {
	checkStart(frame, requestKind, requestHeader);
	return {
		id: frame.readUInt32BE(2),
		role: nameOf(roles, frame[6], "role"),
		operation: nameOf(operations, frame[7], "operation"),
		deadline: frame.readUInt32BE(8),
		body: frame.subarray(requestHeader),
	};
}

export function encodeResponse(response: Response): [Buffer, Uint8Array] {
	const header = Buffer.alloc(responseHeader);
	header[0] = version;
	header[1] = responseKind;
	header.writeUInt32BE(response.id, 2);
	header[6] = statuses[response.status];
	return [header, response.body];
}

export function decodeResponse(frame: Buffer): Response {
	checkStart(frame, responseKind, responseHeader);
	return {
		id: frame.readUInt32BE(2),
		status: nameOf(statuses, frame[6], "status"),
		body: frame.subarray(responseHeader),
	};
}

function checkStart(frame: Buffer, kind: number, header: number): void {
	const theirs = frame[0];
	if (theirs === undefined) throw malformed("empty frame");
	if (theirs !== version) throw new VersionError(theirs);
	if (frame[1] !== kind) throw malformed(`kind ${frame[1]} where ${kind} was expected`);
	if (frame.length < header) throw malformed(`header cut short at ${frame.length} octets`);
}

function nameOf<Name extends string>(table: Record<Name, number>, value: number | undefined, what: string): Name {
	for (const name in table) if (table[name] === value) return name;
	throw malformed(`unknown ${what} ${value}`);
}

// ---------------------------------------------------------------- Bodies

/** sign: hash, message. */
export const encodeSign = (hash: HashName, message: Uint8Array): Uint8Array =>
	Buffer.concat([Uint8Array.of(hashes[hash]), message]);

export function decodeSign(body: Uint8Array): { hash: HashName; message: Uint8Array } {
	return { hash: nameOf(hashes, body[0], "hash"), message: body.subarray(1) };
}

/** unwrap: length of the content key, encrypted key. */
export const encodeUnwrap = (encryptedKey: Uint8Array, keyLength: number): Uint8Array =>
	Buffer.concat([Uint8Array.of(keyLength), encryptedKey]);

export function decodeUnwrap(body: Uint8Array): { encryptedKey: Uint8Array; keyLength: number } {
	const keyLength = body[0];
	if (keyLength === undefined || ![8, 16, 24, 32].includes(keyLength)) throw malformed(`key length ${keyLength}`);
	return { encryptedKey: body.subarray(1), keyLength };
}

const longestAad = 1024;

/** seal and open: length of the additional data (two octets), additional data, plaintext or sealed bytes. */
export function encodeSealed(data: Uint8Array, aad: string): Uint8Array {
	const additional = Buffer.from(aad, "utf8");
	if (additional.length > longestAad) throw malformed(`additional data over ${longestAad} octets`);
	const length = Buffer.alloc(2);
	length.writeUInt16BE(additional.length, 0);
	return Buffer.concat([length, additional, data]);
}

export function decodeSealed(body: Uint8Array): { data: Uint8Array; aad: Uint8Array } {
	if (body.length < 2) throw malformed("body cut short");
	const end = 2 + (((body[0] as number) << 8) | (body[1] as number));
	if (end - 2 > longestAad) throw malformed(`additional data over ${longestAad} octets`);
	if (body.length < end) throw malformed("additional data cut short");
	return { aad: body.subarray(2, end), data: body.subarray(end) };
}

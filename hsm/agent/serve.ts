/** Serves the agent protocol on one connection: frames in, policy, operation, response out, in any order. */
import type { Socket } from "node:net";
import { asOtaError, HsmStateError, OtaError } from "../../lib/errors.ts";
import type { Clock, Log, Random } from "../../lib/ports.ts";
import { FrameReader, frame } from "../frames.ts";
import {
	decodeRequest,
	decodeSealed,
	decodeSign,
	decodeUnwrap,
	encodeResponse,
	type Request,
	type Response,
	type Status,
	stateStatuses,
	VersionError,
} from "../protocol.ts";
import type { IsLate } from "./keys.ts";
import type { LastingKey } from "./lasting-key.ts";
import { checkPolicy, type KeyedRole } from "./policy.ts";
import { checkKey } from "./proof.ts";
import { checkMessage, isJudged, type Known } from "./sign-policy.ts";

export interface ServeOptions {
	keys: ReadonlyMap<KeyedRole, LastingKey>;
	known: Known;
	log: Log;
	clock: Clock;
	random: Random;
}

const nothing = new Uint8Array();

/** Answers requests until the peer leaves or breaks the protocol. */
export function serve(socket: Socket, options: ServeOptions): void {
	const reader = new FrameReader();
	const respond = (response: Response): void => {
		// A peer that does not read its answers is not read either.
		if (socket.writable && !socket.write(frame(...encodeResponse(response)))) socket.pause();
	};
	socket.on("drain", () => socket.resume());
	socket.on("error", () => socket.destroy());
	socket.on("data", (chunk: Buffer) => {
		try {
			for (const bytes of reader.push(chunk)) accept(bytes, options, respond);
		} catch (error) {
			breakOff(socket, error, options.log, respond);
		}
	});
}

function accept(bytes: Buffer, options: ServeOptions, respond: (response: Response) => void): void {
	const request = decodeRequest(bytes);
	const { id } = request;
	perform(request, options)
		.then(
			(body) => respond({ id, status: "ok", body }),
			(error: unknown) => {
				const failure = asOtaError(error);
				const status = statusOf(failure);
				const { role, operation } = request;
				// Words about a request of two megabytes may be as long.
				const reason = failure.message.slice(0, longestWords);
				options.log.warn("hsm.refused", { role, operation, status, reason });
				respond({ id, status, body: Buffer.from(reason) });
			},
		)
		// What cannot be answered must not end the process and everybody's calls with it.
		.catch((error: unknown) =>
			options.log.error("hsm.unanswered", { id, reason: asOtaError(error).message.slice(0, longestWords) }),
		);
}

const longestWords = 500;

/** The peer is not speaking our protocol: say so if it can be said, and close. Requests accepted before are dropped. */
function breakOff(socket: Socket, error: unknown, log: Log, respond: (response: Response) => void): void {
	const failure = asOtaError(error);
	log.warn("hsm.protocol", { reason: failure.message });
	const status = failure instanceof VersionError ? "version" : "malformed";
	respond({ id: 0, status, body: Buffer.from(failure.message) });
	socket.removeAllListeners("data");
	socket.destroySoon();
}

function statusOf(error: OtaError): Exclude<Status, "ok"> {
	if (error instanceof HsmStateError) return stateStatuses[error.state];
	if (error.code === "hsm_busy") return "busy";
	if (error.code === "hsm_unavailable") return "unavailable";
	if (error.code === "config") return "config";
	return error.code === "malformed" ? "malformed" : "refused";
}

async function perform(request: Request, options: ServeOptions): Promise<Uint8Array> {
	checkPolicy(request);
	const end = options.clock().getTime() + request.deadline;
	const isLate: IsLate = () => options.clock().getTime() > end;
	if (request.role === "agent") return await check(options, isLate);
	const key = options.keys.get(request.role);
	if (!key) throw new OtaError("hsm_refused", `this agent has no key for role ${request.role}`);
	if (isJudged(request.role)) {
		key.assertRoom();
		const { hash, message } = decodeSign(request.body);
		checkMessage(request.role, hash, message, options.known, options.clock());
	}
	return await operate(request, key, isLate);
}

async function operate({ operation, body }: Request, key: LastingKey, isLate: IsLate): Promise<Uint8Array> {
	switch (operation) {
		case "sign": {
			const { hash, message } = decodeSign(body);
			return await key.sign(hash, message, isLate);
		}
		case "unwrap": {
			const { encryptedKey, keyLength } = decodeUnwrap(body);
			return await key.unwrap(encryptedKey, keyLength, isLate);
		}
		case "seal": {
			const { data, aad } = decodeSealed(body);
			return await key.seal(data, aad, isLate);
		}
		case "open": {
			const { data, aad } = decodeSealed(body);
			return await key.open(data, aad, isLate);
		}
		case "check":
			return nothing;
	}
}

/** A real signature with every signing key, and a text sealed and opened. */
async function check({ keys, random }: ServeOptions, isLate: IsLate): Promise<Uint8Array> {
	await Promise.all([...keys].map(([role, key]) => checkKey(role, key, random, isLate)));
	return nothing;
}

/** The agent's protocol on a unix socket, over keys in memory: for commands that reach the agent by their configuration. */
import { createServer, type Socket } from "node:net";
import { FrameReader, frame } from "../../hsm/frames.ts";
import {
	decodeRequest,
	decodeSealed,
	decodeSign,
	decodeUnwrap,
	encodeResponse,
	type Request,
} from "../../hsm/protocol.ts";
import type { Keys, SigningRole } from "../../lib/ports.ts";

export interface SoftwareAgent {
	/** How often something was asked of it. */
	calls: Request["operation"][];
	leave(): Promise<void>;
}

export async function softwareAgent(path: string, keys: Keys): Promise<SoftwareAgent> {
	const calls: Request["operation"][] = [];
	const sockets = new Set<Socket>();
	const server = createServer((socket) => {
		sockets.add(socket);
		const reader = new FrameReader();
		socket.on("error", () => socket.destroy());
		socket.on("data", (chunk: Buffer) => {
			for (const bytes of reader.push(chunk)) {
				const request = decodeRequest(bytes);
				calls.push(request.operation);
				perform(request, keys).then(
					(body) => socket.write(frame(...encodeResponse({ id: request.id, status: "ok", body }))),
					(error: unknown) => {
						const body = Buffer.from(String(error));
						socket.write(frame(...encodeResponse({ id: request.id, status: "refused", body })));
					},
				);
			}
		});
	});
	await new Promise<void>((resolve) => server.listen(path, resolve));
	const leave = () => {
		for (const socket of sockets) socket.destroy();
		return new Promise<void>((resolve) => server.close(() => resolve()));
	};
	return { calls, leave };
}

async function perform({ role, operation, body }: Request, keys: Keys): Promise<Uint8Array> {
	if (operation === "sign") {
		const { hash, message } = decodeSign(body);
		return keys.sign(role as SigningRole, hash, message);
	}
	if (operation === "unwrap") {
		const { encryptedKey, keyLength } = decodeUnwrap(body);
		return keys.unwrap(encryptedKey, keyLength as 16, role === "raOld" ? "raOld" : "ra");
	}
	if (operation === "seal" || operation === "open") {
		const { data, aad } = decodeSealed(body);
		return keys[operation](data, Buffer.from(aad).toString("utf8"));
	}
	return new Uint8Array();
}

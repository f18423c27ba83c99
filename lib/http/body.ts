/** Reads a request's body: right media type, no encoding, never more than the limit. */
import { OtaError } from "../errors.ts";
import { BoundedBytes } from "./bounded-bytes.ts";

/** Device endpoints: 64 KiB. */
const maxBody = 65_536;

/** `media_type`, `too_large` or `malformed` (an empty body). `null` in `types` stands for no Content-Type at all. */
export async function readBody(request: Request, types: readonly (string | null)[]): Promise<Uint8Array> {
	const type = request.headers.get("content-type");
	const bare = type === null ? null : (type.split(";", 1)[0] ?? "").trim().toLowerCase();
	if (!types.includes(bare))
		throw new OtaError("media_type", `Content-Type ${JSON.stringify(type?.slice(0, 80) ?? null)}`);
	if (request.headers.has("content-encoding")) throw new OtaError("media_type", "Content-Encoding is not accepted");
	if (Number(request.headers.get("content-length") ?? 0) > maxBody) throw new OtaError("too_large", "Content-Length");
	const body = new BoundedBytes(maxBody);
	const reader = request.body?.getReader();
	for (let part = await next(reader); part && !part.done; part = await next(reader)) {
		if (body.push(part.value)) continue;
		await reader?.cancel();
		throw new OtaError("too_large", "body");
	}
	if (body.length === 0) throw new OtaError("malformed", "empty body");
	return body.bytes;
}

/** A caller that goes away in the middle is no fault of ours. */
async function next(reader: ReadableStreamDefaultReader<Uint8Array> | undefined) {
	try {
		return await reader?.read();
	} catch (cause) {
		throw new OtaError("malformed", "the body broke off", { cause });
	}
}

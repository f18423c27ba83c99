/** One request exactly as it is written: path and headers as they are, redirects left alone. */
import { request } from "node:http";

export interface Asked {
	method?: string;
	headers?: Readonly<Record<string, string>>;
	body?: string | Uint8Array;
}

export interface Answered {
	status: number;
	/** A header that came twice has its values joined by a comma. */
	headers: Headers;
	body: Buffer;
	ms: number;
}

/** @param origin where it connects to; `path` is sent unchanged */
export function ask(
	origin: string,
	path: string,
	{ method = "GET", headers = {}, body }: Asked = {},
): Promise<Answered> {
	const { hostname, port } = new URL(origin);
	const started = performance.now();
	return new Promise((resolve, reject) => {
		const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
		const sent = request({ hostname, port, path, method, headers: { ...length, ...headers } }, (response) => {
			const chunks: Buffer[] = [];
			response.on("data", (chunk: Buffer) => chunks.push(chunk));
			response.once("error", reject);
			response.once("end", () => {
				const fields = new Headers();
				const { rawHeaders, statusCode = 0 } = response;
				for (let at = 0; at < rawHeaders.length; at += 2)
					fields.append(String(rawHeaders[at]), String(rawHeaders[at + 1]));
				const ms = performance.now() - started;
				resolve({ status: statusCode, headers: fields, body: Buffer.concat(chunks), ms });
			});
		});
		sent.once("error", reject);
		sent.end(body);
	});
}

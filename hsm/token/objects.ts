/** Objects of a token: found by label and id with exactly one match, and their attributes read one by one. */
import pkcs11js from "pkcs11js";
import { OtaError } from "../../lib/errors.ts";
import type { Pkcs11Uri } from "../uri.ts";
import { asHsmError } from "./failure.ts";
import type { Pkcs11 } from "./module.ts";
import type { Handle } from "./slot.ts";

const { CKA_CLASS, CKA_ID, CKA_LABEL, CKA_TOKEN } = pkcs11js;

/** A session to look through; private objects are seen once the token is logged in. */
export interface Reader {
	pkcs11: Pkcs11;
	session: Handle;
}

/** Handles of all objects of this class (CKO_*) that bear the URI's label and id. */
export function findObjects(
	{ pkcs11, session }: Reader,
	objectClass: number,
	uri: Pick<Pkcs11Uri, "object" | "id">,
): Handle[] {
	const template: pkcs11js.Template = [
		{ type: CKA_CLASS, value: objectClass },
		{ type: CKA_TOKEN, value: true },
	];
	if (uri.object !== undefined) template.push({ type: CKA_LABEL, value: uri.object });
	if (uri.id !== undefined) template.push({ type: CKA_ID, value: Buffer.from(uri.id) });
	try {
		pkcs11.C_FindObjectsInit(session, template);
		try {
			return collect(pkcs11, session);
		} finally {
			pkcs11.C_FindObjectsFinal(session);
		}
	} catch (error) {
		throw asHsmError("C_FindObjects", error);
	}
}

function collect(pkcs11: Pkcs11, session: Handle): Handle[] {
	const found: Handle[] = [];
	for (let some = pkcs11.C_FindObjects(session, 64); some.length > 0; some = pkcs11.C_FindObjects(session, 64)) {
		found.push(...some);
	}
	return found;
}

/** The one object; `config` when there is none or more than one: a wrong key must never sign by accident. */
export function findObject(reader: Reader, objectClass: number, uri: Pick<Pkcs11Uri, "object" | "id">): Handle {
	const found = findObjects(reader, objectClass, uri);
	const [one] = found;
	if (one && found.length === 1) return one;
	throw new OtaError("config", one ? `${found.length} keys match; add id= to the URI` : "no such key on the token");
}

/** One attribute's octets, or undefined when the object has none (C_GetAttributeValue fails whole, so one at a time). */
export function readAttribute({ pkcs11, session }: Reader, object: Handle, type: number): Buffer | undefined {
	try {
		const value = pkcs11.C_GetAttributeValue(session, object, [{ type }])[0]?.value;
		return Buffer.isBuffer(value) ? value : undefined;
	} catch (error) {
		const failure = asHsmError("C_GetAttributeValue", error);
		if (failure.code === "hsm_unavailable") throw failure;
		return undefined;
	}
}

/** CK_BBOOL, or undefined when absent. */
export function readFlag(reader: Reader, object: Handle, type: number): boolean | undefined {
	const value = readAttribute(reader, object, type);
	return value === undefined || value.length === 0 ? undefined : value[0] !== 0;
}

/** CK_ULONG in the machine's width and order (little-endian on every platform Node runs PKCS#11 on). */
export function readNumber(reader: Reader, object: Handle, type: number): number | undefined {
	const value = readAttribute(reader, object, type);
	return value === undefined || value.length < 4 ? undefined : value.readUInt32LE(0);
}

export function readText(reader: Reader, object: Handle, type: number): string {
	return readAttribute(reader, object, type)?.toString("utf8") ?? "";
}

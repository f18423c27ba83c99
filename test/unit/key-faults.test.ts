/** What the audit of a key stops, what a token may leave otherwise, and what an imported key may have. */
import { createPublicKey } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { keyIdentity, stoppingFaults } from "../../bin/key-record.ts";
import type { AuditedRole, KeyDescription } from "../../hsm/index.ts";
import { newKeyPair } from "../device/key-pair.ts";

const good: KeyDescription["attributes"] = {
	CKA_TOKEN: true,
	CKA_PRIVATE: true,
	CKA_SENSITIVE: true,
	CKA_EXTRACTABLE: false,
	CKA_ALWAYS_SENSITIVE: true,
	CKA_NEVER_EXTRACTABLE: true,
	CKA_LOCAL: true,
	CKA_MODIFIABLE: false,
	CKA_SIGN: true,
	CKA_DECRYPT: false,
	CKA_WRAP: false,
	CKA_UNWRAP: false,
	CKA_DERIVE: false,
	CKA_SIGN_RECOVER: false,
};

/** Stopping faults without the label, and what was told. */
function faults(change: KeyDescription["attributes"], options: { isImported?: boolean; role?: AuditedRole } = {}) {
	const key = { label: "k", id: "01", class: "private", type: "rsa-2048", publicKey: null } as const;
	const told: string[] = [];
	const log = (line: string) => told.push(line);
	const stopping = stoppingFaults({ ...key, attributes: { ...good, ...change } }, options.role ?? "ca", {
		...options,
		log,
	});
	return { stopping, told };
}

describe("a key's faults", () => {
	it("are none of a key as provisioning makes it", () => {
		expect(faults({})).toEqual({ stopping: [], told: [] });
	});

	it.each([
		["CKA_EXTRACTABLE", true],
		["CKA_SENSITIVE", false],
		["CKA_SENSITIVE", undefined],
		["CKA_EXTRACTABLE", undefined],
		["CKA_SIGN", undefined],
		["CKA_ALWAYS_SENSITIVE", false],
		["CKA_NEVER_EXTRACTABLE", false],
		["CKA_LOCAL", false],
		["CKA_PRIVATE", false],
		["CKA_TOKEN", false],
		["CKA_DECRYPT", true],
		["CKA_UNWRAP", true],
		["CKA_DERIVE", true],
		["CKA_ALWAYS_AUTHENTICATE", true],
	] as const)("stop where %s is %s", (name, value) => {
		const { stopping } = faults({ [name]: value });
		const told = value === undefined ? "not told" : Number(value);
		expect(stopping).toEqual([expect.stringMatching(`^k: ${name} is ${told} where [01] is required$`)]);
	});

	it.each([
		["CKA_MODIFIABLE", true],
		["CKA_WRAP", true],
		["CKA_SIGN_RECOVER", true],
	] as const)("are told, and pass, where a token keeps its own %s", (name, value) => {
		const { stopping, told } = faults({ [name]: value });
		expect(stopping).toEqual([]);
		expect(told).toEqual([`Attention: k: ${name} is 1 where 0 is required`]);
	});

	it("pass in silence where a token does not tell what it need not", () => {
		const untold = { CKA_LOCAL: undefined, CKA_ALWAYS_SENSITIVE: undefined, CKA_MODIFIABLE: undefined };
		expect(faults(untold)).toEqual({ stopping: [], told: [] });
	});

	it("of an imported key may be those of its origin, and no others", () => {
		const origin = { CKA_LOCAL: false, CKA_ALWAYS_SENSITIVE: false, CKA_NEVER_EXTRACTABLE: false };
		expect(faults(origin, { isImported: true })).toMatchObject({ stopping: [], told: { length: 3 } });
		expect(faults(origin)).toMatchObject({ stopping: { length: 3 }, told: [] });
		const leaky = faults({ ...origin, CKA_EXTRACTABLE: true }, { isImported: true });
		expect(leaky.stopping).toEqual(["k: CKA_EXTRACTABLE is 1 where 0 is required"]);
	});
});

describe("a public key's identity", () => {
	it("of RSA is its modulus: with another exponent it is the same key", () => {
		const { publicKey } = newKeyPair("rsa", { modulusLength: 2048 });
		const jwk = publicKey.export({ format: "jwk" });
		const other = createPublicKey({ key: { ...jwk, e: "Aw" }, format: "jwk" });
		const identities = [publicKey, other].map((key) => keyIdentity(key.export({ format: "der", type: "spki" })));
		expect(identities[0]).toBe(identities[1]);
	});

	it("of EC is its point", () => {
		const keys = [1, 2].map(() => newKeyPair("ec", { namedCurve: "P-256" }).publicKey);
		const identities = keys.map((key) => keyIdentity(key.export({ format: "der", type: "spki" })));
		expect(identities[0]).not.toBe(identities[1]);
	});
});

import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { formatUri, parseUri } from "../../hsm/uri.ts";
import { selfSigned } from "../harness/certificate.ts";
import { type AgentOptions, makeKeys, makeToken, startAgent, type TestToken } from "../harness/token.ts";

let dir: string;
let token: TestToken;
let spkis: Record<"ca" | "ra" | "profile", Uint8Array>;
beforeAll(async () => {
	dir = await mkdtemp(join(tmpdir(), "ota-start-"));
	token = await makeToken(dir);
	spkis = await makeKeys(token);
});
afterAll(async () => {
	await rm(dir, { recursive: true, force: true });
});

/** The message of the refusal, whose code must be config. */
async function refusal(roles: AgentOptions["roles"]): Promise<string> {
	const outcome = await startAgent({ dir, token, roles }).then(
		(agent) => agent.stop().then(() => ({ code: "started", message: "" })),
		(error) => error,
	);
	expect(outcome.code).toBe("config");
	return outcome.message;
}

describe("the agent's start", () => {
	it("names every attribute of a weak key", async () => {
		await token.must({
			do: "raw",
			label: "weak",
			attributes: {
				CKA_SENSITIVE: false,
				CKA_EXTRACTABLE: true,
				CKA_DECRYPT: true,
				CKA_UNWRAP: true,
				CKA_DERIVE: true,
			},
		});
		const message = await refusal({ ca: { object: "weak" } });
		for (const fault of [
			"ca: CKA_SENSITIVE is 0 where 1 is required",
			"ca: CKA_EXTRACTABLE is 1 where 0 is required",
			"ca: CKA_ALWAYS_SENSITIVE is 0 where 1 is required",
			"ca: CKA_NEVER_EXTRACTABLE is 0 where 1 is required",
			"ca: CKA_DECRYPT is 1 where 0 is required",
			"ca: CKA_UNWRAP is 1 where 0 is required",
			"ca: CKA_DERIVE is 1 where 0 is required",
		]) {
			expect(message).toContain(fault);
		}
	});

	it("refuses a CA key that decrypts, an RA key that does not, and a signing key in the seal's place", async () => {
		expect(await refusal({ ca: { object: "ra" } })).toContain("ca: CKA_DECRYPT is 1");
		expect(await refusal({ ra: { object: "ca" } })).toContain("ra: CKA_DECRYPT is 0");
		expect(await refusal({ seal: { object: "ca" } })).toContain("seal: CKA_DECRYPT is 0");
	});

	it("refuses one key in two roles", async () => {
		expect(await refusal({ ca: {}, profile: { object: "ca" } })).toContain("ca, profile: one key in two roles");
	});

	it("refuses one key in two roles also where its name, or its library's, is another", async () => {
		// The same pair twice, as an import or a backup leaves it: two objects, one key.
		const never = { CKA_EXTRACTABLE: false, CKA_DECRYPT: false, CKA_UNWRAP: false, CKA_DERIVE: false };
		await token.must({ do: "raw", label: "twice", attributes: { CKA_SENSITIVE: true, ...never } });
		await token.must({ do: "copy", label: "copy", of: "twice" });
		const link = join(dir, "linked.so");
		await symlink(token.modulePath, link);
		expect(await refusal({ ca: { object: "twice" }, profile: { object: "copy" } })).toContain(
			"ca, profile: one key in two roles",
		);
		const linked = formatUri({ ...parseUri(token.uri("ca")), modulePath: link });
		expect(await refusal({ ca: {}, profile: { uri: linked } })).toContain("ca, profile: one key in two roles");
	});

	it("opens a library once under all of its names", async () => {
		const link = join(dir, "link.so");
		await symlink(token.modulePath, link);
		const linked = formatUri({ ...parseUri(token.uri("profile")), modulePath: link });
		const agent = await startAgent({ dir, token, roles: { ra: {}, profile: { uri: linked } } });
		await agent.keys.check();
		expect(agent.log()).not.toContain(link);
		await agent.stop();
	});

	it("refuses another seal key than the one of the start before", async () => {
		const memory = join(dir, "memory");
		const first = await startAgent({ dir, token, roles: { seal: {} }, memory });
		const sealed = await first.keys.seal(Buffer.from("secret"), "a|b|c|1");
		await first.stop();
		await token.must({ do: "seal", label: "seal-2" });
		await expect(startAgent({ dir, token, roles: { seal: { object: "seal-2" } }, memory })).rejects.toMatchObject({
			code: "config",
			message: expect.stringContaining("it is another seal key"),
		});
		const again = await startAgent({ dir, token, roles: { seal: {} }, memory });
		expect(Buffer.from(await again.keys.open(sealed, "a|b|c|1")).toString()).toBe("secret");
		await again.stop();
	});

	it("refuses a certificate of another key, and bytes that are none", async () => {
		const certificate = await selfSigned(token, "profile", spkis.profile);
		expect(await refusal({ ca: { certificate } })).toContain("its signature does not verify with its certificate");
		expect(await refusal({ ra: { certificate } })).toContain("ra: its signature does not verify with its certificate");
		expect(await refusal({ ca: { certificate: Uint8Array.of(48, 0) } })).toContain("not a DER certificate");
	});

	it("tells all faults at once", async () => {
		const message = await refusal({
			ca: { uri: "pkcs11:tokn=x" },
			ra: { object: "absent" },
			profile: { uri: "pkcs11:token=ota;object=profile?module-path=/nowhere/lib.so" },
			seal: { uri: formatUri({ ...parseUri(token.uri("seal")), token: "elsewhere" }) },
		});
		expect(message).toContain("4 fault(s)");
		expect(message).toContain("ca: PKCS#11 URI: path attribute tokn");
		expect(message).toContain("ra: no such key on the token");
		expect(message).toContain("profile: module-path /nowhere/lib.so cannot be loaded");
		expect(message).toContain("no such token");
	});

	it("sends a refused PIN once for all roles of a token, and never shows it", async () => {
		const pinFile = join(dir, "wrong-pin");
		await writeFile(pinFile, "not-the-pin\n");
		const uri = (object: string) => formatUri({ ...parseUri(token.uri(object)), pinFile });
		const message = await refusal({ ca: { uri: uri("ca") }, ra: { uri: uri("ra") }, profile: { uri: uri("profile") } });
		expect(message).toContain("1 fault(s)");
		expect(message).toContain("ca, ra, profile: token ota refused the PIN (C_Login: CKR_PIN_INCORRECT (0xa0))");
		expect(message).not.toContain("not-the-pin");
	});

	it("names a PIN file that is missing or empty, and no role at all", async () => {
		await writeFile(join(dir, "empty-pin"), "\n");
		const uri = (pinFile: string) => formatUri({ ...parseUri(token.uri("ca")), pinFile });
		expect(await refusal({ ca: { uri: uri("/nowhere/pin") } })).toContain("PIN file /nowhere/pin cannot be read");
		expect(await refusal({ ca: { uri: uri(join(dir, "empty-pin")) } })).toContain("is empty");
		expect(await refusal({ ca: { uri: formatUri({ ...parseUri(token.uri("ca")), pinFile: undefined }) } })).toContain(
			"pin-source is missing",
		);
		expect(await refusal({})).toContain("no role has a key");
	});
});

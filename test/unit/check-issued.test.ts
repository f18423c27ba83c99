/** What `ota check-issued` finds: each fault of a stored certificate, of a set of them, and of a revocation list. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { run } from "../../bin/commands/check-issued.ts";
import { type IssuedRules, judgeStored } from "../../lib/ca/check-issued.ts";
import { judgeList } from "../../lib/ca/check-issued-list.ts";
import { IssuedSet } from "../../lib/ca/check-issued-set.ts";
import type { X509 } from "../../lib/cms/certificate.ts";
import { makeRevocation } from "../../lib/enroll/revocation.ts";
import type { Certificate, Enrollment, RevocationList, Store } from "../../lib/ports.ts";
import { memoryStore } from "../../lib/store/memory.ts";
import { revocation } from "../contract/store-exchange.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { silent } from "../harness/database.ts";
import { caOf, enroll } from "../harness/issued.ts";
import { type OperatorDesk, operatorDesk } from "../harness/operator-desk.ts";
import { type SoftwareKeys, softwareKeys } from "../harness/software-keys.ts";

let keys: SoftwareKeys;
let other: SoftwareKeys;
let ca: X509;
let rules: IssuedRules;
beforeAll(async () => {
	[keys, other] = await Promise.all([softwareKeys(), softwareKeys()]);
	ca = caOf(keys);
	rules = { issuers: new Map([[ca.publicKeyHash, ca]]), forbidden: new Set(), now: new Date() };
});

/** A server's lists, made now. */
const listsOf = (store: Store, of: SoftwareKeys, now = () => new Date()) => {
	const cas = [{ certificate: caOf(of), role: "ca" as const }];
	return makeRevocation({ store, keys: of.keys, clock: now, log: silent, cas, responders: new Map() });
};

describe("a stored certificate", () => {
	const later = new Date(Date.now() + 1);
	let row: Certificate;
	let foreign: Uint8Array;
	let enrollment: Enrollment;
	beforeAll(async () => {
		const store = memoryStore();
		const { reserved } = await enroll(store, keys, "alice");
		foreign = (await enroll(store, other, "bob")).der;
		const found = await store.findCertificate(reserved.serialNumber);
		if (!found) throw new Error("it is stored");
		({ certificate: row, enrollment } = found);
	});
	const judged = (more: Partial<Certificate>, of: Partial<Enrollment> = {}, more2: Partial<IssuedRules> = {}) =>
		judgeStored({ ...row, ...more }, { ...enrollment, ...of }, { ...rules, ...more2 });
	const faults = (more: Partial<Certificate>, of: Partial<Enrollment> = {}, more2: Partial<IssuedRules> = {}) =>
		judged(more, of, more2).map(({ kind, words }) => `${kind}: ${words}`);
	/** The signed octets with one bit of the signature changed. */
	const bent = () => {
		const der = Uint8Array.from(row.der ?? []);
		der[der.length - 1] = (der[der.length - 1] as number) ^ 1;
		return der;
	};

	it("as it was issued is well, and so is each state in its turn", () => {
		expect(judged({})).toEqual([]);
		const unsigned = { der: null, issuedAt: null };
		expect(judged({ ...unsigned, state: "reserved" })).toEqual([]);
		expect(judged({ state: "revoked", revokedAt: later, revocationReason: 4 })).toEqual([]);
		expect(judged({ ...unsigned, state: "abandoned", revokedAt: later })).toEqual([]);
	});

	it.each<[string, () => Partial<Certificate>, RegExp]>([
		["issued without its octets", () => ({ der: null }), /^fault: it is issued without der$/],
		["issued without a time", () => ({ issuedAt: null }), /^fault: it is issued without issuedAt$/],
		["issued with a time of revocation", () => ({ revokedAt: later }), /^fault: it is issued with revokedAt$/],
		["revoked without a time", () => ({ state: "revoked", revocationReason: 1 }), /it is revoked without revokedAt$/],
		["revoked without a reason", () => ({ state: "revoked", revokedAt: later }), /revoked without revocationReason$/],
		[
			"revoked for a reason on no list",
			() => ({ state: "revoked", revokedAt: later, revocationReason: 6 }),
			/CRLReason 6$/,
		],
		["reserved with its octets", () => ({ state: "reserved", issuedAt: null }), /it is reserved with der$/],
		[
			"abandoned without a time",
			() => ({ state: "abandoned", der: null, issuedAt: null }),
			/abandoned without revokedAt$/,
		],
		[
			"used before it was issued",
			() => ({ state: "reserved", der: null, issuedAt: null, usedAt: later }),
			/it was used before/,
		],
		["with a signature that was bent", () => ({ der: bent() }), /^fault: its signature is not its issuing CA's$/],
		["with another CA's signature", () => ({ der: foreign }), /its signature is not its issuing CA's$/],
		["with other octets than reserved", () => ({ der: foreign }), /what was signed is not what was reserved$/],
		["with octets that are none", () => ({ der: new Uint8Array(3) }), /^fault: cannot be read: /],
		["with an octet too many", () => ({ der: Uint8Array.from([...(row.der ?? []), 0]) }), /^fault: cannot be read: /],
		[
			"without reserved octets",
			() => ({ tbs: new Uint8Array() }),
			/what was signed is not what was reserved|cannot be read/,
		],
		["under another serial number", () => ({ serialNumber: "4a" }), /^fault: its serial number is [0-9a-f]{32}$/],
		["with another beginning", () => ({ notBefore: later }), /^fault: its notBefore is 2/],
		["with another end", () => ({ notAfter: new Date("2100-01-01") }), /^fault: its notAfter is 2/],
		["with another key", () => ({ publicKeyHash: "ab" }), /^fault: its key is another$/],
		[
			"of an issuing CA that nobody knows",
			() => ({ issuerKeyHash: "cd".repeat(32) }),
			/CA is not configured \(cdcdcdcdcdcdcdcd\)$/,
		],
		["of no issuing CA", () => ({ issuerKeyHash: "" }), /not configured \(none\)$/],
		["that renews by another challenge", () => ({ renews: "4a" }), /its challenge is not that of/],
		[
			"that renews nothing by a renewal's challenge",
			() => ({ challengeHash: "renewal:4a" }),
			/its challenge is not that of/,
		],
	])("%s is a fault", (_, change, expected) => {
		const found = faults(change());
		expect(found.filter((words) => expected.test(words))).toHaveLength(1);
	});

	it("is told once, when one thing is wrong", () => {
		expect(faults({ der: bent() })).toEqual(["fault: its signature is not its issuing CA's"]);
		expect(faults({ notBefore: later })).toHaveLength(1);
	});

	it("names the issuer that it was issued by", () => {
		const issuers = new Map([[ca.publicKeyHash, caOf(other)]]);
		expect(faults({}, {}, { issuers })).toContain("fault: its signature is not its issuing CA's");
	});

	it("over a key that may not be certified is a fault", () => {
		const forbidden = new Set([row.publicKeyHash]);
		expect(faults({}, {}, { forbidden })).toEqual([
			"fault: its key may not be certified: public key: it is one of this server's own, or denied",
		]);
	});

	it.each<[string, Partial<Certificate>, Partial<Enrollment>, RegExp]>([
		["identity of a machine's enrollment", {}, { state: "minted" }, /^fault: a machine's enrollment has no identity$/],
		["certificate of a cancelled enrollment", {}, { state: "cancelled" }, /its enrollment cancelled$/],
		["identity that nobody was told of", {}, { state: "identified" }, /no further than identified$/],
	])("an issued %s is a fault", (_, more, of, expected) => {
		expect(faults(more, of)).toEqual([expect.stringMatching(expected)]);
	});

	it("that fails a lint is told apart, while it counts", () => {
		const elsewhere = caOf(other);
		const issuers = new Map([
			[ca.publicKeyHash, { ...elsewhere, subject: ca.subject, publicKey: ca.publicKey } as X509],
		]);
		const kinds = judged({}, {}, { issuers }).map(({ kind, words }) => `${kind} ${words}`);
		expect(kinds.some((words) => words.startsWith("lint "))).toBe(true);
		const revoked = { state: "revoked" as const, revokedAt: later, revocationReason: 4 };
		expect(judged(revoked, {}, { issuers }).filter(({ kind }) => kind === "lint")).toEqual([]);
		const after = new Date(row.notAfter.getTime() + 1);
		expect(judged({}, {}, { issuers, now: after }).filter(({ kind }) => kind === "lint")).toEqual([]);
	});

	describe("among others", () => {
		const of = (serialNumber: string, more: Partial<Certificate> = {}): Certificate => {
			return {
				...row,
				serialNumber,
				publicKeyHash: `key ${serialNumber}`,
				challengeHash: `of ${serialNumber}`,
				...more,
			};
		};
		const told = (...rows: Certificate[]) => {
			const set = new IssuedSet();
			return [...rows.flatMap((each) => set.add(each)), ...set.end()];
		};

		it("is well with its renewals, of the same key as well", () => {
			const first = { renews: "0a", publicKeyHash: "key 0a", keyGeneration: 1 };
			const second = { renews: "0b", publicKeyHash: "key 0a", keyGeneration: 2 };
			expect(told(of("0a"), of("0b", first), of("0c", second), of("0d"))).toEqual([]);
		});
		it("with the key and generation of another is a fault", () => {
			const found = told(of("0a"), of("0b", { publicKeyHash: "key 0a" }));
			expect(found).toEqual([{ serialNumber: "0b", words: "has the key and generation of 0a" }]);
		});
		it("with the challenge of another is a fault", () => {
			const found = told(of("0a"), of("0b", { challengeHash: "of 0a" }));
			expect(found).toEqual([{ serialNumber: "0b", words: "was paid for by the challenge of 0a" }]);
		});
		it("as one of two live successors is a fault", () => {
			const found = told(of("0a"), of("0b", { renews: "0a" }), of("0c", { renews: "0a" }));
			expect(found).toEqual([{ serialNumber: "0c", words: "is a successor beside 0b" }]);
			expect(told(of("0a"), of("0b", { renews: "0a", state: "abandoned" }), of("0c", { renews: "0a" }))).toEqual([]);
		});
		it("that renews what is not there is a fault, in whatever order", () => {
			expect(told(of("0a", { renews: "0b" }), of("0b"))).toEqual([]);
			expect(told(of("0a", { renews: "0c" }))).toEqual([
				{ serialNumber: "0a", words: "renews 0c, which is not there" },
			]);
		});
	});
});

describe("a stored revocation list", () => {
	let stored: RevocationList;
	let revoked: { serialNumber: string; revokedAt: Date; reason: number | null }[];
	const longAgo = new Date(Date.now() - 3_600_000);
	beforeAll(async () => {
		const store = memoryStore();
		const [first, second] = [await enroll(store, keys, "one"), await enroll(store, keys, "two", "reserved")];
		await store.revoke(revocation({ serialNumber: first.reserved.serialNumber }, longAgo, 1));
		await store.revoke(revocation({ serialNumber: second.reserved.serialNumber }, longAgo, 4));
		stored = (await listsOf(store, keys).list(ca.publicKeyHash)) as RevocationList;
		revoked = await store.listRevoked(ca.publicKeyHash, new Date());
	});
	const nothing = { faults: [], unknown: [], later: 0 };

	it("with everything that was revoked or abandoned is well", () => {
		expect(revoked).toHaveLength(2);
		expect(judgeList(stored, ca, revoked)).toEqual(nothing);
	});
	it("that lacks one is a fault", () => {
		const judged = judgeList(stored, ca, [...revoked, { serialNumber: "0a", revokedAt: longAgo, reason: 1 }]);
		expect(judged).toEqual({ ...nothing, faults: [`lacks 0a, revoked at ${longAgo.toISOString()}`] });
	});
	it("that lacks one revoked since then is well", () => {
		const since = { serialNumber: "0a", revokedAt: new Date(), reason: 1 };
		expect(judgeList(stored, ca, [...revoked, since])).toEqual({ ...nothing, later: 1 });
	});
	it("names what is on it and was not revoked", () => {
		const [first, second] = revoked;
		expect(judgeList(stored, ca, [first as (typeof revoked)[0]]).unknown).toEqual([second?.serialNumber]);
	});
	it.each<[string, () => Parameters<typeof judgeList>, RegExp]>([
		["another number", () => [{ ...stored, number: stored.number + 1 }, ca, revoked], /^has another number$/],
		["another thisUpdate", () => [{ ...stored, thisUpdate: longAgo }, ca, revoked], /^has another thisUpdate$/],
		["another nextUpdate", () => [{ ...stored, nextUpdate: longAgo }, ca, revoked], /^has another nextUpdate$/],
		[
			"another date",
			() => [stored, ca, revoked.map((each) => ({ ...each, revokedAt: new Date(0) }))],
			/^has another date for /,
		],
		["another reason", () => [stored, ca, revoked.map((each) => ({ ...each, reason: 9 }))], /^has another reason for /],
		["another issuer", () => [stored, caOf(other), revoked], /^does not verify: /],
		["octets that are none", () => [{ ...stored, der: new Uint8Array(9) }, ca, revoked], /^does not verify: /],
	])("with %s is a fault", (_, make, expected) => {
		const { faults } = judgeList(...make());
		expect(faults.length).toBeGreaterThan(0);
		for (const words of faults) expect(words).toMatch(expected);
	});
	it("whose signature was bent is a fault", () => {
		const der = Uint8Array.from(stored.der);
		der[der.length - 1] = (der[der.length - 1] as number) ^ 1;
		expect(judgeList({ ...stored, der }, ca, revoked).faults).toEqual([expect.stringContaining("does not verify")]);
	});
});

describe("ota check-issued", () => {
	let desk: OperatorDesk;
	const type = (...args: string[]) => desk.type(run, ...args);
	beforeEach(async () => {
		desk = await operatorDesk();
	});
	afterEach(() => desk.leave());

	it.each([[["all"]], [["--fast"]]])("answers 2 and its usage to %j", async (args) => {
		const { code, err } = await type(...args);
		expect(code).toBe(2);
		expect(err).toContain("usage: ota check-issued");
	});

	it("answers 0 and prints nothing when nothing is wrong, with an empty database as well", async () => {
		expect(await type()).toMatchObject({ code: 0, out: "" });
		const { store } = desk;
		await enroll(store, desk.keys, "alice");
		const { serialNumber } = (await enroll(store, desk.keys, "bob")).reserved;
		await store.revoke(revocation({ serialNumber }, new Date(Date.now() - 3_600_000)));
		await listsOf(store, desk.keys).list(caOf(desk.keys).publicKeyHash);
		const { code, out, err } = await type();
		expect({ code, out }).toEqual({ code: 0, out: "" });
		expect(err).toBe("2 certificates and 1 revocation lists: nothing is wrong.\n");
		const told = JSON.parse((await type("--json")).out) as Record<string, unknown>;
		expect(told).toMatchObject({ ok: true, certificates: 2, findings: [], lists: [{ later: 0 }] });
	});

	it("answers 1 and names serial number and fault of each", async () => {
		const good = await enroll(desk.store, desk.keys, "alice");
		const { serialNumber } = (await enroll(desk.store, other, "mallory")).reserved;
		const { code, out, err } = await type();
		expect(code).toBe(1);
		expect(out).toBe(
			`${serialNumber}  fault  its issuing CA is not configured (${caOf(other).publicKeyHash.slice(0, 16)})\n`,
		);
		expect(err).toContain("2 certificates and 0 revocation lists: 1 findings.");
		const told = JSON.parse((await type("--json")).out) as { ok: boolean; findings: { serialNumber: string }[] };
		expect(told.ok).toBe(false);
		expect(told.findings.map((each) => each.serialNumber)).toEqual([serialNumber]);
		expect(out).not.toContain(good.reserved.serialNumber);
	});

	it("knows the issuing CA before", async () => {
		const { publicKey } = newKeyPair("rsa", { modulusLength: 2048 });
		await enroll(desk.store, other, "former", "issued", publicKey);
		const former = { OTA_CA_OLD_CERT: other.authorities.ca };
		expect(await desk.typeWith(former, run)).toMatchObject({ code: 0, out: "" });
	});

	it("finds that a list lacks what was revoked", async () => {
		const { store, keys: own } = desk;
		const { serialNumber } = (await enroll(store, own, "alice")).reserved;
		await listsOf(store, own).list(caOf(own).publicKeyHash);
		await store.revoke(revocation({ serialNumber }, new Date(Date.now() - 3_600_000)));
		const { code, out } = await type();
		expect(code).toBe(1);
		expect(out).toMatch(
			new RegExp(`^list ${caOf(own).publicKeyHash.slice(0, 16)} {2}fault {2}lacks ${serialNumber}, revoked`),
		);
	});

	it("answers 2 without the issuing CA's certificate", async () => {
		const { code, err } = await desk.typeWith(
			{ DATABASE_URL: `file:${desk.folder}/ota.db`, OTA_DATA_DIR: "elsewhere" },
			run,
		);
		expect(code).toBe(2);
		expect(err).toContain("OTA_CA_CERT");
	});
});

/**
 * The readers under generated input, seeded: bent messages of ours and of the corpora, and BER from nowhere. Only OtaError
 * comes out, soon, and nothing is allocated because a length field says so. A few seconds here; longer by `npm run fuzz`.
 */
import { sign } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { readDeviceAttributes } from "../../lib/apple/attributes.ts";
import { readPlist } from "../../lib/apple/plist-reader.ts";
import { buildTbsCertList, signCertList } from "../../lib/ca/crl.ts";
import { readCertificateList } from "../../lib/ca/crl-reading.ts";
import { revocationOf, verifyCertificateList } from "../../lib/ca/crl-verify.ts";
import { readCertificationRequest } from "../../lib/ca/csr.ts";
import { namesFromCsr } from "../../lib/ca/csr-names.ts";
import { acceptPublicKey } from "../../lib/ca/key-policy.ts";
import { keyHashOf } from "../../lib/ca/ocsp-cert-id.ts";
import { readOcspResponse } from "../../lib/ca/ocsp-reading.ts";
import { readOcspRequest } from "../../lib/ca/ocsp-request.ts";
import { buildResponseData, signOcspResponse } from "../../lib/ca/ocsp-response.ts";
import { verifyOcspResponse } from "../../lib/ca/ocsp-verify.ts";
import { readCertificate, readTbsCertificate, type TbsCertificate } from "../../lib/cms/certificate.ts";
import { chainFaults } from "../../lib/cms/chain.ts";
import { readEnvelopedData } from "../../lib/cms/enveloped-data.ts";
import { readSignedData } from "../../lib/cms/signed-data.ts";
import { commonNames } from "../../lib/der/name.ts";
import { readDer } from "../../lib/der/reader.ts";
import * as der from "../../lib/der/writer.ts";
import { OtaError } from "../../lib/errors.ts";
import { readSchemaFile } from "../../lib/profile/catalogue/schema-file.ts";
import { readIssuerAndSerial } from "../../lib/scep/issuer-and-serial.ts";
import { readPkiMessage } from "../../lib/scep/message.ts";
import {
	ber,
	buildCertificate,
	buildCsr,
	buildDeviceResponse,
	buildPkcsReq,
	issuerAndSerial,
	knownAttributes,
	selfSignedSigner,
} from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import { Seeded } from "../harness/seeded.ts";
import { all, encode, parseTlv, type Tlv } from "../harness/tlv-tree.ts";
import { plain } from "../harness/to-be-signed.ts";
import { burdens, fileCodes, fileInput, fileReaders, fileSeeds } from "./people-files.ts";

const seconds = Number(process.env.OTA_FUZZ_SECONDS ?? 4);
const seed = Number(process.env.OTA_FUZZ_SEED ?? 20_261_122);
const isLong = process.env.OTA_FUZZ_SECONDS !== undefined;

function readAll(certificate: TbsCertificate): void {
	const { serialNumber, keyUsage, basicConstraints, extendedKeyUsage, publicKey } = certificate;
	const { subjectKeyIdentifier, authorityKeyIdentifier, subject } = certificate;
	void [serialNumber, keyUsage, basicConstraints, extendedKeyUsage, publicKey];
	void [subjectKeyIdentifier, authorityKeyIdentifier, commonNames(subject)];
}

/** Everything that hostile octets reach. */
const readers: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
	readDer,
	"readDer, BER": (bytes) => readDer(bytes, { ber: true }).hasIndefinite,
	readSignedData: (bytes) => readSignedData(bytes).verify(["sha1", "sha256", "sha384", "sha512"]),
	readPkiMessage: (bytes) => readPkiMessage(bytes).verify(["sha256", "sha384", "sha512"]),
	readEnvelopedData,
	readIssuerAndSerial,
	readCertificate: (bytes) => {
		const certificate = readCertificate(bytes);
		const rules = { at: null, digests: ["sha256"], rsaBits: 1024, usage: [0], purpose: null } as const;
		chainFaults([certificate], certificate, rules);
		readAll(certificate);
	},
	readTbsCertificate: (bytes) => readAll(readTbsCertificate(bytes)),
	readCertificationRequest: (bytes) => {
		const csr = readCertificationRequest(bytes);
		for (const read of [
			() => csr.challengePassword(),
			() => acceptPublicKey(csr.publicKeyInfo, new Set()),
			() => namesFromCsr(csr, [ca]),
		]) {
			try {
				read();
			} catch (error) {
				if (!(error instanceof OtaError)) throw error;
			}
		}
		csr.verifyPossession();
	},
	readCertificateList: (bytes) => {
		const list = readCertificateList(bytes);
		verifyCertificateList(list, ca, dates.notBefore, { digests: ["sha1", "sha256"] });
		revocationOf(ca, list);
	},
	readOcspRequest,
	readOcspResponse: (bytes) => {
		const { basic } = readOcspResponse(bytes);
		if (basic) verifyOcspResponse(basic, { serialNumber: "05", issuer: ca, now: dates.notBefore });
	},
	readPlist: (bytes) => readDeviceAttributes(readPlist(bytes)),
};

const key = newKeyPair("rsa", { modulusLength: 2048 }).privateKey;
const dates = { notBefore: new Date("2026-01-01"), notAfter: new Date("2036-01-01") };
const certificate = buildCertificate({
	subject: [["CN", "x"]],
	key,
	keyUsage: [0],
	extKeyUsage: ["1.2.3"],
	ca: {},
	...dates,
});
const ca = readCertificate(certificate);
const signs = async (hash: string, message: Uint8Array): Promise<Uint8Array> => sign(hash, message, key);
const identity = { ...selfSignedSigner(key), chain: [certificate] };
const attributes = knownAttributes("mac", "00008110-000A1B2C3D4E801E", "C02XXXXXXXXX");
const challenge = "a1".repeat(32);

/** Good ones of every kind, and those of the corpora where they are at hand. */
const seeds: readonly Uint8Array[] = [
	buildDeviceResponse({ identity, attributes, challenge }),
	buildDeviceResponse({ identity, attributes, challenge, signedData: { encoding: "der" } }),
	buildPkcsReq({ key, challenge, recipients: [certificate] }).message,
	buildPkcsReq({ key, challenge, recipients: [certificate], encoding: "der" }).message,
	buildCsr({ key, challenge, subjectAltName: { rfc822Name: "a@example.com" } }),
	issuerAndSerial(certificate),
	certificate,
	await revocationList(),
	...(await ocspMessages()),
	...corpus("boringssl/pki/crl_unittest", 11),
	...corpus("boringssl/pki/ocsp_unittest", 6),
	...corpus("openssl-fuzz/cms", 7),
	...corpus("pyca/x509/custom", 3),
	...corpus("scep/micromdm", 1),
];

async function revocationList(): Promise<Uint8Array> {
	const entries = [4, null].map((reason, at) => ({ serialNumber: `0${at + 1}`, revokedAt: dates.notBefore, reason }));
	const times = { thisUpdate: dates.notBefore, nextUpdate: dates.notAfter };
	return signCertList(buildTbsCertList({ ca, entries, number: 7, ...times }), ca, signs);
}

/** A request with a nonce, and the answer to it. */
async function ocspMessages(): Promise<Uint8Array[]> {
	const digest = der.algorithmIdentifier("1.3.14.3.2.26", der.nullValue());
	const hash = der.octetString(Buffer.alloc(20, 1));
	const certID = der.sequenceOf(digest, hash, hash, der.integer(5));
	const nonce = Buffer.alloc(32, 2);
	const extensions = der.sequenceOf(plain("1.3.6.1.5.5.7.48.1.2", der.octetString(nonce)));
	const list = der.sequenceOf(der.sequenceOf(certID));
	const request = der.sequenceOf(der.sequenceOf(list, der.contextOf(2, extensions)));
	const certStatus = { status: "revoked", revokedAt: dates.notBefore, reason: 1 } as const;
	const single = { certID, certStatus, thisUpdate: dates.notBefore, nextUpdate: dates.notAfter };
	const responderKeyHash = Buffer.from(keyHashOf("sha1", ca), "hex");
	const data = { responderKeyHash, producedAt: dates.notBefore, responses: [single], nonce };
	return [request, await signOcspResponse(buildResponseData(data), ca, signs)];
}

const plists: readonly Uint8Array[] = [plistOf({ ...attributes, CHALLENGE: challenge }), ...corpus("plist/cpython", 1)];

function plistOf(values: Record<string, unknown>): Uint8Array {
	const entries = Object.entries(values).map(([name, value]) => `<key>${name}</key><string>${value}</string>`);
	const doctype =
		'<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">';
	return Buffer.from(
		`<?xml version="1.0" encoding="UTF-8"?>${doctype}<plist version="1.0"><dict>${entries.join("")}</dict></plist>`,
	);
}

/** Every so many-th file of a corpus; PEM as DER. */
function corpus(folder: string, step: number): Uint8Array[] {
	const path = join(
		resolve(process.env.OTA_TEST_VECTORS || resolve(import.meta.dirname, "../../../shared/corpora")),
		folder,
	);
	if (!existsSync(path)) return [];
	const files = readdirSync(path, { withFileTypes: true }).filter((file) => file.isFile());
	const chosen = files.filter((_, at) => at % step === 0).map(({ name }) => readFileSync(join(path, name)));
	return chosen.map((bytes) => {
		const [, base64] = /-----BEGIN[^-]+-----([^-]+)-----END/.exec(bytes.toString("latin1")) ?? [];
		return base64 ? Buffer.from(base64, "base64") : bytes;
	});
}

/** What may be done to octets. */
const bends: readonly ((bytes: Uint8Array, random: Seeded) => Uint8Array)[] = [
	(bytes, random) => bytes.map((octet) => (random.next() < 0.01 ? octet ^ (1 << random.below(8)) : octet)),
	(bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
	(bytes, random) => bytes.with(random.below(bytes.length), random.pick([0, 0x7f, 0x80, 0x84, 0xff, 0x30, 0x24, 0xa0])),
	(bytes, random) => spliced(bytes, random, random.bytes(random.below(16))),
	(bytes, random) => spliced(bytes, random, random.pick(seeds).subarray(0, random.below(400))),
	(bytes, random) => spliced(bytes, random, Buffer.from(random.pick(lengths), "hex")),
	rearranged,
];
/** Headers that promise more than there is. */
const lengths = [
	"3084ffffffff",
	"0484ffffffff",
	"30887fffffffffffffff",
	"2480",
	"3080",
	"a080",
	"0283ffffff",
	"0382ffff00",
	"1f8fffffff7f00",
];
const spaces = [
	"<",
	"&",
	"&#x110000;",
	"&#0;",
	"]]>",
	"<!--",
	"<![CDATA[",
	"<!ENTITY",
	"</dict>",
	"<dict>",
	"<array>",
	"<data>",
	"<key>",
	"\r",
	"\u0000",
	"\ud800",
	"<integer>",
];

function spliced(bytes: Uint8Array, random: Seeded, inserted: Uint8Array): Uint8Array {
	const at = random.below(bytes.length + 1);
	const left = random.next() < 0.5 ? at : Math.min(bytes.length, at + inserted.length);
	return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(left)]);
}

/** TLVs dropped, doubled, or exchanged with others anywhere, with good lengths around them. */
function rearranged(bytes: Uint8Array, random: Seeded): Uint8Array {
	let root: Tlv;
	try {
		root = parseTlv(bytes);
		if (root.end !== bytes.length) return bytes;
	} catch {
		return bytes;
	}
	const nodes = [...all(root)];
	const [victim, other] = [random.pick(nodes), random.pick(nodes)];
	const isAround = other.start <= victim.start && victim.end <= other.end;
	const how = random.below(isAround ? 2 : 3);
	const bent = encode(bytes, root, ({ children }) => {
		if (!children?.includes(victim)) return children;
		return children.flatMap((child) =>
			child !== victim ? [child] : how === 0 ? [] : how === 1 ? [child, child] : [other],
		);
	});
	return bent.length > 200_000 ? bytes : bent;
}

/** BER from nowhere: mostly well formed, of any types. */
function anything(random: Seeded, depth = 0): Uint8Array {
	const identifier =
		random.next() < 0.8
			? random.pick([1, 2, 3, 4, 5, 6, 10, 12, 19, 22, 23, 24, 30, 0x30, 0x31, 0xa0, 0xa3, 0x24])
			: random.below(256);
	if ((identifier & 0x20) === 0 || depth > 6) return ber.tlv(identifier, random.bytes(random.below(12)));
	const children = Array.from({ length: random.below(6) }, () => anything(random, depth + 1));
	return random.next() < 0.2 ? ber.indefinite(identifier, children) : ber.tlv(identifier, ber.concat(children));
}

/** A property list with text of its kind put in or taken out. */
function bentPlist(random: Seeded): Uint8Array {
	const text = Buffer.from(random.pick(plists)).toString("latin1");
	const at = random.below(text.length);
	const end = at + random.below(random.next() < 0.5 ? 3 : 60);
	return Buffer.from(text.slice(0, at) + random.pick(spaces).repeat(1 + random.below(3)) + text.slice(end), "latin1");
}

function input(random: Seeded): Uint8Array {
	const kind = random.next();
	if (kind < 0.1) return random.bytes(random.below(300));
	if (kind < 0.3) return anything(random);
	if (kind < 0.45) return bentPlist(random);
	let bytes: Uint8Array = random.pick(seeds);
	for (let times = random.below(3); times >= 0; times--)
		if (bytes.length > 0) bytes = random.pick(bends)(bytes, random);
	return bytes;
}

/** The milliseconds that a reader needs; anything but an OtaError is told with the input. */
function time(name: string, read: (bytes: Uint8Array) => unknown, bytes: Uint8Array): number {
	const begin = performance.now();
	try {
		read(bytes);
	} catch (error) {
		if (!(error instanceof OtaError)) {
			throw new Error(`${name}, seed ${seed}: ${Buffer.from(bytes).toString("base64")}`, { cause: error });
		}
	}
	return performance.now() - begin;
}

/** The least of several: a machine that is busy is no reader that is slow. */
const leastTime = (name: string, bytes: Uint8Array): number =>
	Math.min(...[1, 2, 3].map(() => time(name, readers[name] as (bytes: Uint8Array) => unknown, bytes)));

describe("the readers", () => {
	it(
		"answer generated input with OtaError alone, each within 50 ms",
		() => {
			const random = new Seeded(seed);
			const end = performance.now() + seconds * 1000;
			let [count, slowest, told] = [0, 0, 0];
			while (performance.now() < end) {
				const bytes = input(random);
				for (const [name, read] of Object.entries(readers)) {
					const spent = time(name, read, bytes);
					if (spent > 50) expect(leastTime(name, bytes)).toBeLessThan(50);
					slowest = Math.max(slowest, spent);
				}
				count += 1;
				if (isLong && Math.floor((end - performance.now()) / 5000) !== told) {
					told = Math.floor((end - performance.now()) / 5000);
					process.stderr.write(`seed ${seed}: ${count} inputs, the slowest ${slowest.toFixed(1)} ms\n`);
				}
			}
			expect(count).toBeGreaterThan(200);
		},
		seconds * 1000 + 60_000,
	);

	const nested = (depth: number): Uint8Array => {
		let content: Uint8Array = new Uint8Array();
		for (let at = 0; at < depth; at++) content = ber.tlv(0x30, content);
		return content;
	};
	const openings = (hex: string, count: number) => Buffer.from(hex.repeat(count), "hex");
	it.each<[string, Uint8Array, number]>([
		["S04 1,000 SEQUENCEs in each other", nested(1000), 20],
		["S04 10,000 SEQUENCEs in each other", nested(10_000), 20],
		["S04 32,000 openings of indefinite length", openings("3080", 32_000), 20],
		["S04 32,000 openings of a string in segments", openings("2480", 32_000), 20],
		["S05 30,000 empty children", ber.tlv(0x30, openings("3000", 30_000)), 20],
		["S05 30,000 NULLs", ber.tlv(0x30, openings("0500", 30_000)), 20],
		["S05 4,900 empty children, which is no more than may be", ber.tlv(0x30, openings("3000", 4900)), 20],
		["S06 a length of 2^32 - 1", Buffer.from("3084ffffffff", "hex"), 5],
		["S06 an OCTET STRING of 2^32 - 1", Buffer.from("30060484ffffffff", "hex"), 5],
		["S06 a length of eight octets", Buffer.from("30887fffffffffffffff", "hex"), 5],
		["S06 an indefinite length without an end", Buffer.from("3080060a2a864886f70d010702a0803080", "hex"), 5],
		["S13 a bag of 500 certificates", crowded(500), 50],
		["P18 60 kB of <", Buffer.alloc(60_000, "<"), 20],
		["P18 16 kB of <", Buffer.alloc(16_000, "<"), 20],
		["P18 16 kB of arrays", Buffer.from(plistHead("<array>".repeat(2000))), 20],
		[
			"P18 16 kB of references",
			Buffer.from(plistHead(`<dict><key>UDID</key><string>${"&amp;".repeat(3000)}</string>`)),
			20,
		],
		["P18 16 kB of blanks", Buffer.from(plistHead(" ".repeat(15_000))), 20],
	])("%s is refused in time", (_what, bytes, limit) => {
		for (const name of Object.keys(readers)) expect(leastTime(name, bytes)).toBeLessThan(limit);
	});

	it("S05 S06 allocate for what is there, not for what a length promises", () => {
		const inputs = [
			Buffer.from("3084ffffffff", "hex"),
			Buffer.from("2484fffffff00484ffffff00", "hex"),
			ber.tlv(0x30, openings("3000", 30_000)),
			ber.indefinite(
				0x24,
				Array.from({ length: 4000 }, () => ber.tlv(4, new Uint8Array())),
			),
		];
		for (const bytes of inputs) {
			const before = process.memoryUsage();
			for (const name of Object.keys(readers)) leastTime(name, bytes);
			const after = process.memoryUsage();
			expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(5e6);
			expect(after.heapUsed - before.heapUsed).toBeLessThan(50e6);
		}
	});
});

describe("the readers of people's files", () => {
	const goods = fileSeeds({ certificate, key });
	/** The milliseconds that it takes; throws the input with whatever is not to come out. */
	function timeOf(name: string, bytes: Uint8Array): number {
		const begin = performance.now();
		try {
			fileReaders[name]?.(bytes);
		} catch (error) {
			if (!(error instanceof OtaError) || !fileCodes.includes(error.code)) {
				const shown = bytes.length > 10_000 ? `${bytes.length} octets` : Buffer.from(bytes).toString("base64");
				throw new Error(`${name}, seed ${seed}: ${shown}`, { cause: error });
			}
		}
		return performance.now() - begin;
	}
	const leastOf = (name: string, bytes: Uint8Array) => Math.min(...[1, 2, 3].map(() => timeOf(name, bytes)));

	it("read what the inputs are bent from", () => {
		const read = Object.values(fileReaders).map((reader) =>
			goods.filter((bytes) => {
				try {
					reader(bytes);
					return true;
				} catch {
					return false;
				}
			}),
		);
		expect(read.map(({ length }) => length)).toEqual([2, 4, 1, 2]);
	});

	it(
		"answer generated files with a value, malformed, too_large or config, each within 100 ms",
		() => {
			const random = new Seeded(seed);
			const end = performance.now() + seconds * 1000;
			let count = 0;
			for (; performance.now() < end; count++) {
				const bytes = random.next() < 0.95 ? fileInput(goods, random) : input(random);
				for (const name of Object.keys(fileReaders)) {
					if (timeOf(name, bytes) > 100) expect(leastOf(name, bytes)).toBeLessThan(100);
				}
			}
			expect(count).toBeGreaterThan(200);
		},
		seconds * 1000 + 60_000,
	);

	it.each(burdens)("%s answers %s in time", (name, _what, make) => {
		expect(timeOf(name, Buffer.from(make()))).toBeLessThan(10_000);
	});

	it.each([
		["a key's name", '{"key":{"toString":1,"valueOf":1},"type":"string"}'],
		["a list's name", '{"key":"a","type":"string","of":{"toString":1,"valueOf":1}}'],
	])("answer a schema file that has an object for %s", (_what, keys) => {
		const text = `{"form":"next-ota payload schema 1","payloads":[],"definitions":{"d0":[${keys}]}}`;
		expect(() => readSchemaFile(text)).toThrow(expect.objectContaining({ name: "OtaError", code: "config" }));
	});
});

/** A SignedData whose bag is that full. */
function crowded(count: number): Uint8Array {
	const small = ber.sequence(ber.octetString(new Uint8Array(100)));
	return buildPkcsReq({
		key,
		challenge,
		recipients: [certificate],
		certificates: Array.from({ length: count }, () => small),
	}).message;
}
function plistHead(body: string): string {
	const text = Buffer.from(plistOf({})).toString();
	return text.replace("<dict></dict></plist>", body);
}

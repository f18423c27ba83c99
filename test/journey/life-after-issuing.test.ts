/** A device's years on a real database: it waits for an operator, renews twice, asks what is revoked, and is revoked itself. */
import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { CertificateRevocationList } from "pkijs";
import {
	buildGetCrl,
	DeviceError,
	type DeviceSession,
	discover,
	type Identity,
	parseCertRep,
	pkiOperation,
	readCertificate,
	renewScep,
	type ScepPayload,
} from "../device/index.ts";
import { type TemporaryDatabase, temporaryDatabase } from "../harness/database.ts";
import { type TestOta, testOta } from "../harness/ota.ts";

const day = 86_400_000;
let database: TemporaryDatabase;
let ota: TestOta;
beforeAll(async () => {
	database = await temporaryDatabase();
	ota = await testOta({ store: database.store, options: { approval: "unknown" } });
});
afterAll(() => database.remove());

const now = (): Date => new Date(Date.now() + ota.clock.offset);
const serialOf = ({ certificate }: Identity): string => readCertificate(certificate).serialHex;
const rowOf = async (identity: Identity) => (await ota.store.findCertificate(serialOf(identity)))?.certificate;

async function approve(): Promise<void> {
	const [waiting] = await ota.store.listApprovals("pending");
	const at = now();
	const audit = { at, event: "approval.approved", enrollmentId: null, detail: {} };
	const id = waiting?.approval.id as string;
	expect(await ota.store.decideApproval({ id, state: "approved", by: "root", now: at, audit })).toBe(true);
}

describe("a device", () => {
	let session: DeviceSession;
	let identity: Identity;
	const renewal = (messageType: "17" | "19", keys?: () => Identity["privateKey"]) =>
		renewScep({
			transport: ota.transport,
			payload: session.identityPayload as ScepPayload,
			identity,
			messageType,
			at: now(),
			...(keys ? { keys } : {}),
		});

	it("waits until it is approved, and gets its profile", async () => {
		session = await ota.identified({ waits: approve });
		identity = await session.enrollIdentity();
		await session.sendProfileRequest();
		expect(await session.enrollClientIdentities()).toHaveLength(1);
		expect(await ota.store.listApprovals("approved")).toHaveLength(1);
	});

	it("renews in its window with its old key, and a year later with a new one", async () => {
		await expect(renewal("17")).rejects.toMatchObject({ failInfo: 2 });
		const first = identity;
		ota.clock.offset = 380 * day;
		identity = await renewal("19", () => first.privateKey);
		expect(await rowOf(identity)).toMatchObject({ renews: serialOf(first), keyGeneration: 1, state: "issued" });
		ota.clock.offset = 2 * 380 * day;
		const second = identity;
		identity = await renewal("17");
		expect(await rowOf(identity)).toMatchObject({ renews: serialOf(second), keyGeneration: 0 });
		expect(new X509Certificate(identity.certificate).subject).toBe(new X509Certificate(first.certificate).subject);
	});

	it("is on the list once it is revoked, and renews no more", async () => {
		const audit = { at: now(), event: "certificate.revoked", enrollmentId: null, detail: {} };
		const target = { device: session.udid };
		await ota.store.revoke({ target, reason: 1, by: "root", now: now(), audit });
		ota.clock.offset += 11_000;
		const payload = session.identityPayload as ScepPayload;
		const { authorities } = await discover({ transport: ota.transport, payload });
		const query = { ra: authorities.ra, key: identity.privateKey, signer: identity };
		const sent = buildGetCrl(identity.certificate, query);
		const body = await pkiOperation(ota.transport, payload.url, sent.message, true);
		const [list] = parseCertRep(body, { ...sent, authorities: [authorities.ra] }).crls;
		const { revokedCertificates = [] } = CertificateRevocationList.fromBER(new Uint8Array(list as Uint8Array));
		const serials = revokedCertificates.map(({ userCertificate }) =>
			Buffer.from(userCertificate.valueBlock.valueHexView).toString("hex").replace(/^00/, ""),
		);
		expect(serials).toContain(serialOf(identity));
		ota.clock.offset += 370 * day;
		const refused: unknown = await renewal("17").catch((error: unknown) => error);
		expect(refused).toBeInstanceOf(DeviceError);
		expect(refused).toMatchObject({ failInfo: 4 });
	});
});

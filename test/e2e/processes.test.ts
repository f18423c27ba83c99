/** Two web processes and more on PostgreSQL with one agent: a journey's steps may each reach another of them. */
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { type DatabaseClient, openDatabase } from "../../prisma/client.ts";
import {
	acceptCertRep,
	type DeviceAuthority,
	DeviceSession,
	discover,
	type EnrollOptions,
	enrollDevice,
	httpTransport,
	loadDeviceAuthority,
	pkiOperation,
	readCertificate,
	requestFor,
} from "../device/index.ts";
import { rsaKeySource } from "../device/rsa-keys.ts";
import { type Balanced, processes, startBalanced } from "../harness/balanced.ts";

let balanced: Balanced;
let authority: DeviceAuthority;
let database: DatabaseClient;
const nextKey = rsaKeySource();
beforeAll(async () => {
	balanced = await startBalanced();
	authority = loadDeviceAuthority(join(balanced.dataDir, "device")) as DeviceAuthority;
	database = await openDatabase(balanced.databaseUrl);
});
afterAll(async () => {
	await database?.$disconnect();
	await balanced?.stop();
});

beforeEach(() => {
	balanced.served.length = 0;
});

const device = (more: Partial<EnrollOptions> = {}): EnrollOptions => ({
	url: balanced.url,
	authority,
	keys: nextKey,
	user: "alice",
	...more,
});

/** Sends what follows to this one. */
const to = (name: keyof typeof processes) => {
	balanced.choose = () => processes[name];
};

const stateOf = async (udid: string) =>
	(await database.enrollment.findFirst({ where: { udid }, include: { certificates: true, deliveries: true } })) ?? null;

describe("web processes on one PostgreSQL database", () => {
	it.each([
		["up's and npm start's", ["up", "start"]],
		["plain next start's and npm start's", ["next", "start"]],
	] as const)("take a device through the exchange by turns: %s", async (_, turns) => {
		balanced.choose = (place) => processes[turns[place % 2] ?? "up"];
		const { session, identity, clientIdentities } = await enrollDevice(device());
		const by = balanced.served.map((each) => each.by);
		for (const place of by.keys()) expect(by[place]).toBe(processes[turns[place % 2] ?? "up"]);
		const steps = balanced.served.filter(({ what }) => /^(GET \/enroll|POST \/(profile|scep))$/.test(what));
		expect(new Set(steps.map((step) => step.by)).size).toBe(2);
		const issued = [identity, ...clientIdentities].map((each) => readCertificate(each.certificate).serialNumber);
		const enrollment = await stateOf(session.udid);
		expect(enrollment).toMatchObject({ state: "delivered", attempts: 1 });
		expect(enrollment?.certificates.map(({ state }) => state)).toEqual(issued.map(() => "issued"));
	});

	it("answer a step that another of them has answered already", async () => {
		const session = new DeviceSession(device());
		to("up");
		const root = await session.fetchRoot();
		to("start");
		expect(await session.fetchRoot()).toEqual(root);
		await session.fetchProfileService({ user: "bob" });
		// The device response: a fresh identity profile, which takes the place of the first.
		await session.sendDeviceResponse();
		to("up");
		const payload = await session.sendDeviceResponse();
		// The same PKCSReq: the same certificate.
		const transport = httpTransport();
		const server = await discover({ transport, payload });
		const key = nextKey();
		const request = requestFor(payload, server, key, "iphone");
		const ask = async () => {
			const answer = await pkiOperation(transport, payload.url, request.message, true);
			return acceptCertRep(answer, request, key, server, new Date());
		};
		session.identity = await ask();
		to("start");
		expect((await ask()).certificate).toEqual(session.identity.certificate);
		// The same profile request: the same bytes.
		const message = session.buildProfileRequest();
		const profile = await session.postProfile("profile request", message);
		to("up");
		expect(await session.postProfile("profile request", message)).toEqual(profile);
		session.openFinalProfile(profile);
		expect(await stateOf(session.udid)).toMatchObject({ state: "delivered", attempts: 2 });
	});

	it("take many devices through at the same time", async () => {
		balanced.choose = (place) => place % 3;
		const users = ["alice", "bob", "admin"];
		const journeys = await Promise.all(users.flatMap((user) => [1, 2].map(() => enrollDevice(device({ user })))));
		const certificates = journeys.flatMap(({ identity, clientIdentities }) => [identity, ...clientIdentities]);
		const serials = certificates.map(({ certificate }) => readCertificate(certificate).serialNumber);
		expect(new Set(serials).size).toBe(12);
		const states = await Promise.all(journeys.map(({ session }) => stateOf(session.udid)));
		expect(states.map((enrollment) => enrollment?.state)).toEqual(journeys.map(() => "delivered"));
	});

	it("say that the database is away, and go on when it is back", async () => {
		balanced.choose = (place) => place % 3;
		const ready = async () => {
			const answers = await Promise.all([0, 1, 2].map(() => fetch(`${balanced.url}/api/health/ready`)));
			return Promise.all(answers.map(async (answer) => [answer.status, await answer.text()]));
		};
		await balanced.postgres.halt();
		const away = [503, expect.stringContaining("store_unavailable")];
		expect(await ready()).toEqual([away, away, away]);
		await balanced.postgres.resume();
		const back = [200, expect.anything()];
		expect(await ready()).toEqual([back, back, back]);
		await enrollDevice(device({ user: "bob" }));
	});

	it("write the database's password nowhere", () => {
		expect(balanced.output()).toContain("web.ready");
		expect(balanced.output()).not.toContain(new URL(balanced.databaseUrl).password);
	});
});

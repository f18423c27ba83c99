// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of documents look like that.
/** The secrets of profiles under the seal key: bound to their place, a few at a time, named when they do not open. */
import { beforeAll, describe, expect, it } from "@jest/globals";
import { openSecret, openSecrets, sealSecrets, secretsAtATime } from "../../lib/enroll/profile-secrets.ts";
import { Turns } from "../../lib/enroll/turns.ts";
import { OtaError } from "../../lib/errors.ts";
import type { Keys, SealedSecret } from "../../lib/ports.ts";
import { memoryStore } from "../../lib/store/memory.ts";
import { assigned, documentOf } from "../harness/profile-examples.ts";
import { softwareKeys } from "../harness/software-keys.ts";

let keys: Keys;
beforeAll(async () => {
	({ keys } = await softwareKeys());
});
const values = new Map<string, string | Uint8Array>([
	["text", "\ufeffpaß ${user.email}\n"],
	["data", new Uint8Array([0, 255, 10])],
	["empty", ""],
]);

/** Counts how many calls run at once. */
function counting(): { keys: Pick<Keys, "seal" | "open">; most(): number } {
	let running = 0;
	let most = 0;
	const counted = async <T>(work: () => Promise<T>): Promise<T> => {
		running += 1;
		most = Math.max(most, running);
		try {
			await new Promise((done) => setImmediate(done));
			return await work();
		} finally {
			running -= 1;
		}
	};
	return {
		keys: {
			seal: (plain, aad) => counted(() => keys.seal(plain, aad)),
			open: (sealed, aad) => counted(() => keys.open(sealed, aad)),
		},
		most: () => most,
	};
}

describe("a secret", () => {
	it("opens as it was, text and data", async () => {
		const sealed = await sealSecrets(keys, "office", 3, values);
		expect(sealed.map(({ profile, name, version }) => [profile, name, version])).toEqual(
			[...values.keys()].map((name) => ["office", name, 3]),
		);
		for (const secret of sealed) expect(await openSecret(keys, secret)).toEqual(values.get(secret.name));
	});

	it.each<[string, Partial<SealedSecret>]>([
		["another profile", { profile: "others" }],
		["another name", { name: "data" }],
		["another version", { version: 4 }],
		["a place that reads alike when joined", { profile: "office/text", name: "" }],
	])("does not open at %s, and is named with what to do", async (_, moved) => {
		const [secret] = await sealSecrets(keys, "office", 3, new Map([["text", "hunter2"]]));
		const place = { ...(secret as SealedSecret), ...moved };
		const failure: unknown = await openSecret(keys, place).catch((error: unknown) => error);
		expect(failure).toMatchObject({
			code: "config",
			message: expect.stringContaining(`profile ${place.profile}: its secret ${place.name} (version ${place.version})`),
		});
		expect(String(failure)).toContain(`ota profile secret ${place.profile} ${place.name}`);
		expect(String(failure)).not.toContain("hunter2");
	});

	it("is not blamed for a token that is busy or away", async () => {
		const [secret] = await sealSecrets(keys, "office", 3, values);
		for (const code of ["hsm_busy", "hsm_unavailable"] as const) {
			const open = () => Promise.reject(new OtaError(code, "later"));
			await expect(openSecret({ open }, secret as SealedSecret)).rejects.toMatchObject({ code });
		}
	});
});

const names = Array.from({ length: 40 }, (_, n) => `s${n}`);
/** A store with a profile of forty secrets, and what a device is assigned of it. */
async function forty(sealing: Pick<Keys, "seal">) {
	const secrets = await sealSecrets(sealing, "office", 1, new Map(names.map((name) => [name, name])));
	const store = memoryStore();
	const version = { name: "office", version: 1, document: "", note: "", createdAt: new Date(), by: "root" };
	const audit = { at: new Date(), event: "profile.saved", enrollmentId: null, detail: {} };
	await store.saveProfile({ version, after: 0, secrets, audit });
	const Label = names.map((name) => `\${secret.${name}}`).join("");
	const payload = { PayloadType: "com.apple.webClip.managed", Label };
	const versions = Object.fromEntries(names.map((name) => [name, 1]));
	return { store, assignment: assigned(documentOf("office", { clip: payload }, { secrets: versions })) };
}

describe("many secrets", () => {
	it("are sealed and opened a few at a time, over all deliveries of a process", async () => {
		const [sealing, opening] = [counting(), counting()];
		const { store, assignment } = await forty(sealing.keys);
		expect(sealing.most()).toBe(secretsAtATime);
		const context = { store, keys: { ...keys, ...opening.keys }, secretTurns: new Turns(secretsAtATime) };
		const [first, second] = await Promise.all([openSecrets(context, assignment), openSecrets(context, assignment)]);
		expect(first?.get("office/s7")).toBe("s7");
		expect([first?.size, second?.size]).toEqual([40, 40]);
		expect(opening.most()).toBe(secretsAtATime);
	});
});

describe("a token that hangs", () => {
	it("is waited for once, and not for each secret", async () => {
		const { store, assignment } = await forty(keys);
		let calls = 0;
		const open = async () => {
			calls += 1;
			await new Promise((done) => setImmediate(done));
			throw new OtaError("hsm_unavailable", "late");
		};
		const context = { store, keys: { ...keys, open } };
		await expect(openSecrets(context, assignment)).rejects.toMatchObject({ code: "hsm_unavailable" });
		await new Promise((done) => setTimeout(done, 20));
		expect(calls).toBe(secretsAtATime);
	});
});

describe("turns", () => {
	it("are taken in order, and given back by what fails", async () => {
		const turns = new Turns(1);
		const order: number[] = [];
		const work = (n: number) => async () => {
			order.push(n);
			if (n === 1) throw new Error("no");
		};
		const outcomes = await Promise.allSettled([0, 1, 2, 3].map((n) => turns.take(work(n))));
		expect(order).toEqual([0, 1, 2, 3]);
		expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
	});

	it("are refused to who comes when too many wait", async () => {
		const turns = new Turns(1, 1);
		const first = turns.take(() => new Promise<void>((done) => setImmediate(done)));
		const second = turns.take(async () => undefined);
		await expect(turns.take(async () => undefined)).rejects.toMatchObject({ code: "hsm_busy" });
		await Promise.all([first, second]);
	});
});

import { describe, expect, it } from "@jest/globals";
import { SessionPool } from "../../hsm/agent/pool.ts";
import { asHsmError, failureKind } from "../../hsm/token/failure.ts";
import type { Pkcs11 } from "../../hsm/token/module.ts";
import type { Slot } from "../../hsm/token/slot.ts";

/** A library that counts sessions; `refuse` makes the next C_OpenSession fail. */
function fakeModule() {
	let next = 1;
	const state = { open: new Set<string>(), closed: [] as string[], refuse: false };
	const open = (): Buffer => {
		if (state.refuse) throw Object.assign(new Error("CKR_DEVICE_REMOVED"), { code: 0x32 });
		const session = Buffer.from([next++]);
		state.open.add(session.toString("hex"));
		return session;
	};
	const close = (session: Buffer): void => {
		state.open.delete(session.toString("hex"));
		state.closed.push(session.toString("hex"));
	};
	const pkcs11 = { C_OpenSession: open, C_CloseSession: close } as unknown as Pkcs11;
	return { pkcs11, state };
}

const slot = {} as Slot;
const anchor = Buffer.from([0]);

function gate() {
	let release: () => void = () => undefined;
	const opened = new Promise<void>((resolve) => {
		release = resolve;
	});
	return { opened, release };
}

describe("session pool", () => {
	it("does not lend a session again that its work has spent", async () => {
		const { pkcs11, state } = fakeModule();
		const pool = new SessionPool({ pkcs11, slot, size: 1, maxQueue: 1 }, anchor);
		const first = await pool.run(async ({ session, spend }) => {
			spend();
			return session.toString("hex");
		});
		expect(state.closed).toEqual([first]);
		expect(await pool.run(async ({ session }) => session.toString("hex"))).not.toBe(first);
		expect(state.open.size).toBe(1);
	});

	it("says that it has no room before anybody judges what would be refused", async () => {
		const { pkcs11 } = fakeModule();
		const pool = new SessionPool({ pkcs11, slot, size: 1, maxQueue: 1 }, anchor);
		const { opened, release } = gate();
		const running = [pool.run(() => opened), pool.run(() => opened)];
		expect(() => pool.assertRoom()).toThrow(expect.objectContaining({ code: "hsm_busy" }));
		release();
		await Promise.all(running);
		expect(() => pool.assertRoom()).not.toThrow();
	});

	it("lends a session to one piece of work at a time, in order, and uses it again", async () => {
		const { pkcs11, state } = fakeModule();
		const pool = new SessionPool({ pkcs11, slot, size: 2, maxQueue: 10 }, anchor);
		const order: number[] = [];
		const busy = new Set<Buffer>();
		await Promise.all(
			[0, 1, 2, 3, 4, 5].map((index) =>
				pool.run(async ({ session }) => {
					expect(busy.has(session)).toBe(false);
					busy.add(session);
					order.push(index);
					await new Promise((resolve) => setTimeout(resolve, 2));
					busy.delete(session);
				}),
			),
		);
		expect(order).toEqual([0, 1, 2, 3, 4, 5]);
		expect(state.open.size).toBe(2);
	});

	it("refuses over its queue with hsm_busy, and runs what it accepted", async () => {
		const { pkcs11 } = fakeModule();
		const pool = new SessionPool({ pkcs11, slot, size: 1, maxQueue: 1 }, anchor);
		const { opened, release } = gate();
		const accepted = [pool.run(() => opened), pool.run(async () => undefined)];
		await expect(pool.run(async () => undefined)).rejects.toMatchObject({ code: "hsm_busy" });
		release();
		await Promise.all(accepted);
	});

	it("closes a session whose work failed and opens another", async () => {
		const { pkcs11, state } = fakeModule();
		const pool = new SessionPool({ pkcs11, slot, size: 1, maxQueue: 1 }, anchor);
		const fail = async (): Promise<never> => {
			throw asHsmError("C_Sign", Object.assign(new Error("CKR_DATA_INVALID"), { code: 0x20 }));
		};
		await expect(pool.run(fail)).rejects.toMatchObject({ code: "hsm_refused" });
		expect(state.closed).toEqual(["01"]);
		expect(await pool.run(async ({ session }) => session.toString("hex"))).toBe("02");
	});

	it("tells those who wait when no session can be opened, and recovers", async () => {
		const { pkcs11, state } = fakeModule();
		const pool = new SessionPool({ pkcs11, slot, size: 1, maxQueue: 3 }, anchor);
		const { opened, release } = gate();
		const first = pool.run(async () => {
			await opened;
			state.refuse = true;
			throw new Error("the token went away");
		});
		const waiting = [pool.run(async () => 1), pool.run(async () => 2)];
		release();
		await expect(first).rejects.toThrow("the token went away");
		for (const one of waiting) await expect(one).rejects.toMatchObject({ code: "hsm_unavailable" });
		state.refuse = false;
		expect(await pool.run(async () => 3)).toBe(3);
	});

	it("drops work for which nobody waits any more", async () => {
		const { pkcs11 } = fakeModule();
		const pool = new SessionPool({ pkcs11, slot, size: 1, maxQueue: 2 }, anchor);
		const { opened, release } = gate();
		let wasRun = false;
		const first = pool.run(() => opened);
		const late = pool.run(
			async () => {
				wasRun = true;
			},
			() => true,
		);
		release();
		await first;
		await expect(late).rejects.toMatchObject({ code: "hsm_unavailable" });
		expect(wasRun).toBe(false);
	});

	it("closes after accepted work, the anchor last, and refuses what comes later", async () => {
		const { pkcs11, state } = fakeModule();
		const pool = new SessionPool({ pkcs11, slot, size: 1, maxQueue: 2 }, anchor);
		const { opened, release } = gate();
		const work = [pool.run(() => opened), pool.run(async () => "done")];
		const closing = pool.close();
		await expect(pool.run(async () => undefined)).rejects.toMatchObject({ code: "hsm_unavailable" });
		expect(state.closed).toEqual([]);
		release();
		await closing;
		expect(await work[1]).toBe("done");
		expect(state.closed).toEqual(["01", "00"]);
	});
});

describe("PKCS#11 return values", () => {
	const kinds: [number, ReturnType<typeof failureKind>][] = [
		[0xa0, "pin"],
		[0x102, "pin"],
		[0x05, "connection"],
		[0xb3, "connection"],
		[0x101, "connection"],
		[0x190, "connection"],
		[0x80000001, "connection"],
		[0xb1, "busy"],
		[0x68, "permanent"],
		[0x40, "operation"],
	];
	it.each(kinds)("0x%s is of kind %s", (value, kind) => {
		expect(failureKind(Object.assign(new Error("CKR_X"), { code: value }))).toBe(kind);
		expect(failureKind(new Error(`CKR_X:${value}`))).toBe(kind);
	});

	it("become our codes, in words that name the call", () => {
		const error = asHsmError("C_Sign", new Error("CKR_DEVICE_REMOVED:50\n at PKCS11.C_Sign"));
		expect(error).toMatchObject({ code: "hsm_unavailable", message: "C_Sign: CKR_DEVICE_REMOVED (0x32)" });
	});
});

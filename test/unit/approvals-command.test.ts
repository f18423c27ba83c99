/** `ota approvals` on a real database: who waits, and each decision once. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { run } from "../../bin/commands/approvals.ts";
import { approval, at, identify, start } from "../contract/store-exchange.ts";
import { type OperatorDesk, operatorDesk } from "../harness/operator-desk.ts";

describe("ota approvals", () => {
	let desk: OperatorDesk;
	const type = (...args: string[]) => desk.type(run, ...args);
	const week = 7 * 86_400_000;
	/** A device whose request waits; answers the approval's id. */
	async function wait(id: string, expiresAt = new Date(Date.now() + week)): Promise<string> {
		await desk.store.startEnrollment(start(id));
		await desk.store.identifyFirst(identify(id));
		const pending = approval(id, 1, { expiresAt });
		expect(await desk.store.pendApproval(pending)).toBe("pending");
		return pending.approval.id;
	}
	const stateOf = async (id: string) => {
		const { challengeHash, publicKeyHash } = approval(id).approval;
		return (await desk.store.findApproval({ challengeHash, publicKeyHash }))?.approval;
	};
	beforeAll(async () => {
		desk = await operatorDesk();
	});
	afterAll(() => desk.leave());

	it.each([
		[[]],
		[["approve"]],
		[["approve", "a", "b"]],
		[["list", "a"]],
		[["grant", "a"]],
		[["refuse", "a", "--json"]],
		[["toString", "a"]],
	])("answers 2 and its usage to %j", async (args) => {
		const { code, out, err } = await type(...args);
		expect({ code, out }).toEqual({ code: 2, out: "" });
		expect(err).toContain("usage: ota approvals list");
	});

	it("says when nobody waits", async () => {
		expect(await type("list")).toEqual({ code: 0, out: "", err: "No request waits.\n" });
		expect(await type("list", "--json")).toMatchObject({ code: 0, out: "[]\n" });
	});

	it("lists who waits with which device, since when and until when; not what has expired", async () => {
		const id = await wait("alice");
		await wait("expired", at(1600));
		const { code, out } = await type("list");
		expect(code).toBe(0);
		expect(out.split("\n")).toHaveLength(2);
		for (const part of [id, "identity", "user-alice@example.com", "udid-alice", "CN=Zoë", "since 20", "until 20"]) {
			expect(out).toContain(part);
		}
		const [listed] = JSON.parse((await type("list", "--json")).out) as Record<string, unknown>[];
		expect(listed).toMatchObject({
			id,
			purpose: "identity",
			user: { id: "user-alice" },
			device: { udid: "udid-alice" },
		});
	});

	it("shows nothing that a terminal obeys", async () => {
		await desk.store.startEnrollment(start("escape", "user-\u001b[2Jescape"));
		await desk.store.identifyFirst(identify("escape"));
		await desk.store.pendApproval(
			approval("escape", 1, { expiresAt: new Date(Date.now() + week), subject: [["CN", "\u202eevil"]] }),
		);
		const { out } = await type("list");
		expect(out).toContain("user-\\u001b[2Jescape");
		expect(out).toContain("CN=\\u202eevil");
		expect(out).not.toMatch(/\p{Cf}/u);
	});

	it("approves once, by whoever is logged in", async () => {
		const id = await wait("bob");
		expect(await type("approve", id.toUpperCase())).toEqual({ code: 0, out: `${id}  approved\n`, err: "" });
		const decided = await stateOf("bob");
		expect(decided).toMatchObject({ state: "approved", decidedBy: expect.stringMatching(/./) });
		const again = await type("refuse", id);
		expect({ code: again.code, out: again.out }).toEqual({ code: 1, out: "" });
		expect(again.err).toContain(`The request ${id} was approved by ${decided?.decidedBy} at 20`);
	});

	it("refuses once", async () => {
		const id = await wait("carol");
		expect(await type("refuse", id)).toEqual({ code: 0, out: `${id}  refused\n`, err: "" });
		expect(await stateOf("carol")).toMatchObject({ state: "refused" });
		expect((await type("approve", id)).code).toBe(1);
	});

	it("answers 1 to an unknown request and to an expired one", async () => {
		expect((await type("approve", "000000000000")).err).toContain("There is no request 000000000000.");
		const id = await wait("late", at(1700));
		const { code, err } = await type("approve", id);
		expect(code).toBe(1);
		expect(err).toContain(`The request ${id} expired at ${at(1700).toISOString()}.`);
	});
});

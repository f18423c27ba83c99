/**
 * P23: every single-bit flip and every dropped, doubled or swapped TLV of one good message of each kind: the server takes
 * none but those that `unsigned` lists. Here all of the TLVs and a seeded sample of the bits; everything by `npm run mutate`.
 */
import { afterAll, describe, expect, it } from "@jest/globals";
import { Seeded } from "../harness/seeded.ts";
import { encode, flips, type Mutant, parseTlv, structural } from "../harness/tlv-tree.ts";
import { type GoodMessage, goodMessage, type Kind, kinds } from "./good-messages.ts";
import { entryOf, unsigned } from "./unsigned.ts";

const isWhole = process.env.OTA_MUTATIONS === "all";
const seed = Number(process.env.OTA_MUTATION_SEED ?? 20_261_122);

/** Flips in a sample; what is inside a PKCSReq costs a new message around it each time. */
const sampleSize: Record<Kind, number> = {
	"device response": 5000,
	"profile request": 4000,
	PKCSReq: 5000,
	"EnvelopedData of a PKCSReq": 600,
	"CertificationRequest of a PKCSReq": 500,
};

/** Bits that may not change, drawn; and a few of those that may. */
function sample(kind: Kind, message: Uint8Array): Mutant[] {
	const random = new Seeded(seed);
	const mutants = [...structural(message), ...flips(message)];
	const draw = (from: Mutant[], size: number) =>
		from.length <= size ? from : Array.from({ length: size }, () => random.pick(from));
	const isTold = (mutant: Mutant) => entryOf(kind, mutant) !== null;
	return [
		...mutants.filter((mutant) => mutant.bit === null && !isTold(mutant)),
		...draw(
			mutants.filter((mutant) => mutant.bit !== null && !isTold(mutant)),
			sampleSize[kind],
		),
		...draw(mutants.filter(isTold), 50),
	];
}

function tell(line: string): void {
	if (isWhole) process.stderr.write(`${line}\n`);
}

/** Every mutant that the server took, counted by what was done to it. */
async function takenOf(kind: Kind, mutants: readonly Mutant[], { isAccepted }: GoodMessage) {
	const taken = new Map<string, { mutant: Mutant; count: number }>();
	for (const [at, mutant] of mutants.entries()) {
		if (at % 2000 === 0) tell(`${kind}: ${at} of ${mutants.length}`);
		if (!(await isAccepted(mutant.bytes()))) continue;
		const what = `${mutant.how} ${mutant.path}`;
		taken.set(what, { mutant, count: (taken.get(what)?.count ?? 0) + 1 });
	}
	return taken;
}

describe("a message with one thing changed", () => {
	const used = new Set<unknown>();

	it.each(kinds)(
		"P23 %s: is not taken",
		async (kind) => {
			const good = await goodMessage(kind);
			const { message, isAccepted } = good;
			expect(await isAccepted(message)).toBe(true);
			expect(await isAccepted(encode(message, parseTlv(message)))).toBe(true);
			const mutants = isWhole ? [...structural(message), ...flips(message)] : sample(kind, message);
			const taken = await takenOf(kind, mutants, good);
			const unlisted: string[] = [];
			const counts = new Map<string, number>();
			for (const [what, { mutant, count }] of taken) {
				const entry = entryOf(kind, mutant);
				if (entry === null) unlisted.push(what);
				else used.add(entry);
				const reason = entry?.reason ?? `UNLISTED ${what}`;
				counts.set(reason, (counts.get(reason) ?? 0) + count);
			}
			tell(`${kind}: ${mutants.length} mutants, ${unlisted.length} taken that are not listed; taken and listed:`);
			for (const [reason, count] of counts) tell(`  ${count} x ${reason}`);
			expect(unlisted).toEqual([]);
			expect(mutants.length).toBeGreaterThan(500);
			// Nothing of all that cost the good one its force.
			expect(await isAccepted(message)).toBe(true);
		},
		isWhole ? 1_800_000 : 120_000,
	);

	afterAll(() => {
		// An entry that nothing needs any more goes.
		if (isWhole) expect(unsigned.filter((entry) => !used.has(entry))).toEqual([]);
	});
});

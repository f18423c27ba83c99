/** BER as a tree that can be bent: every TLV dropped, doubled or swapped with its neighbour, and every bit flipped. */

export interface Tlv {
	identifier: number;
	/** Of the whole, of its content, and of what follows it. */
	start: number;
	contentStart: number;
	contentEnd: number;
	end: number;
	isIndefinite: boolean;
	/** Null for a primitive one. */
	children: Tlv[] | null;
	/** Indices from the root: "1.0.4"; "" is the root. */
	path: string;
}

/** A message that is well formed; throws for another. */
export function parseTlv(bytes: Uint8Array, start = 0, path = ""): Tlv {
	const [identifier, first] = bytes.subarray(start, start + 2);
	if (identifier === undefined || first === undefined) throw new RangeError("BER: cut short");
	const count = first > 0x80 ? first & 0x7f : 0;
	const contentStart = start + 2 + count;
	const isIndefinite = first === 0x80;
	let length = first;
	if (count > 0) length = Number.parseInt(Buffer.from(bytes.subarray(start + 2, contentStart)).toString("hex"), 16);
	const known = isIndefinite ? null : contentStart + length;
	if (known !== null && !(known <= bytes.length)) throw new RangeError("BER: cut short");
	if ((identifier & 0x20) === 0) {
		if (known === null) throw new RangeError("BER: no length");
		const end = known;
		return { identifier, start, contentStart, contentEnd: end, end, isIndefinite, children: null, path };
	}
	const children: Tlv[] = [];
	let at = contentStart;
	while (known === null ? bytes[at] !== 0 || bytes[at + 1] !== 0 : at < known) {
		const child = parseTlv(bytes, at, path === "" ? `${children.length}` : `${path}.${children.length}`);
		children.push(child);
		at = child.end;
	}
	const end = known ?? at + 2;
	return { identifier, start, contentStart, contentEnd: at, end, isIndefinite, children, path };
}

/** Every TLV, the root first. */
export function* all(root: Tlv): Generator<Tlv> {
	yield root;
	for (const child of root.children ?? []) yield* all(child);
}

function lengthOctets(length: number): number[] {
	if (length < 0x80) return [length];
	const octets: number[] = [];
	for (let rest = length; rest > 0; rest >>= 8) octets.unshift(rest & 0xff);
	return [0x80 | octets.length, ...octets];
}

/** The octets of a tree, lengths made anew; `bend` may replace the children of a node. */
export function encode(
	bytes: Uint8Array,
	node: Tlv,
	bend: (node: Tlv) => Tlv[] | null = (one) => one.children,
): Buffer {
	const children = bend(node);
	const content = children
		? Buffer.concat(children.map((child) => encode(bytes, child, bend)))
		: Buffer.from(bytes.subarray(node.contentStart, node.contentEnd));
	const header = [node.identifier, ...(node.isIndefinite ? [0x80] : lengthOctets(content.length))];
	return Buffer.concat([Buffer.from(header), content, Buffer.alloc(node.isIndefinite ? 2 : 0)]);
}

export interface Mutant {
	/** What was done: "flip identifier", "drop", ... */
	how: string;
	/** To which TLV. */
	path: string;
	/** Which bit, counted from the message's first octet; for flips alone. */
	bit: number | null;
	bytes(): Uint8Array;
}

const changes: Readonly<Record<string, (list: Tlv[], at: number) => Tlv[]>> = {
	drop: (list, at) => list.filter((_, index) => index !== at),
	double: (list, at) => list.flatMap((one, index) => (index === at ? [one, one] : [one])),
	swap: (list, at) => list.with(at, list[at + 1] as Tlv).with(at + 1, list[at] as Tlv),
};

/** Each TLV but the root: left out, there twice, and in the place of the next one. */
export function structural(bytes: Uint8Array): Mutant[] {
	const root = parseTlv(bytes);
	const mutants: Mutant[] = [];
	for (const parent of all(root)) {
		const list = parent.children ?? [];
		for (const [at, child] of list.entries()) {
			for (const [how, change] of Object.entries(changes)) {
				if (how === "swap" && at + 1 >= list.length) continue;
				const bent = () => encode(bytes, root, (node) => (node === parent ? change(list, at) : node.children));
				mutants.push({ how, path: child.path, bit: null, bytes: bent });
			}
		}
	}
	return mutants;
}

/** Each bit. */
export function flips(bytes: Uint8Array): Mutant[] {
	const owners = ownersOf(bytes);
	return Array.from({ length: bytes.length * 8 }, (_, bit) => {
		const { path, part } = owners[bit >> 3] as Owner;
		const flipped = (): Uint8Array => {
			const copy = Uint8Array.from(bytes);
			copy[bit >> 3] = (copy[bit >> 3] as number) ^ (0x80 >> (bit & 7));
			return copy;
		};
		return { how: `flip ${part}`, path, bit, bytes: flipped };
	});
}

interface Owner {
	path: string;
	part: "identifier" | "length" | "content" | "end";
}

/** Of each octet: the innermost TLV, and what of it. */
function ownersOf(bytes: Uint8Array): Owner[] {
	const owners: Owner[] = [];
	for (const { path, start, contentStart, contentEnd, end } of all(parseTlv(bytes))) {
		const mark = (part: Owner["part"], from: number, to: number) => owners.fill({ path, part }, from, to);
		owners.length = Math.max(owners.length, end);
		mark("identifier", start, start + 1);
		mark("length", start + 1, contentStart);
		mark("content", contentStart, contentEnd);
		mark("end", contentEnd, end);
	}
	return owners;
}

/** The person and the device of a trial: as the database knows them, and what was typed in place of that. */
import { OtaError } from "../lib/errors.ts";
import type { FoundDevice, User } from "../lib/ports.ts";
import { type Subject, subjectOf } from "../lib/profile/subject.ts";
import type { Operator } from "./operator.ts";

export interface SubjectFlags {
	user?: string | undefined;
	/** Separated by commas. */
	groups?: string | undefined;
	device?: string | undefined;
	product?: string | undefined;
	os?: string | undefined;
	serial?: string | undefined;
}

export type Claims = User["claims"];

/** Throws `not_found` for a device that is neither known nor told. */
export async function subjectFor(operator: Operator, flags: SubjectFlags & { claims: Claims }): Promise<Subject> {
	const { device } = flags;
	const found = device === undefined ? null : await operator.store.findDevice(device, operator.now);
	const attributes = attributesFor(flags, found);
	return subjectOf(await personFor(operator, flags, found), attributes);
}

async function personFor(
	{ store, tell }: Operator,
	{ user: named, groups, claims }: SubjectFlags & { claims: Claims },
	device: FoundDevice | null,
): Promise<User> {
	const name = named ?? device?.enrollment.user.id ?? "";
	const known =
		(await store.findPerson({ id: name })) ?? (name.includes("@") ? await store.findPerson({ email: name }) : null);
	const enrolled = named === undefined ? device?.enrollment.user : undefined;
	const person = known?.user ?? enrolled ?? stranger(name);
	if (!known && !enrolled) tell(`${name} has not signed in yet: nothing but what the flags say is known.`);
	const typed = groups?.split(",").flatMap((group) => group.trim() || []);
	return { ...person, groups: typed ?? person.groups, claims: { ...person.claims, ...claims } };
}

const stranger = (name: string): User => ({ id: name, email: name.includes("@") ? name : "", groups: [], claims: {} });

function attributesFor(
	{ device, product, os, serial }: SubjectFlags,
	found: FoundDevice | null,
): Record<string, string> {
	if (!found && product === undefined) {
		throw new OtaError("not_found", `No device ${device} has enrolled here: say what it is with --product (and --os)`);
	}
	const known = found ? { ...found.enrollment.device, UDID: found.enrollment.udid ?? "" } : strange(device);
	// The build would say another version.
	const { VERSION: _, ...others } = known as Record<string, string>;
	return {
		...(os === undefined ? known : { ...others, OS_VERSION: os }),
		...(product !== undefined && { PRODUCT: product }),
		...(serial !== undefined && { SERIAL: serial }),
	};
}

/** A name with a hyphen, or of 40 digits, is a UDID. */
function strange(name: string | undefined): Record<string, string> {
	if (name === undefined) return { UDID: "00000000-0000000000000000" };
	return /-|^[0-9A-Fa-f]{40}$/.test(name) ? { UDID: name } : { UDID: "00000000-0000000000000000", SERIAL: name };
}

/** What looks like a number, true or false is one. Null: not of the form NAME=VALUE. */
export function readClaims(words: readonly string[]): Claims | null {
	const claims = new Map<string, string | number | boolean | readonly string[]>();
	for (const word of words) {
		const at = word.indexOf("=");
		if (at < 1) return null;
		const name = word.slice(0, at);
		const value = word.slice(at + 1);
		const former = claims.get(name);
		if (former === undefined) claims.set(name, scalar(value));
		else claims.set(name, [...(Array.isArray(former) ? (former as readonly string[]) : [String(former)]), value]);
	}
	return Object.fromEntries(claims);
}

function scalar(text: string): string | number | boolean {
	if (text === "true" || text === "false") return text === "true";
	return /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,9})?$/.test(text) ? Number(text) : text;
}

/**
 * Who may have what, beside blocks: people by their groups, devices by the allow list and by how many there are. A
 * person is judged as known now: by the company's directory, or by a sign-in that is not too old.
 */
import { OtaError } from "../errors.ts";
import type { Enrollment, User } from "../ports.ts";
import { type EnrollContext, lifetime } from "./context.ts";

const day = 86_400_000;

/** `policy` when the person is in none of the groups that may enroll. */
export function judgePerson({ policy }: Pick<EnrollContext, "policy">, user: User): void {
	if (policy.groups.length === 0 || policy.groups.some((group) => user.groups.includes(group))) return;
	throw new OtaError("policy", "this person is in none of the groups that may enroll");
}

/** The person of an enrollment as known now. Null: only a fresh sign-in can tell. `policy` when there is none any more. */
export async function currentPerson(
	{ person, policy, store }: Pick<EnrollContext, "person" | "policy" | "store">,
	enrollment: Enrollment,
	now: Date,
): Promise<User | null> {
	if (person !== null) {
		const found = await person(enrollment.user);
		if (found === null) throw new OtaError("policy", "the directory does not know this person any more");
		return found;
	}
	const known = await store.findPerson({ id: enrollment.user.id });
	const { user, signedInAt } = known ?? { user: enrollment.user, signedInAt: enrollment.createdAt };
	// Whoever signed in for this very journey need not do so again in the middle of it.
	const counts = Math.max(policy.signInDays * day, lifetime);
	return now.getTime() - signedInAt.getTime() > counts ? null : user;
}

export interface NamedDevice {
	udid: string;
	serialNumber: string | null;
}

/** Why this device may not come; null: it may. */
export async function deviceFault(
	{ policy, store }: Pick<EnrollContext, "policy" | "store">,
	device: NamedDevice,
): Promise<string | null> {
	if (policy.devices === "any" || (await store.isAllowed(device))) return null;
	return "the device is not on the allow list";
}

/** Why this person may not have one device more; null: may. */
export async function tooManyDevices(
	{ limits, policy, store }: Pick<EnrollContext, "limits" | "policy" | "store">,
	user: User,
	udid: string,
): Promise<string | null> {
	const most = mostDevices(policy.devicesPerPerson, limits.devices, user);
	if (most > 0 && (await store.countDevices(user.id, udid)) >= most) {
		return "this person has as many devices as one may have";
	}
	for (const [group, mostOfGroup] of Object.entries(policy.devicesPerGroup)) {
		if (!user.groups.includes(group)) continue;
		if ((await store.countGroupDevices(group, udid)) >= mostOfGroup) return `group ${group} has all its devices`;
	}
	return null;
}

/** Of several groups the one that allows most; 0 is no limit. */
function mostDevices(perGroup: Readonly<Record<string, number>>, otherwise: number, { groups }: User): number {
	const allowed = groups.flatMap((group) => (Object.hasOwn(perGroup, group) ? [perGroup[group] ?? 0] : []));
	if (allowed.length === 0) return otherwise;
	return allowed.includes(0) ? 0 : Math.max(...allowed);
}

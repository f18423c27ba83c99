/**
 * Who may have what, beside blocks: people by their groups, devices by the allow list and by how many there are. A
 * person is judged as known now: by the company's directory, or by the latest sign-in, whichever session asks.
 */
import { OtaError } from "../errors.ts";
import type { Enrollment, KnownPerson, User } from "../ports.ts";
import { type EnrollContext, lifetime, refusal } from "./context.ts";

const day = 86_400_000;

type Judges = Pick<EnrollContext, "person" | "policy" | "store">;

/** Who comes with a session, and when it began; null: its host does not tell. */
export interface Visit {
	user: User;
	signedInAt: Date | null;
}

/**
 * The visitor as known now: what a later sign-in said counts more than an older session that is still open. `isKnown`:
 * nothing of it is news.
 */
export async function visiting(
	{ person: directory, store }: Judges,
	visit: Visit,
	now: Date,
): Promise<{ person: KnownPerson; isKnown: boolean }> {
	const signedInAt = visit.signedInAt === null || visit.signedInAt > now ? now : visit.signedInAt;
	if (directory !== null) {
		return { person: { user: await inDirectory(directory, visit.user), signedInAt }, isKnown: false };
	}
	const person = { user: visit.user, signedInAt };
	const known = await store.findPerson({ id: visit.user.id });
	if (known && (known.signedInAt > signedInAt || isSame(known, person))) return { person: known, isKnown: true };
	return { person, isKnown: false };
}

const isSame = (one: KnownPerson, other: KnownPerson): boolean =>
	one.signedInAt.getTime() === other.signedInAt.getTime() && JSON.stringify(one.user) === JSON.stringify(other.user);

async function inDirectory(person: NonNullable<EnrollContext["person"]>, user: User): Promise<User> {
	const found = await person(user);
	if (found === null) throw new OtaError("policy", "the directory does not know this person any more");
	return found;
}

/** `policy` when the person is in none of the groups that may enroll. */
export function judgeMember({ policy }: Pick<EnrollContext, "policy">, user: User): void {
	if (policy.groups.length === 0 || policy.groups.some((group) => user.groups.includes(group))) return;
	throw new OtaError("policy", "this person is in none of the groups that may enroll");
}

/** The person of an enrollment as known now. */
export interface Holder {
	user: User;
	/** False: the sign-in is too old to speak for an update. */
	isFresh: boolean;
}

/** Whoever has a device from an enrollment may have more for it; a refusal (`policy`) is written down. */
export async function authorised(
	context: Judges & Pick<EnrollContext, "clock" | "limits">,
	enrollment: Enrollment,
	now: Date,
	what: string,
): Promise<Holder> {
	return orRefuse(context, enrollment.id, what, async () => {
		const holder = await holderOf(context, enrollment, now);
		judgeMember(context, holder.user);
		await judgeDevice(context, { udid: enrollment.udid ?? "", serialNumber: enrollment.device.SERIAL ?? null });
		return holder;
	});
}

/** What was judged; a refusal by policy becomes one that is written down. */
export async function orRefuse<T>(
	context: Pick<EnrollContext, "store" | "clock" | "limits">,
	enrollmentId: string,
	what: string,
	judge: () => Promise<T>,
): Promise<T> {
	try {
		return await judge();
	} catch (error) {
		if (!(error instanceof OtaError) || error.code !== "policy") throw error;
		throw await refusal(context, enrollmentId, "policy", `${what}: ${error.message}`);
	}
}

async function holderOf({ person, policy, store }: Judges, enrollment: Enrollment, now: Date): Promise<Holder> {
	if (person !== null) return { user: await inDirectory(person, enrollment.user), isFresh: true };
	const known = await store.findPerson({ id: enrollment.user.id });
	const { user, signedInAt } = known ?? { user: enrollment.user, signedInAt: enrollment.createdAt };
	const since = (date: Date): number => now.getTime() - date.getTime();
	// Nobody signs in again in the middle of a journey.
	return { user, isFresh: since(signedInAt) <= policy.signInDays * day || since(enrollment.createdAt) < lifetime };
}

export interface NamedDevice {
	udid: string;
	serialNumber: string | null;
}

/** `policy` for a device that is not on the allow list, where there is one. */
export async function judgeDevice(
	{ policy, store }: Pick<EnrollContext, "policy" | "store">,
	device: NamedDevice,
): Promise<void> {
	if (policy.devices === "any" || (await store.isAllowed(device))) return;
	throw new OtaError("policy", "the device is not on the allow list");
}

/** `policy` when this person may not have one device more. */
export async function judgeCount(
	{ limits, policy, store }: Pick<EnrollContext, "limits" | "policy" | "store">,
	user: User,
	udid: string,
	now: Date,
): Promise<void> {
	const most = mostDevices(policy.devicesPerPerson, limits.devices, user);
	if (most > 0 && (await store.countDevices(user.id, udid, now)) >= most) {
		throw new OtaError("policy", "this person has as many devices as one may have");
	}
	for (const [group, mostOfGroup] of Object.entries(policy.devicesPerGroup)) {
		if (!user.groups.includes(group)) continue;
		if ((await store.countGroupDevices(group, udid, now)) >= mostOfGroup) {
			throw new OtaError("policy", `group ${group} has all its devices`);
		}
	}
}

/** Of several groups the one that allows most; 0 is no limit. */
function mostDevices(perGroup: Readonly<Record<string, number>>, otherwise: number, { groups }: User): number {
	const allowed = groups.flatMap((group) => (Object.hasOwn(perGroup, group) ? [perGroup[group] ?? 0] : []));
	if (allowed.length === 0) return otherwise;
	return allowed.includes(0) ? 0 : Math.max(...allowed);
}

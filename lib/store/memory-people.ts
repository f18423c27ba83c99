/** Of the Store in memory: who is known, and which devices they have and may bring. */
import type { AuditEvent, Enrollment, FoundDevice, KnownPerson, PeopleStore } from "../ports.ts";
import { comparableEmail, deviceSerial, spellings } from "./blocked-names.ts";
import { MemoryProfiles } from "./memory-profiles.ts";
import { blockKey } from "./memory-tables.ts";

export class MemoryPeople extends MemoryProfiles implements PeopleStore {
	async savePerson(person: KnownPerson): Promise<void> {
		this.keepPerson(person);
	}

	async findPerson(by: Parameters<PeopleStore["findPerson"]>[0]): Promise<KnownPerson | null> {
		if ("id" in by) return this.people.get(by.id) ?? null;
		const email = comparableEmail(by.email);
		const found = [...this.people.values()].filter(({ user }) => email && comparableEmail(user.email) === email);
		return found.sort((a, b) => b.signedInAt.getTime() - a.signedInAt.getTime())[0] ?? null;
	}

	async countGroupDevices(group: string, otherThan: string, now: Date): Promise<number> {
		return this.countLive(({ user }) => this.people.get(user.id)?.user.groups.includes(group) ?? false, otherThan, now);
	}

	/** Devices with a live identity from these enrollments. */
	protected countLive(isTheirs: (enrollment: Enrollment) => boolean, otherThan: string, now: Date): number {
		const live = this.#certified().filter((each) => isTheirs(each) && this.#describe(each, now).identity !== null);
		return new Set(live.map(({ udid }) => udid).filter((udid) => udid !== otherThan)).size;
	}

	async findDevice(name: string, now: Date): Promise<FoundDevice | null> {
		const names: readonly (string | null)[] = spellings(name);
		const found = this.#certified()
			.filter(({ udid, device }) => names.includes(udid) || names.includes(deviceSerial(device)))
			.map((enrollment) => this.#describe(enrollment, now));
		const best = found.find(counts) ?? found[0];
		if (!best) return null;
		const isOthers = ({ enrollment }: FoundDevice) => enrollment.user.id !== best.enrollment.user.id;
		return { ...best, isContested: found.some((each) => isOthers(each) && counts(each)) };
	}

	async listDevices(userId: string, now: Date): Promise<FoundDevice[]> {
		const own = this.#certified().filter(({ user }) => user.id === userId);
		const found = own.map((enrollment) => this.#describe(enrollment, now));
		const devices = new Map<string, FoundDevice>();
		for (const each of [...found.filter(counts), ...found]) {
			const udid = (each.enrollment.udid ?? "").toUpperCase();
			if (!devices.has(udid)) devices.set(udid, each);
		}
		return found.filter((each) => [...devices.values()].includes(each));
	}

	async allowDevices({ devices, audit }: Parameters<PeopleStore["allowDevices"]>[0]): Promise<number> {
		const before = this.allowed.size;
		for (const device of devices) {
			const value = device.value.toUpperCase();
			if (this.allowed.has(value)) continue;
			this.allowed.set(value, { ...device, value });
			this.#tellDevice(audit, value);
		}
		return this.allowed.size - before;
	}

	async disallowDevices({ values, audit }: Parameters<PeopleStore["disallowDevices"]>[0]): Promise<number> {
		const gone = values.map((value) => value.toUpperCase()).filter((value) => this.allowed.delete(value));
		for (const value of gone) this.#tellDevice(audit, value);
		return gone.length;
	}

	async listAllowedDevices() {
		return [...this.allowed.values()].sort((a, b) => (a.value < b.value ? -1 : 1));
	}

	async isAllowed({ udid, serialNumber }: Parameters<PeopleStore["isAllowed"]>[0]): Promise<boolean> {
		return [udid, serialNumber].some((name) => Boolean(name) && this.allowed.has(String(name).toUpperCase()));
	}

	async blockDevices({ blocks, audit }: Parameters<PeopleStore["blockDevices"]>[0]): Promise<number> {
		let count = 0;
		for (const block of blocks) {
			const key = blockKey(block.kind, block.value);
			if (this.blocks.has(key)) continue;
			this.blocks.set(key, block);
			const detail = { ...audit.detail, [block.kind]: block.value };
			this.events.push({ ...audit, event: "blocked", detail });
			count += 1;
		}
		return count;
	}

	#tellDevice(audit: AuditEvent, device: string): void {
		this.events.push({ ...audit, detail: { ...audit.detail, device } });
	}

	/** Enrollments that got as far as a certificate, newest first. */
	#certified(): Enrollment[] {
		return [...this.enrollments.values()]
			.filter(({ state, udid }) => udid !== null && (state === "certified" || state === "delivered"))
			.sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1));
	}

	#describe(enrollment: Enrollment, now: Date): FoundDevice {
		const [identity = null] = [...this.certificates.values()]
			.filter(({ enrollmentId, purpose }) => enrollmentId === enrollment.id && purpose === "identity")
			.filter(({ state, notAfter }) => state === "issued" && notAfter >= now)
			.sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
		const delivery = this.latestDelivery(enrollment.id);
		return { enrollment, identity, delivery, isBlocked: this.isOfBlocked(enrollment), isContested: false };
	}
}

const counts = ({ enrollment, identity }: FoundDevice): boolean =>
	enrollment.state === "delivered" && identity !== null;

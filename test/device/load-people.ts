/**
 * The people behind a load: the server lets one person begin so many enrollments a minute, so that many devices need many
 * people. The local provider of `npm run up` knows load-1 to load-9999.
 */

import type { Transport } from "./http.ts";
import { type Credentials, signIn } from "./sign-in.ts";

/** A person who has signed in. */
export interface SignedIn {
	user: string;
	/** The Cookie header of their browser. */
	cookie: string;
	/** When they began an enrollment, in milliseconds, the oldest first. */
	starts: number[];
}

export interface PeopleOptions {
	transport: Transport;
	url: string;
	password?: string | undefined;
	/** All devices are this one person's; otherwise load-1 to load-9999, in their order from `firstPerson` on, load-1 after the last. */
	user?: string | undefined;
	firstPerson: number;
	/** Enrollments that one of many people begins within a minute. */
	startsPerMinute: number;
	/** Hears how long each sign-in took (milliseconds). */
	signedIn(ms: number): void;
}

/** How many people the local provider knows. */
export const crowd = 9999;

/**
 * Where to begin, so that the next load soon after finds people who have begun nothing within the minute: 120 people further
 * every second.
 */
export const firstPersonAt = (ms: number): number => 1 + ((Math.floor(ms / 1000) * 120) % crowd);

/** A little more than the server's minute: its clock starts when the request arrives. */
const minute = 61_000;

export class People {
	/** Who waits longest comes first. */
	readonly #waiting: SignedIn[] = [];
	#known = 0;

	constructor(private readonly options: PeopleOptions) {}

	/** How many have signed in. */
	get size(): number {
		return this.#known;
	}

	/** Signs in so many people, `lanes` at a time. */
	async prepare(count: number, lanes: number): Promise<void> {
		let left = this.options.user === undefined ? count : 1;
		const lane = async (): Promise<void> => {
			while (left-- > 0) this.#waiting.push(await this.#signIn());
		};
		await Promise.all(Array.from({ length: Math.min(lanes, left) }, lane));
	}

	/** Somebody who may begin an enrollment now; signs in one more when nobody may. To be given back. */
	async take(): Promise<SignedIn> {
		const now = performance.now();
		const { user, startsPerMinute } = this.options;
		const at = this.#waiting.findIndex(({ starts }) => {
			return user !== undefined || starts.length < startsPerMinute || now - (starts[0] ?? 0) > minute;
		});
		const person = at === -1 ? await this.#signIn() : (this.#waiting.splice(at, 1)[0] as SignedIn);
		if (user !== undefined) this.#waiting.push(person);
		person.starts.push(now);
		if (person.starts.length > startsPerMinute) person.starts.shift();
		return person;
	}

	giveBack(person: SignedIn): void {
		if (this.options.user === undefined) this.#waiting.push(person);
	}

	async #signIn(): Promise<SignedIn> {
		const { transport, url, password, firstPerson, signedIn } = this.options;
		const user = this.options.user ?? `load-${1 + ((firstPerson - 1 + this.#known) % crowd)}`;
		this.#known += 1;
		const started = performance.now();
		const credentials: Credentials = { user, ...(password === undefined ? {} : { password }) };
		const cookie = await signIn(transport, `${url}/enroll`, credentials);
		signedIn(performance.now() - started);
		return { user, cookie, starts: [] };
	}
}

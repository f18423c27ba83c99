/**
 * Devices by the thousand: every one goes the whole journey, from GET /enroll of somebody signed in to the decrypted final
 * profile, with the checks that a single emulated device makes. Keys and sign-ins are made beforehand and not timed.
 */
import type { DeviceAuthority } from "./authority.ts";
import type { Model } from "./device-response.ts";
import { DeviceSession } from "./device-session.ts";
import { keepAliveTransport } from "./keep-alive.ts";
import { deviceSource, type PreparedDevice } from "./load-devices.ts";
import { firstPersonAt, People } from "./load-people.ts";
import { type LoadReport, Tally } from "./load-report.ts";
import { quickReading } from "./reading.ts";

/** The load. */
export interface LoadOptions {
	/** Where the server's pages are: origin and base path, no trailing slash. */
	url: string;
	/** Issues the devices' built-in identities. */
	authority: DeviceAuthority;
	/** Journeys altogether, one device each. */
	devices: number;
	/** Journeys at a time. */
	concurrency: number;
	model?: Model | undefined;
	/** Everybody is this person; otherwise load-1, load-2 and so on sign in. */
	user?: string | undefined;
	password?: string | undefined;
	/** Goes on to the client identities of the final profile. */
	client?: boolean | undefined;
	/** Enrollments that one of many people begins within a minute; 100 unless told (the server's own limit is 120). */
	startsPerMinute?: number | undefined;
	/** Of load-1 to load-9999; another one for every second unless told. */
	firstPerson?: number | undefined;
	/** Devices prepared at a time; the clock stands while more are made. 5,000 unless told. */
	portion?: number | undefined;
	/** Hears of everything that is done. */
	progress?: ((progress: LoadProgress) => void) | undefined;
	/** Ends the load early: journeys under way are finished, the others are left out. */
	signal?: AbortSignal | undefined;
}

/** How far it is. `failed` counts journeys. */
export interface LoadProgress {
	phase: "primes" | "devices" | "sign-ins" | "journeys";
	done: number;
	total: number;
	failed: number;
}

/** People signed in beforehand serve so many enrollments in the first minute; whoever is needed further signs in on the way. */
const firstMinute = 12_000;

/** Runs a load to its end. Throws DeviceError when it cannot begin (no server, nobody can sign in). */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
	const transport = keepAliveTransport(options.concurrency);
	try {
		return await new Load(options, transport).run();
	} finally {
		transport.close();
	}
}

class Load {
	readonly #tally = new Tally();
	readonly #reading = quickReading();
	readonly #people: People;
	readonly #clock = { wallMs: 0, userMs: 0, systemMs: 0 };
	#root: Uint8Array | undefined;

	constructor(
		private readonly options: LoadOptions,
		private readonly transport: ReturnType<typeof keepAliveTransport>,
	) {
		const { url, user, password, startsPerMinute = 100, firstPerson = firstPersonAt(Date.now()) } = options;
		const signedIn = (ms: number): void => this.#tally.took("sign in", ms);
		this.#people = new People({ transport, url, user, password, startsPerMinute, firstPerson, signedIn });
	}

	async run(): Promise<LoadReport> {
		const { authority, devices, concurrency, model = "iphone", client, portion = 5000, signal } = this.options;
		const started = performance.now();
		const made = (phase: "primes" | "devices", done: number, total: number) => this.#tell(phase, done, total);
		await this.#fetchRoot(authority);
		const people = Math.max(
			concurrency,
			Math.ceil(Math.min(devices, firstMinute) / (this.options.startsPerMinute ?? 100)),
		);
		await this.#people.prepare(Math.min(people, devices), concurrency);
		this.#tell("sign-ins", this.#people.size, this.#people.size);
		const keysPerDevice = client ? 2 : 1;
		const next = await deviceSource({ authority, devices, keysPerDevice, style: model, made, signal });
		for (let begun = 0; begun < devices && !signal?.aborted; begun += portion) {
			const prepared = await next(Math.min(portion, devices - begun));
			await this.#timed(() => this.#runLanes(prepared));
		}
		return this.#report((performance.now() - started - this.#clock.wallMs) / 1000);
	}

	/** GET /CA, once: devices of a load know the root already. */
	async #fetchRoot(authority: DeviceAuthority): Promise<void> {
		const { url } = this.options;
		const session = new DeviceSession({ url, transport: this.transport, authority, reading: this.#reading });
		this.#root = await session.fetchRoot();
	}

	async #timed(work: () => Promise<void>): Promise<void> {
		const started = performance.now();
		const before = process.cpuUsage();
		await work();
		const { user, system } = process.cpuUsage(before);
		this.#clock.wallMs += performance.now() - started;
		this.#clock.userMs += user / 1000;
		this.#clock.systemMs += system / 1000;
	}

	async #runLanes(devices: PreparedDevice[]): Promise<void> {
		devices.reverse();
		const lane = async (): Promise<void> => {
			// Taken out, so that a device that is done with can be forgotten.
			for (let device = devices.pop(); device && !this.options.signal?.aborted; device = devices.pop()) {
				await this.#journey(device);
			}
		};
		await Promise.all(Array.from({ length: this.options.concurrency }, lane));
	}

	async #journey(device: PreparedDevice): Promise<void> {
		try {
			const person = await this.#people.take();
			const started = performance.now();
			try {
				await this.#travel(device, person);
			} finally {
				this.#people.giveBack(person);
			}
			this.#tally.took("journey", performance.now() - started);
			this.#tally.ok += 1;
		} catch (error) {
			this.#tally.failedWith(error);
		}
		this.#tell("journeys", this.#tally.ok + this.#tally.failed, this.options.devices);
	}

	async #travel(
		{ builtIn, scepKeys }: PreparedDevice,
		{ user, cookie }: { user: string; cookie: string },
	): Promise<void> {
		const { url, model = "iphone", client } = this.options;
		const { transport } = this;
		const keys = scepKeys.map(({ key }) => key);
		const session = new DeviceSession({
			url,
			transport,
			identity: builtIn,
			model,
			reading: this.#reading,
			keys: () => keys.shift() ?? raise("the profile asks for more identities than were prepared"),
			report: ({ step, ms }) => {
				if (!step.endsWith(" key")) this.#tally.took(step, ms);
			},
		});
		session.root = this.#root;
		const [first, second] = scepKeys;
		await session.fetchProfileServiceAs(user, cookie);
		await session.sendDeviceResponse();
		await session.enrollIdentity(first ? { signer: first.signer } : {});
		await session.sendProfileRequest();
		if (client) await session.enrollClientIdentities(second ? { signer: second.signer } : {});
	}

	#tell(phase: LoadProgress["phase"], done: number, total: number): void {
		this.options.progress?.({ phase, done, total, failed: this.#tally.failed });
	}

	#report(preparationSeconds: number): LoadReport {
		const { url, devices, concurrency, client = false } = this.options;
		const { ok, failed } = this.#tally;
		const { wallMs, userMs, systemMs } = this.#clock;
		const steps = this.#tally.steps();
		const last = steps.filter(({ step }) => step === "journey");
		return {
			ok: ok === devices,
			url,
			devices,
			concurrency,
			client,
			people: this.#people.size,
			journeys: { ok, failed },
			wallSeconds: rounded(wallMs / 1000),
			journeysPerSecond: rounded(wallMs > 0 ? ok / (wallMs / 1000) : 0),
			preparationSeconds: rounded(preparationSeconds),
			steps: [...steps.filter(({ step }) => step !== "journey"), ...last],
			failures: this.#tally.failures(),
			cpu: {
				userMs: rounded(userMs),
				systemMs: rounded(systemMs),
				msPerJourney: rounded((userMs + systemMs) / Math.max(1, ok + failed)),
			},
		};
	}
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

function raise(words: string): never {
	throw new Error(words);
}

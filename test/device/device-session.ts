/** One device in the middle of its enrollment: what it is, what it has got so far, and each step as a method of its own. */
import type { PlistValue } from "plist";
import { type DeviceAuthority, issueDeviceIdentity } from "./authority.ts";
import type { Identity } from "./certificate.ts";
import { findChainTo } from "./chain.ts";
import {
	buildDeviceResponse,
	type DeviceResponseOptions,
	knownAttributes,
	type Model,
	macExtras,
	randomSerialNumber,
	randomUdid,
} from "./device-response.ts";
import { DeviceError, ensure } from "./errors.ts";
import { type FinalProfile, openFinalProfile } from "./final-profile.ts";
import { exchange, httpTransport, type Transport } from "./http.ts";
import type { Digest } from "./oids.ts";
import {
	type ProfileService,
	readIdentityProfile,
	readProfileService,
	readScepPayload,
	type ScepPayload,
} from "./profile.ts";
import { carefulReading, type Reading } from "./reading.ts";
import { enrollScep, type KeySource } from "./scep-client.ts";
import type { PkcsReqOptions } from "./scep-message.ts";
import { browse, type Credentials } from "./sign-in.ts";
import { verifySignedData } from "./signed-data-reader.ts";

/** A step that was taken, and how long it took. */
export interface StepReport {
	step: string;
	ms: number;
}

/** The emulated device. */
export interface DeviceOptions {
	/** Where the server's pages are: origin and base path, no trailing slash. */
	url: string;
	/** Of the device's requests and the sign-in pages; over the network unless told. */
	transport?: Transport;
	/** Issues the built-in identity unless `identity` is given. */
	authority?: DeviceAuthority;
	identity?: Identity;
	model?: Model;
	/** Random unless told. */
	udid?: string;
	serialNumber?: string;
	/** Over the model's own attributes; undefined takes one away. */
	attributes?: Readonly<Record<string, PlistValue | undefined>>;
	/** Of the messages to /profile; sha1 (Apple's default) unless told. */
	digest?: Digest;
	/** Gives the keys for SCEP; fresh RSA keys unless told. */
	keys?: KeySource;
	/** How it reads what it is sent; careful unless told. Both ways make the same checks. */
	reading?: Reading;
	now?: () => Date;
	/** Called before each CertPoll while an identity is pending; absent: PENDING is an error. */
	waits?: () => Promise<void>;
	/** Hears of each step when it is done. */
	report?: (step: StepReport) => void;
}

const aspenConfig = "application/x-apple-aspen-config";
const pkcs7Signature = "application/pkcs7-signature";

/** An emulated device. Each method is one step and leaves what it got in the fields; tests may call them singly. */
export class DeviceSession {
	readonly model: Model;
	readonly udid: string;
	readonly serialNumber: string;
	/** The built-in identity. */
	readonly builtIn: Identity;
	readonly steps: StepReport[] = [];
	/** Every attribute that the device would tell when asked. */
	readonly attributes: Readonly<Record<string, PlistValue>>;
	user: string | undefined;
	/** DER, from /CA. */
	root: Uint8Array | undefined;
	profileService: ProfileService | undefined;
	identityPayload: ScepPayload | undefined;
	/** From SCEP: the identity to which the final profile is encrypted. */
	identity: Identity | undefined;
	finalProfile: FinalProfile | undefined;
	/** The identities of the final profile's SCEP payloads, by PayloadUUID. */
	readonly clientIdentities = new Map<string, Identity>();
	private readonly transport: Transport;
	private readonly reading: Reading;
	private readonly now: () => Date;

	constructor(private readonly options: DeviceOptions) {
		this.model = options.model ?? "iphone";
		this.udid = options.udid ?? randomUdid(this.model);
		this.serialNumber = options.serialNumber ?? randomSerialNumber();
		const builtIn = options.identity ?? (options.authority ? issueDeviceIdentity(options.authority) : undefined);
		if (!builtIn) throw new TypeError("A device needs an authority or an identity.");
		this.builtIn = builtIn;
		const told = { ...knownAttributes(this.model, this.udid, this.serialNumber), ...options.attributes };
		const entries = Object.entries(told).filter(([, value]) => value !== undefined);
		this.attributes = Object.fromEntries(entries) as Record<string, PlistValue>;
		this.transport = options.transport ?? httpTransport();
		this.reading = options.reading ?? carefulReading;
		this.now = options.now ?? (() => new Date());
	}

	/** Runs and reports a step; whatever fails becomes a DeviceError. */
	async timed<T>(step: string, work: () => Promise<T>): Promise<T> {
		const start = performance.now();
		try {
			const result = await work();
			const report = { step, ms: Math.round((performance.now() - start) * 10) / 10 };
			this.steps.push(report);
			this.options.report?.(report);
			return result;
		} catch (cause) {
			if (cause instanceof DeviceError) throw cause;
			throw new DeviceError(step, cause instanceof Error ? cause.message : String(cause), { cause });
		}
	}

	/** GET /CA: the root that signatures are judged by. */
	fetchRoot(): Promise<Uint8Array> {
		return this.timed("CA", async () => {
			const accept = ["application/x-x509-ca-cert"];
			const { body } = await exchange(this.transport, "CA", `${this.options.url}/CA`, { accept });
			const fields = this.reading.certificate(body);
			ensure(this.reading.isIssuedBy(fields, fields), "CA", "The certificate of /CA is not a self-signed CA.");
			this.root = body;
			return body;
		});
	}

	/** GET /enroll with the sign-in before it: the profile service, verified. */
	fetchProfileService(credentials: Credentials = {}): Promise<ProfileService> {
		return this.timed("profile service", async () => {
			const step = "profile service";
			this.user = credentials.user;
			const response = await browse(this.transport, `${this.options.url}/enroll`, credentials);
			const contentType = response.headers.get("content-type");
			ensure(
				response.status === 200 && contentType === aspenConfig,
				step,
				`/enroll answered ${response.status} with Content-Type "${contentType}".`,
			);
			return this.openProfileService(new Uint8Array(await response.arrayBuffer()));
		});
	}

	/** GET /enroll in a browser where `user` has signed in already; the profile service, verified. */
	fetchProfileServiceAs(user: string, cookie: string): Promise<ProfileService> {
		const step = "profile service";
		return this.timed(step, async () => {
			this.user = user;
			const init = { cookie, accept: [aspenConfig] };
			const { body } = await exchange(this.transport, step, `${this.options.url}/enroll`, init);
			return this.openProfileService(body);
		});
	}

	/** Takes a profile service that came some other way. */
	openProfileService(message: Uint8Array): ProfileService {
		this.profileService = readProfileService(this.verifyProfile(message, "profile service"), this.reading);
		return this.profileService;
	}

	/** First POST: the device response, with only what was asked for and what this device knows. */
	sendDeviceResponse(bend: Partial<DeviceResponseOptions> = {}): Promise<ScepPayload> {
		return this.timed("device response", async () => {
			const message = this.buildDeviceResponse(bend);
			const profile = await this.postProfile("device response", message);
			this.identityPayload = readIdentityProfile(this.verifyProfile(profile, "identity profile"), this.reading);
			return this.identityPayload;
		});
	}

	/** The device response as bytes, not sent. */
	buildDeviceResponse(bend: Partial<DeviceResponseOptions> = {}): Uint8Array {
		const { challenge } = this.service();
		return buildDeviceResponse({
			identity: this.builtIn,
			attributes: this.answers(),
			...(challenge === undefined ? {} : { challenge }),
			...(this.model === "mac" ? { certificates: [this.builtIn.certificate] } : {}),
			...(this.options.digest ? { digest: this.options.digest } : {}),
			...bend,
		});
	}

	/** SCEP enrollment of the identity profile's payload. */
	async enrollIdentity(bend: Partial<PkcsReqOptions> = {}): Promise<Identity> {
		const payload = this.identityPayload;
		ensure(payload, "identity", "There is no identity profile yet.");
		this.identity = await this.enrollPayload(payload, "identity", bend);
		return this.identity;
	}

	/** Second POST: the profile request, signed by the identity; the final profile, verified and opened. */
	sendProfileRequest(bend: Partial<DeviceResponseOptions> = {}): Promise<FinalProfile> {
		return this.timed("profile request", async () => {
			const message = this.buildProfileRequest(bend);
			const profile = await this.postProfile("profile request", message);
			return this.openFinalProfile(profile);
		});
	}

	/** The profile request as bytes, not sent. */
	buildProfileRequest(bend: Partial<DeviceResponseOptions> = {}): Uint8Array {
		const identity = bend.identity ?? this.identity;
		ensure(identity, "profile request", "There is no identity yet.");
		return buildDeviceResponse({
			identity,
			attributes: this.answers(),
			...(this.options.digest ? { digest: this.options.digest } : {}),
			...bend,
		});
	}

	/** Verifies and decrypts a final profile. */
	openFinalProfile(message: Uint8Array): FinalProfile {
		ensure(this.identity, "final profile", "There is no identity yet.");
		const content = this.verifyProfile(message, "final profile");
		this.finalProfile = openFinalProfile(content, this.identity, this.secrets(), this.reading);
		return this.finalProfile;
	}

	/** SCEP enrollment of every SCEP payload inside the final profile, each with a key of its own. */
	async enrollClientIdentities(bend: Partial<PkcsReqOptions> = {}): Promise<Identity[]> {
		ensure(this.finalProfile, "client", "There is no final profile yet.");
		for (const dictionary of this.finalProfile.payloads) {
			if (dictionary.PayloadType !== "com.apple.security.scep") continue;
			const payload = readScepPayload(dictionary, "final profile");
			this.clientIdentities.set(payload.payloadUUID, await this.enrollPayload(payload, "client", bend));
		}
		return [...this.clientIdentities.values()];
	}

	/** POST to the profile service's URL; the answer's bytes. */
	async postProfile(step: string, body: Uint8Array): Promise<Uint8Array> {
		const init = { body, contentType: pkcs7Signature, accept: [aspenConfig] };
		return (await exchange(this.transport, step, this.service().url, init)).body;
	}

	/** The signed profile's content; it must be DER and its signer must chain to the root of /CA. */
	verifyProfile(message: Uint8Array, step: string): Uint8Array {
		ensure(this.root, step, "There is no root certificate yet.");
		const { reading } = this;
		const verified = verifySignedData(message, step, { der: true, reading });
		const chain = findChainTo(verified.signer, verified.certificates, this.root, this.now(), reading);
		ensure(chain, step, "The profile's signer does not chain to the root certificate of /CA.");
		const usage = reading.certificate(verified.signer).keyUsage;
		ensure(usage?.has(0) ?? true, step, "The profile's signer may not sign.");
		ensure(verified.content, step, "The profile has no content.");
		return verified.content;
	}

	private enrollPayload(payload: ScepPayload, purpose: string, bend: Partial<PkcsReqOptions>): Promise<Identity> {
		return enrollScep({
			transport: this.transport,
			payload,
			style: this.model,
			...(this.options.keys ? { keys: this.options.keys } : {}),
			...(this.options.waits ? { waits: this.options.waits } : {}),
			at: this.now(),
			timed: (step, work) => this.timed(`${purpose} ${step}`, work),
			bend,
			reading: this.reading,
		});
	}

	private service(): ProfileService {
		ensure(this.profileService, "profile service", "There is no profile service yet.");
		return this.profileService;
	}

	private answers(): Record<string, PlistValue> {
		const asked = this.service().deviceAttributes.filter((name) => name in this.attributes);
		const answers = Object.fromEntries(asked.map((name) => [name, this.attributes[name] as PlistValue]));
		return this.model === "mac" ? { ...answers, ...macExtras() } : answers;
	}

	/** What the outer profile must not tell. */
	private secrets(): string[] {
		const person = this.user?.includes("@") ? this.user : this.user && `${this.user}@`;
		return [this.udid, this.serialNumber, person ?? ""];
	}
}

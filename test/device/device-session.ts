/** One device in the middle of its enrollment: what it is, what it has got so far, and each step as a method of its own. */
import type { PlistValue } from "plist";
import { issueDeviceIdentity } from "./authority.ts";
import type { Identity } from "./certificate.ts";
import { findChainTo } from "./chain.ts";
import type { DeviceOptions, StepReport } from "./device-options.ts";
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
import { accepted, exchange, httpTransport, send, type Transport } from "./http.ts";
import {
	type ProfileService,
	readIdentityProfile,
	readProfileService,
	readScepPayload,
	type ScepPayload,
} from "./profile.ts";
import { carefulReading, type Reading } from "./reading.ts";
import { enrollScep } from "./scep-client.ts";
import type { PkcsReqOptions } from "./scep-message.ts";
import { browse, type Credentials } from "./sign-in.ts";
import { verifySignedData } from "./signed-data-reader.ts";
import { checkReplaces, redirectOf, type UpdateOutcome } from "./update.ts";

const aspenConfig = "application/x-apple-aspen-config";
const pkcs7Signature = "application/pkcs7-signature";

/** An emulated device. Each method is one step and leaves what it got in the fields; tests may call them singly. */
export class DeviceSession {
	/** Where the server's pages are. */
	readonly url: string;
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
		this.url = options.url;
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
			const { body } = await exchange(this.transport, "CA", `${this.url}/CA`, { accept });
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
			const response = await browse(this.transport, `${this.url}/enroll`, credentials);
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
			const { body } = await exchange(this.transport, step, `${this.url}/enroll`, init);
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
		this.finalProfile = this.readFinalProfile(message);
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

	/**
	 * Later, a lone profile request: what follows from its answer. Another profile takes the place of the one that is there;
	 * `enrollClientIdentities` then gets its identities. Throws the error that the device shows.
	 */
	update(bend: Partial<DeviceResponseOptions> = {}): Promise<UpdateOutcome> {
		const step = "update";
		return this.timed<UpdateOutcome>(step, async () => {
			const { url } = this.service();
			ensure(this.finalProfile, step, "There is no profile to update yet.");
			const init = { body: this.buildProfileRequest(bend), contentType: pkcs7Signature };
			const answer = await send(this.transport, step, url, init);
			const location = redirectOf(answer, url, step, this.secrets());
			if (location !== null) return { kind: "redirect", location };
			return { kind: "profile", ...this.replaceProfile(accepted(answer, step, [aspenConfig]).body, step) };
		});
	}

	/** The confirming post after a profile is installed: the same for every device, signed by the identity. */
	confirm(bend: Partial<DeviceResponseOptions> = {}): Promise<void> {
		return this.timed("confirmation", async () => {
			const message = this.buildConfirmation(bend);
			const init = { body: message, contentType: pkcs7Signature };
			await exchange(this.transport, "confirmation", this.service().url, init);
		});
	}

	/** The confirming post as bytes, not sent. */
	buildConfirmation(bend: Partial<DeviceResponseOptions> = {}): Uint8Array {
		const identity = bend.identity ?? this.identity;
		ensure(identity, "confirmation", "There is no identity yet.");
		const { digest } = this.options;
		return buildDeviceResponse({ identity, attributes: { Confirmed: true }, ...(digest ? { digest } : {}), ...bend });
	}

	/** A profile that came as a file (.mobileconfig), verified, opened and installed over the one that is there. */
	openDownloaded(message: Uint8Array): FinalProfile {
		return this.finalProfile ? this.replaceProfile(message, "download").profile : this.openFinalProfile(message);
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

	/** Installs a profile over the one that is there; when it does not fit, that one stays. */
	private replaceProfile(message: Uint8Array, step: string): { profile: FinalProfile; replaced: FinalProfile } {
		const replaced = this.finalProfile;
		ensure(replaced, step, "There is no profile to replace.");
		const profile = this.readFinalProfile(message);
		checkReplaces(profile, replaced, step);
		this.finalProfile = profile;
		return { profile, replaced };
	}

	private readFinalProfile(message: Uint8Array): FinalProfile {
		ensure(this.identity, "final profile", "There is no identity yet.");
		const content = this.verifyProfile(message, "final profile");
		return openFinalProfile(content, this.identity, this.secrets(), this.reading);
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

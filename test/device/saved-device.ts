/** A device laid away as text and taken up again: what it is, its keys and certificates, and the profile that it has. */
import { createPrivateKey } from "node:crypto";
import { build, type PlistValue } from "plist";
import { type Identity, pemOf, readPem } from "./certificate.ts";
import type { DeviceOptions } from "./device-options.ts";
import { knownAttributes, type Model } from "./device-response.ts";
import { DeviceSession } from "./device-session.ts";
import { DeviceError, ensure } from "./errors.ts";
import { type Dictionary, dictionaryOf, readProfileService } from "./profile.ts";
import { readPropertyList } from "./property-list.ts";

const form = "next-ota device 1";
const step = "saved device";

interface SavedIdentity {
	/** PEM: its own, then its issuers, nearest first. */
	certificates: string;
	/** PEM, PKCS#8. */
	privateKey: string;
}

/** JSON; what property lists know and JSON does not is in XML. */
interface SavedDevice {
	form: typeof form;
	url: string;
	model: Model;
	udid: string;
	serialNumber: string;
	user?: string;
	attributes: string;
	builtIn: SavedIdentity;
	root?: string;
	profileService?: string;
	identity?: SavedIdentity;
	clientIdentities: Record<string, SavedIdentity>;
	finalProfile?: string;
}

/** JSON text with PRIVATE KEYS and the profile's secrets in it: for a file that nobody else may read. */
export function saveDevice(session: DeviceSession): string {
	const { url, model, udid, serialNumber, user, root, profileService, identity, finalProfile } = session;
	const clients = [...session.clientIdentities].map(([uuid, one]) => [uuid, saved(one)] as const);
	const device: SavedDevice = {
		form,
		url,
		model,
		udid,
		serialNumber,
		...(user === undefined ? {} : { user }),
		attributes: build(session.attributes),
		builtIn: saved(session.builtIn),
		...(root && { root: pemOf(root) }),
		...(profileService && { profileService: build(profileService.dictionary) }),
		...(identity && { identity: saved(identity) }),
		clientIdentities: Object.fromEntries(clients),
		...(finalProfile && { finalProfile: build({ outer: finalProfile.outer, payloads: finalProfile.payloads }) }),
	};
	return `${JSON.stringify(device, null, "\t")}\n`;
}

const saved = ({ certificate, chain, privateKey }: Identity): SavedIdentity => ({
	certificates: [certificate, ...chain].map(pemOf).join(""),
	privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
});

/** How the device goes on: its wire, clock and so on, but nothing of what it is. */
export type RestoreOptions = Omit<
	DeviceOptions,
	"url" | "authority" | "identity" | "model" | "udid" | "serialNumber" | "attributes"
>;

/** The device of such a text. Throws DeviceError for a text that is none. */
export function restoreDevice(text: string, options: RestoreOptions = {}): DeviceSession {
	try {
		return restored(readSaved(text), options);
	} catch (cause) {
		const reason = cause instanceof Error ? `: ${cause.message}` : "";
		throw new DeviceError(step, `This is no device that was saved here${reason}`, { cause });
	}
}

function readSaved(text: string): SavedDevice {
	const device = JSON.parse(text) as SavedDevice;
	ensure(device?.form === form, step, `its form is not "${form}".`);
	return device;
}

function restored(device: SavedDevice, options: RestoreOptions): DeviceSession {
	const { url, model, udid, serialNumber, user, root, profileService, identity, finalProfile } = device;
	const told = dictionaryIn(device.attributes);
	// What the saved device does not tell, the restored one does not begin to tell.
	const untold = Object.keys(knownAttributes(model, udid, serialNumber)).map((name) => [name, undefined]);
	const attributes: Record<string, PlistValue | undefined> = { ...Object.fromEntries(untold), ...told };
	const builtIn = identityIn(device.builtIn);
	const session = new DeviceSession({ ...options, url, model, udid, serialNumber, attributes, identity: builtIn });
	session.user = user;
	if (root) session.root = readPem(root)[0];
	if (profileService) session.profileService = readProfileService(Buffer.from(profileService), options.reading);
	if (identity) session.identity = identityIn(identity);
	for (const [uuid, one] of Object.entries(device.clientIdentities)) {
		session.clientIdentities.set(uuid, identityIn(one));
	}
	if (finalProfile) session.finalProfile = profileIn(finalProfile);
	return session;
}

function identityIn({ certificates, privateKey }: SavedIdentity): Identity {
	const [certificate, ...chain] = readPem(certificates);
	ensure(certificate, step, "an identity has no certificate.");
	return { certificate, chain, privateKey: createPrivateKey(privateKey) };
}

const dictionaryIn = (xml: string): Dictionary => dictionaryOf(readPropertyList(xml), "what was saved", step);

function profileIn(xml: string) {
	const { outer, payloads } = dictionaryIn(xml);
	ensure(Array.isArray(payloads), step, "the profile has no payloads.");
	const read = payloads.map((one) => dictionaryOf(one, "each payload", step));
	return { outer: dictionaryOf(outer, "the profile", step), payloads: read };
}

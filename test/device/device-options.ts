/** What an emulated device is made of, and what it reports of its steps. */
import type { PlistValue } from "plist";
import type { DeviceAuthority } from "./authority.ts";
import type { Identity } from "./certificate.ts";
import type { Model } from "./device-response.ts";
import type { Transport } from "./http.ts";
import type { Digest } from "./oids.ts";
import type { Reading } from "./reading.ts";
import type { KeySource } from "./scep-client.ts";

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

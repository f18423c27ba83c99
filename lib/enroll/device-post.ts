/**
 * A device's signed post. Which of the two it is, is told by the CA that issued its signer, never by what it says:
 * a device CA means the device response (lane L1), our own CAs the profile request (lane L2).
 */

import { readDeviceAttributes } from "../apple/attributes.ts";
import { issuerOf, judgeDeviceIdentity } from "../apple/device-identity.ts";
import { readPlist } from "../apple/plist-reader.ts";
import { judgeChain } from "../cms/chain.ts";
import { readSignedData } from "../cms/signed-data.ts";
import { OtaError } from "../errors.ts";
import { ownRules } from "./authorities.ts";
import { confirm } from "./confirm.ts";
import type { EnrollContext } from "./context.ts";
import { deliver } from "./deliver.ts";
import { identify } from "./identify.ts";
import { issuerAmong } from "./issuers.ts";
import type { Renewal } from "./update.ts";

/** A signed profile (DER), the way to another enrollment, or nothing: a confirmation was noted. */
export async function answerDevice(context: EnrollContext, body: Uint8Array): Promise<Uint8Array | Renewal | null> {
	// SHA-1 is Apple's default here; the signature is evidence, the challenge or our own certificate decides.
	const { content, signer } = readSignedData(body).verify(["sha1", "sha256", "sha384", "sha512"]);
	const ours = issuerAmong(context.cas, signer);
	if (ours !== null) {
		// Whether this one still counts, and its dates, the database tells.
		judgeChain([signer], ours, ownRules);
		const post = readPlist(content);
		if (post.UDID !== undefined) return deliver(context, signer, readDeviceAttributes(post));
		await confirm(context, signer);
		return null;
	}
	const anchor = issuerOf(signer, context.deviceAnchors);
	if (anchor === null) throw new OtaError("signer_untrusted", "signed by nobody that we know");
	judgeDeviceIdentity(signer, anchor);
	return identify(context, signer, readDeviceAttributes(readPlist(content)));
}

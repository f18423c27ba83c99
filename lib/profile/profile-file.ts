/** A .mobileconfig file, signed or not, as the profile in it. A signature is not judged: that is the device's business. */
import { readSignedData } from "../cms/signed-data.ts";
import { OtaError } from "../errors.ts";
import { isPropertyListDict, type PropertyListDict, type PropertyListValue } from "./property-list.ts";
import { propertyListLimits, readPropertyList } from "./property-list-reader.ts";

export interface ProfileFile {
	profile: PropertyListDict;
	/** Whether a CMS signature was around it, which was NOT verified. */
	isSigned: boolean;
}

/** What certificates and attributes of a signed profile may need beside its content (octets). */
const signatureSize = 256 * 1024;

/** Throws `too_large` or `malformed`, in words for who chose the file. */
export function readProfileFile(bytes: Uint8Array): ProfileFile {
	if (bytes.length > propertyListLimits.bytes + signatureSize) {
		throw new OtaError("too_large", "The file is longer than a profile may be (4 MiB)");
	}
	const isSigned = bytes[0] === 0x30;
	const content = isSigned ? signedContent(bytes) : bytes;
	refuseOtherForms(content);
	const root: PropertyListValue = readPropertyList(content);
	if (!isPropertyListDict(root)) throw new OtaError("malformed", "Property list: its root is not a dictionary");
	return { profile: root as PropertyListDict, isSigned };
}

function signedContent(bytes: Uint8Array): Uint8Array {
	const limits = { ber: true, maxBytes: propertyListLimits.bytes + signatureSize, maxElements: 50_000 };
	return readSignedData(bytes, limits).unverifiedContent;
}

function refuseOtherForms(content: Uint8Array): void {
	const start = String.fromCharCode(...content.subarray(0, 8));
	if (start.startsWith("bplist")) {
		throw new OtaError(
			"malformed",
			"A binary property list is not read here; convert it first: plutil -convert xml1 FILE",
		);
	}
	if (/^(?:\xff\xfe|\xfe\xff)/.test(start)) {
		throw new OtaError("malformed", "The file is UTF-16; save it as UTF-8");
	}
}

/**
 * The names that a machine may choose for itself, where its challenge says so: those of an allow-list, printable and
 * bounded, and none that could be taken for a certificate of ours. Everything else that a request asks for is left out.
 */
import type { X509 } from "../cms/certificate.ts";
import { readName } from "../der/name.ts";
import { oids } from "../der/oids.ts";
import { context, readDer, tag } from "../der/reader.ts";
import { asOtaError, OtaError } from "../errors.ts";
import type { SubjectName } from "../ports.ts";
import type { Names } from "./certificate-names.ts";
import type { CertificationRequest } from "./csr.ts";

/** What a name is made of: letters, digits, signs and single blanks; nothing that is not seen, or turns around what is. */
const words = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]+(?: [\p{L}\p{M}\p{N}\p{P}\p{S}]+)*$/u;
/** And no address of a person's: who takes a CN for a user would take a machine for one. */
const machineName = /^(?!.*[@\uff20\ufe6b])[\p{L}\p{M}\p{N}\p{P}\p{S}]+(?: [\p{L}\p{M}\p{N}\p{P}\p{S}]+)*$/u;
const printable = /^[A-Za-z0-9 '()+,\-./:=?]+$/;

interface Admitted {
	/** Characters at most (RFC 5280 appendix A.1). */
	longest: number;
	form: RegExp;
	/** How often. */
	most: number;
}
/** By their short names. */
export const admitted: Readonly<Record<string, Admitted>> = {
	CN: { longest: 64, form: machineName, most: 1 },
	O: { longest: 64, form: words, most: 1 },
	OU: { longest: 64, form: words, most: 4 },
	serialNumber: { longest: 64, form: printable, most: 1 },
	C: { longest: 2, form: /^[A-Z]{2}$/, most: 1 },
	L: { longest: 128, form: words, most: 1 },
	ST: { longest: 128, form: words, most: 1 },
};

export const mostHosts = 8;
/** A host's name in full, as RFC 1123 section 2.1 has it; the last label is no number, or it would be an address. */
const host = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

const refused = (why: string, cause?: unknown): OtaError =>
	new OtaError("policy", `CertificationRequest: ${why}`, { cause });

/** `policy` when an admitted name has a form that is not, when none is left, or when it is the name of one of `ours`. */
export function namesFromCsr(
	request: Pick<CertificationRequest, "requestedSubject" | "requestedExtensions">,
	ours: readonly X509[],
): Names {
	try {
		const subject = admittedSubject(request.requestedSubject);
		if (subject.length === 0) throw refused("its subject has no name that is admitted");
		if (ours.some((certificate) => isLike(subject, certificate))) throw refused("its subject is one of our own");
		const hosts = admittedHosts(request.requestedExtensions().get(oids.subjectAltName)?.value);
		return { subject, subjectAltName: hosts.length > 0 ? { dNSName: hosts } : {} };
	} catch (error) {
		if (asOtaError(error).code === "malformed") throw refused("its names cannot be read", error);
		throw error;
	}
}

function admittedSubject(name: Uint8Array): SubjectName {
	const subject = readName(name).filter(([type]) => Object.hasOwn(admitted, type));
	for (const [type, { longest, form, most }] of Object.entries(admitted)) {
		const values = subject.flatMap(([of, value]) => (of === type ? [value] : []));
		if (values.length > most) throw refused(`more than ${most} of ${type}`);
		const isGood = values.every((value) => [...value].length <= longest && form.test(value));
		if (!isGood) throw refused(`its ${type} has no form that is admitted`);
	}
	return subject;
}

/** By its common name, or by the whole of it: as people compare names, not as machines do. */
export function isLike(subject: SubjectName, certificate: X509): boolean {
	const own = readName(certificate.subject);
	const commonNames = (name: SubjectName) =>
		name.flatMap(([type, value]) => (type === "CN" ? [comparable(value)] : []));
	const whole = (name: SubjectName) => name.map((attribute) => comparable(attribute.join("="))).join(",");
	const [ownNames, names] = [commonNames(own), commonNames(subject)];
	return names.some((name) => ownNames.includes(name)) || whole(own) === whole(subject);
}

const comparable = (value: string): string => value.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();

function admittedHosts(extension: Uint8Array | undefined): string[] {
	if (extension === undefined) return [];
	const list = readDer(extension);
	if (list.tag !== tag.sequence) throw refused("its subjectAltName is none");
	const named = list.children.filter((name) => name.tag === context(2, false));
	const hosts = [...new Set(named.map(({ content }) => Buffer.from(content).toString("latin1").toLowerCase()))];
	if (hosts.length > mostHosts) throw refused(`more than ${mostHosts} hosts`);
	if (!hosts.every(isHost)) throw refused("a dNSName that is no host's");
	return hosts;
}

/** In small letters. What is no name in the notation of Unicode is none in xn-- either. */
export const isHost = (name: string): boolean =>
	host.test(name) && (!name.includes("xn--") || URL.canParse(`https://${name}/`));

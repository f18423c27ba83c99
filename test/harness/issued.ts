/** Real certificates in a store, by the store's own steps: what an operator's commands find after people have enrolled. */
import { type KeyObject, randomBytes } from "node:crypto";
import { issue } from "../../lib/ca/issue.ts";
import { lintTbs } from "../../lib/ca/lint.ts";
import { buildLeaf } from "../../lib/ca/template.ts";
import { pemCertificates, readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import type { NewCertificate, Store } from "../../lib/ports.ts";
import { at, audit, identify, reserve, start } from "../contract/store-exchange.ts";
import { publicKeyInfo } from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";
import type { SoftwareKeys } from "./software-keys.ts";

export const caOf = (keys: SoftwareKeys): X509 =>
	readCertificate(pemCertificates(keys.authorities.ca)[0] as Uint8Array);

/** The identity of enrollment `id` up to its state `last`; answers what was reserved, and the certificate. */
export async function enroll(
	store: Store,
	keys: SoftwareKeys,
	id: string,
	last: "reserved" | "issued" = "issued",
	key: KeyObject = newKeyPair("rsa", { modulusLength: 2048 }).publicKey,
): Promise<{ reserved: NewCertificate; der: Uint8Array }> {
	const ca = caOf(keys);
	const subject = [["CN", `${id}@example.com`]] as const;
	const names = { purpose: "identity" as const, subject, subjectAltName: { rfc822Name: `${id}@example.com` } };
	const leaf = buildLeaf({ publicKeyInfo: publicKeyInfo(key), ...names, now: new Date() }, ca, randomBytes);
	const certificate = await issue(lintTbs(leaf.tbs, ca), ca, keys.keys);
	const hashes = { publicKeyHash: certificate.publicKeyHash, issuerKeyHash: ca.publicKeyHash };
	const request = reserve(id, 1, { ...leaf, ...hashes });
	await store.startEnrollment(start(id));
	await store.identifyFirst(identify(id));
	await store.reserveCertificate(request);
	const { serialNumber } = leaf;
	if (last === "issued") {
		const told = audit("certificate.issued", id, at(3001));
		await store.issueCertificate({ serialNumber, der: certificate.der, now: at(3001), audit: told });
	}
	return { reserved: request.certificate, der: certificate.der };
}

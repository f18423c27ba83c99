/** An issuing CA, its OCSP responder, a store with certificates in every state, and a clock that is set by hand. */
import { type KeyObject, sign } from "node:crypto";
import { readCertificate, type X509 } from "../../lib/cms/certificate.ts";
import { makeRevocation } from "../../lib/enroll/revocation.ts";
import type { RevocationOptions } from "../../lib/enroll/revocation-service.ts";
import { OtaError } from "../../lib/errors.ts";
import type { Certificate, SigningRole } from "../../lib/ports.ts";
import { type MemoryStore, memoryStore } from "../../lib/store/memory.ts";
import { buildCertificate } from "../device/index.ts";
import { newKeyPair } from "../device/key-pair.ts";

const hour = 3_600_000;
export const day = 24 * hour;

export class RevocationWorld {
	now = new Date(Math.floor(Date.now() / 1000) * 1000);
	readonly store: MemoryStore = memoryStore();
	readonly ca: X509;
	readonly caPem: Uint8Array;
	readonly responder: X509;
	/** How often each role signed. */
	readonly signed: Partial<Record<SigningRole, number>> = {};
	/** The most signatures that were in the making at a time. */
	mostAtOnce = 0;
	#atOnce = 0;
	/** While it is set, every signature fails with it. */
	away: OtaError | null = null;
	readonly log: string[] = [];
	readonly #keys: { ca: KeyObject; ocsp: KeyObject };

	constructor(commonName = "CA") {
		const ec = (): KeyObject => newKeyPair("ec", { namedCurve: "P-256" }).privateKey;
		this.#keys = { ca: ec(), ocsp: ec() };
		const dates = {
			notBefore: new Date(this.now.getTime() - 90 * day),
			notAfter: new Date(this.now.getTime() + 900 * day),
		};
		const subject: [string, string][] = [["CN", commonName]];
		this.caPem = buildCertificate({ ...dates, subject, key: this.#keys.ca, ca: {}, keyUsage: [5, 6] });
		const responder = buildCertificate({
			...dates,
			subject: [["CN", "OCSP"]],
			key: this.#keys.ocsp,
			issuer: { certificate: this.caPem, privateKey: this.#keys.ca },
			keyUsage: [0],
			extKeyUsage: ["1.3.6.1.5.5.7.3.9"],
		});
		this.ca = readCertificate(this.caPem);
		this.responder = readCertificate(responder);
	}

	get issuer(): string {
		return this.ca.publicKeyHash;
	}

	/** Another process on the same database. */
	service(more: Partial<RevocationOptions> = {}) {
		const write = (event: string): void => void this.log.push(event);
		return makeRevocation({
			store: this.store,
			keys: { sign: (role, hash, message) => this.#sign(role, hash, message) },
			clock: () => this.now,
			log: { info: write, warn: write, error: write },
			cas: [{ certificate: this.ca, role: "ca" }],
			responders: new Map([[this.issuer, this.responder]]),
			...more,
		});
	}

	async #sign(role: SigningRole, hash: string, message: Uint8Array): Promise<Uint8Array> {
		if (this.away) throw this.away;
		this.signed[role] = (this.signed[role] ?? 0) + 1;
		this.#atOnce += 1;
		this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce);
		await new Promise((resolve) => setImmediate(resolve));
		this.#atOnce -= 1;
		return sign(hash, message, role === "ocsp" ? this.#keys.ocsp : this.#keys.ca);
	}

	later(milliseconds: number): void {
		this.now = new Date(this.now.getTime() + milliseconds);
	}

	/** A row as the store keeps it; serial number as hex. */
	certificate(serialNumber: string, fields: Partial<Certificate> = {}): void {
		this.store.certificates.set(serialNumber, {
			serialNumber,
			challengeHash: `of ${serialNumber}`,
			publicKeyHash: `of ${serialNumber}`,
			keyGeneration: 0,
			issuerKeyHash: this.issuer,
			renews: null,
			enrollmentId: "e",
			purpose: "client",
			tbs: new Uint8Array(),
			notBefore: new Date(this.now.getTime() - day),
			notAfter: new Date(this.now.getTime() + 300 * day),
			createdAt: this.now,
			state: "issued",
			der: new Uint8Array(),
			issuedAt: this.now,
			usedAt: null,
			revokedAt: null,
			revocationReason: null,
			...fields,
		});
	}

	revoke(serialNumber: string, reason: number | null = 1, state: Certificate["state"] = "revoked"): void {
		const certificate = this.store.certificates.get(serialNumber) as Certificate;
		this.store.certificates.set(serialNumber, { ...certificate, state, revokedAt: this.now, revocationReason: reason });
	}
}

export const hsmAway = (): OtaError => new OtaError("hsm_unavailable", "the token is away");

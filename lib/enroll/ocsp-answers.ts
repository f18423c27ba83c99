/**
 * Answers of the OCSP responder (RFC 6960, 5019, 9654). An answer about one certificate, without a nonce, is signed once and
 * served from memory until half its life is over or something is revoked; others are signed for their asker, a few at a
 * time. Of a serial number that was never issued nothing is said, and nothing is signed.
 */
import { type CertID, issuerFinder, keyHashOf } from "../ca/ocsp-cert-id.ts";
import { type OcspRequest, readOcspRequest } from "../ca/ocsp-request.ts";
import {
	buildResponseData,
	type CertStatus,
	errorResponse,
	type SingleResponse,
	signOcspResponse,
} from "../ca/ocsp-response.ts";
import type { X509 } from "../cms/certificate.ts";
import { toHex } from "../der/values.ts";
import { asOtaError } from "../errors.ts";
import type { CertificateStatus, RevocationState } from "../ports.ts";
import type { OcspAnswer, RevocationOptions } from "./revocation-service.ts";
import { isAhead, isSameState, type States } from "./revocation-state.ts";
import { Turns } from "./turns.ts";

/** How long an answer holds (ms), and how long caches on the way may keep it (s): a revocation shows within a minute. */
const lifetime = 3_600_000;
const maxAge = 45;
/** Answers in memory, some 2 KiB each. */
const mostHeld = 8_192;
/** Signatures at a time, and how many may wait: whoever asks must not keep devices from theirs. */
const mostSigning = 4;
const mostWaiting = 64;

interface Held extends OcspAnswer {
	times: NonNullable<OcspAnswer["times"]>;
	status: string;
	state: RevocationState;
}
interface Named {
	certID: CertID;
	issuer: X509 | null;
}

const refusal = (status: Parameters<typeof errorResponse>[0]): OcspAnswer => ({
	der: errorResponse(status),
	maxAge: 0,
	times: null,
});

export class OcspAnswers {
	readonly #options: RevocationOptions;
	readonly #states: States;
	readonly #issuerOf: (certID: CertID) => X509 | null;
	/** By the DER of the CertID, oldest first. */
	readonly #held = new Map<string, Held>();
	readonly #making = new Map<string, Promise<OcspAnswer>>();
	/** Answers that are made for one asker alone. */
	#asking = 0;
	readonly #turns = new Turns(mostSigning, mostWaiting);

	constructor(options: RevocationOptions, states: States) {
		this.#options = options;
		this.#states = states;
		const answered = options.cas.filter(({ certificate }) => options.responders.has(certificate.publicKeyHash));
		this.#issuerOf = issuerFinder(answered.map(({ certificate }) => certificate));
	}

	async answer(bytes: Uint8Array): Promise<OcspAnswer> {
		try {
			return await this.#answer(readOcspRequest(bytes));
		} catch (thrown) {
			const { code, message } = asOtaError(thrown);
			if (code === "malformed" || code === "too_large") return refusal("malformedRequest");
			this.#options.log.error("ocsp.failed", { code, why: message });
			const passes = ["hsm_busy", "hsm_unavailable", "store_unavailable"].includes(code);
			return refusal(passes ? "tryLater" : "internalError");
		}
	}

	async #answer({ certIDs, nonce }: OcspRequest): Promise<OcspAnswer> {
		const named = certIDs.map((certID): Named => ({ certID, issuer: this.#issuerOf(certID) }));
		const [first, ...more] = named;
		if (!first || named.every(({ issuer }) => issuer === null)) return refusal("unauthorized");
		const isFree = this.#asking < mostSigning;
		if (more.length > 0) return isFree ? this.#forAsker(named, nonce) : refusal("tryLater");
		// A responder may leave a nonce unanswered (RFC 9654 section 2.1), and does when it is busy.
		return nonce !== null && isFree ? this.#forAsker(named, nonce) : this.#fromMemory(first);
	}

	async #fromMemory({ certID, issuer }: Named): Promise<OcspAnswer> {
		if (issuer === null) return refusal("unauthorized");
		const key = toHex(certID.der);
		const state = await this.#states.of(issuer.publicKeyHash);
		const held = this.#held.get(key);
		if (held && this.#isYoung(held) && isSameState(held.state, state)) {
			this.#keep(key, held);
			return held;
		}
		const making =
			this.#making.get(key) ??
			this.#make(key, { certID, issuer }, state).finally(() => {
				this.#making.delete(key);
			});
		this.#making.set(key, making);
		return making;
	}

	#isYoung({ times: { thisUpdate, nextUpdate } }: Held): boolean {
		const now = this.#options.clock().getTime();
		return !isAhead(thisUpdate, now) && now < (thisUpdate.getTime() + nextUpdate.getTime()) / 2;
	}

	async #make(key: string, { certID, issuer }: Named & { issuer: X509 }, state: RevocationState): Promise<OcspAnswer> {
		const found = await this.#statusOf(certID, issuer);
		if (found === null) return refusal("unauthorized");
		const status = JSON.stringify(found);
		const held = this.#held.get(key);
		// Another certificate was revoked: what was said of this one still holds.
		const answer =
			held && this.#isYoung(held) && held.status === status
				? held
				: await this.#sign([{ certID, issuer }], [found], null);
		this.#keep(key, { ...answer, status, state });
		return answer;
	}

	#keep(key: string, held: Held): void {
		this.#held.delete(key);
		this.#held.set(key, held);
		const [oldest] = this.#held.keys();
		if (this.#held.size > mostHeld && oldest !== undefined) this.#held.delete(oldest);
	}

	async #forAsker(named: readonly Named[], nonce: Uint8Array | null): Promise<OcspAnswer> {
		this.#asking += 1;
		try {
			const statuses = await Promise.all(
				named.map(({ certID, issuer }) => (issuer ? this.#statusOf(certID, issuer) : null)),
			);
			if (statuses.every((status) => status === null)) return refusal("unauthorized");
			return { ...(await this.#sign(named, statuses, nonce)), ...(nonce && { maxAge: 0 }) };
		} finally {
			this.#asking -= 1;
		}
	}

	/** Null for a serial number that this issuer has not given out, or not yet. */
	async #statusOf({ serialNumber }: CertID, issuer: X509): Promise<CertStatus | null> {
		const found = await this.#options.store.certificateStatus(serialNumber);
		if (!found || found.issuerKeyHash !== issuer.publicKeyHash) return null;
		return statusOf(found);
	}

	/** By the responder of the first issuer that is ours; all of a request's are one CA's, but for an asker who plays. */
	async #sign(
		named: readonly Named[],
		statuses: readonly (CertStatus | null)[],
		nonce: Uint8Array | null,
	): Promise<OcspAnswer & { times: NonNullable<OcspAnswer["times"]> }> {
		const { keys, clock, responders } = this.#options;
		const issuer = named.find((one) => one.issuer !== null)?.issuer;
		const responder = issuer && responders.get(issuer.publicKeyHash);
		if (!responder) throw new TypeError("an issuer without a responder is not found");
		const thisUpdate = new Date(Math.floor(clock().getTime() / 1000) * 1000);
		const nextUpdate = new Date(thisUpdate.getTime() + lifetime);
		const responses = named.map(({ certID, issuer: one }, index): SingleResponse => {
			const certStatus = (one === issuer && statuses[index]) || ({ status: "unknown" } as const);
			return { certID: certID.der, certStatus, thisUpdate, nextUpdate };
		});
		const responderKeyHash = Buffer.from(keyHashOf("sha1", responder), "hex");
		const tbs = buildResponseData({ responderKeyHash, producedAt: thisUpdate, responses, nonce });
		const der = await this.#turns.take(() =>
			signOcspResponse(tbs, responder, (hash, message) => keys.sign("ocsp", hash, message)),
		);
		return { der, maxAge, times: { thisUpdate, nextUpdate } };
	}
}

/** A reserved certificate is nothing yet; an abandoned one was never anybody's. */
function statusOf({ state, revokedAt, revocationReason }: CertificateStatus): CertStatus | null {
	if (state === "issued") return { status: "good" };
	if (state === "reserved" || revokedAt === null) return null;
	return { status: "revoked", revokedAt, reason: revocationReason };
}

/**
 * The Store over a Prisma client (SQLite or PostgreSQL). Each method is one transaction: a condition that does not hold
 * rolls it back, audit event included.
 */
import type { Store } from "../ports.ts";
import { allowDevices, disallowDevices, isAllowed, listAllowedDevices } from "./allowed-devices.ts";
import { decideApproval, findApproval, hasDelivered, listApprovals, pendApproval } from "./approvals.ts";
import { insertAuditEvent } from "./audit.ts";
import { blockDevices, isBlocked, liftBlock, listBlocks } from "./blocks.ts";
import { findCertificate, issueCertificate, reserveCertificate } from "./certificates.ts";
import { findChallenge } from "./challenges.ts";
import type { PrismaLike } from "./client.ts";
import { confirmDelivery, deliver, deliverAgain, findDelivery, hasSpentClient } from "./deliveries.ts";
import { countGroupDevices, findDevice, listDevices } from "./devices.ts";
import { countDevices, countStarts, identifyAgain, identifyFirst, startEnrollment } from "./enrollments.ts";
import { available, persist } from "./failures.ts";
import { mintChallenges } from "./machines.ts";
import { findPerson, savePerson } from "./people.ts";
import {
	findSecrets,
	findVersion,
	listProfiles,
	listVersions,
	publishedVersions,
	publishProfile,
	saveProfile,
} from "./profiles.ts";
import { reserveRenewal } from "./renewals.ts";
import {
	abandonExpired,
	adoptIssuer,
	certificateStatus,
	findRevocationList,
	listRevoked,
	pageCertificates,
	revocationState,
	storeRevocationList,
} from "./revocation-lists.ts";
import { revoke } from "./revocations.ts";

/** `close()` disconnects the client. Failure: store_unavailable, with the client's error as its cause. */
export function prismaStore(client: PrismaLike): Store {
	return {
		record: (event) =>
			available(async () => {
				await persist(() => insertAuditEvent(client, event));
			}),
		startEnrollment: (start) => available(() => startEnrollment(client, start)),
		countStarts: (userId, since) => available(() => countStarts(client, userId, since)),
		countDevices: (userId, otherThan, now) => available(() => countDevices(client, userId, otherThan, now)),
		findChallenge: (hash, publicKeyHash) => available(() => findChallenge(client, hash, publicKeyHash)),
		identifyFirst: (input) => available(() => identifyFirst(client, input)),
		identifyAgain: (input) => available(() => identifyAgain(client, input)),
		reserveCertificate: (input) => available(() => reserveCertificate(client, input)),
		issueCertificate: (input) => available(() => issueCertificate(client, input)),
		findCertificate: (serialNumber) => available(() => findCertificate(client, serialNumber)),
		findDelivery: (enrollmentId) => available(() => findDelivery(client, enrollmentId)),
		hasSpentClient: (enrollmentId, since) => available(() => hasSpentClient(client, enrollmentId, since)),
		deliver: (input) => available(() => deliver(client, input)),
		deliverAgain: (input) => available(() => deliverAgain(client, input)),
		confirmDelivery: (input) => available(() => confirmDelivery(client, input)),
		saveProfile: (input) => available(() => saveProfile(client, input)),
		publishProfile: (input) => available(() => publishProfile(client, input)),
		listProfiles: () => available(() => listProfiles(client)),
		listVersions: (name) => available(() => listVersions(client, name)),
		publishedVersions: () => available(() => publishedVersions(client)),
		findVersion: (name, version) => available(() => findVersion(client, name, version)),
		findSecrets: (wanted) => available(() => findSecrets(client, wanted)),
		savePerson: (person) => available(() => savePerson(client, person)),
		findPerson: (by) => available(() => findPerson(client, by)),
		countGroupDevices: (group, otherThan, now) => available(() => countGroupDevices(client, group, otherThan, now)),
		findDevice: (name, now) => available(() => findDevice(client, name, now)),
		listDevices: (userId, now) => available(() => listDevices(client, userId, now)),
		allowDevices: (input) => available(() => allowDevices(client, input)),
		disallowDevices: (input) => available(() => disallowDevices(client, input)),
		listAllowedDevices: () => available(() => listAllowedDevices(client)),
		isAllowed: (device) => available(() => isAllowed(client, device)),
		blockDevices: (input) => available(() => blockDevices(client, input)),
		pendApproval: (input) => available(() => pendApproval(client, input)),
		findApproval: (by) => available(() => findApproval(client, by)),
		hasDelivered: (udid) => available(() => hasDelivered(client, udid)),
		listApprovals: (state) => available(() => listApprovals(client, state)),
		decideApproval: (input) => available(() => decideApproval(client, input)),
		revoke: (input) => available(() => revoke(client, input)),
		listBlocks: () => available(() => listBlocks(client)),
		liftBlock: (input) => available(() => liftBlock(client, input)),
		isBlocked: (who) => available(() => isBlocked(client, who)),
		revocationState: (issuerKeyHash) => available(() => revocationState(client, issuerKeyHash)),
		listRevoked: (issuerKeyHash, endsAfter) => available(() => listRevoked(client, issuerKeyHash, endsAfter)),
		findRevocationList: (issuerKeyHash) => available(() => findRevocationList(client, issuerKeyHash)),
		storeRevocationList: (input) => available(() => storeRevocationList(client, input)),
		abandonExpired: (input) => available(() => abandonExpired(client, input)),
		certificateStatus: (serialNumber) => available(() => certificateStatus(client, serialNumber)),
		pageCertificates: (input) => available(() => pageCertificates(client, input)),
		adoptIssuer: (issuerKeyHash) => available(() => adoptIssuer(client, issuerKeyHash)),
		mintChallenges: (input) => available(() => mintChallenges(client, input)),
		reserveRenewal: (input) => available(() => reserveRenewal(client, input)),
		check: () =>
			available(async () => {
				await client.$queryRaw`SELECT 1`;
			}),
		close: () => available(async () => client.$disconnect()),
	};
}

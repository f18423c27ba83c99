/** All certificates of the database, or of one issuer, in pages: what is read is let go again. */
import type { Certificate, Enrollment, RevocationStore } from "../lib/ports.ts";

export interface StoredCertificate {
	certificate: Certificate;
	enrollment: Enrollment;
}

const pageSize = 500;

/** In the order of their serial numbers. */
export async function* everyCertificate(
	store: Pick<RevocationStore, "pageCertificates">,
	issuerKeyHash?: string,
): AsyncGenerator<StoredCertificate> {
	let after: string | null = null;
	for (;;) {
		const asked = { after, limit: pageSize, ...(issuerKeyHash !== undefined && { issuerKeyHash }) };
		const page: StoredCertificate[] = await store.pageCertificates(asked);
		yield* page;
		const last = page.at(-1);
		if (last === undefined || page.length < pageSize) return;
		after = last.certificate.serialNumber;
	}
}

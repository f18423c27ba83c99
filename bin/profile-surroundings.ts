/** What every final profile of this server is composed with, for trials of it. */
import { identifierPrefix } from "../lib/enroll/context.ts";
import type { RenderInput } from "../lib/profile/render.ts";
import type { Operator } from "./operator.ts";
import { ownCertificates } from "./own-certificates.ts";
import { catalogueOf } from "./profile-catalogue.ts";

type Surroundings = Pick<RenderInput, "now" | "organization" | "baseUrl" | "identifier" | "catalogue">;

export function surroundingsOf(operator: Operator): Surroundings {
	const { organization, baseUrl } = operator.config;
	const identifier = `${identifierPrefix(baseUrl)}.profile`;
	return { now: operator.now, organization, baseUrl, identifier, catalogue: catalogueOf(operator) };
}

/** DER; undefined where it is not at hand. */
export const rootOf = ({ config }: Operator): Uint8Array | undefined =>
	ownCertificates(config).find(({ role }) => role === "root")?.certificate.der;

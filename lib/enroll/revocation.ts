/** Joins the two ways to ask about revocation: both look at the same state of the database. */
import { OcspAnswers } from "./ocsp-answers.ts";
import { RevocationLists } from "./revocation-lists.ts";
import type { RevocationOptions, RevocationService } from "./revocation-service.ts";
import { States } from "./revocation-state.ts";

export function makeRevocation(options: RevocationOptions): RevocationService {
	const states = new States(options);
	const lists = new RevocationLists(options, states);
	const answers = new OcspAnswers(options, states);
	return { list: (issuerKeyHash) => lists.get(issuerKeyHash), answer: (request) => answers.answer(request) };
}

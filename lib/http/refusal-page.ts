/** A refusal as a person reads it: what happened, what to do next, and the number that finds it in the log. */
import { escaped, page } from "./page.ts";

export interface Refusal {
	status: number;
	/** From the table of outcomes: they say what to do next. */
	words: string;
	/** Correlation id. */
	id: string;
	/** Path of the welcome page. */
	home: string;
}

export function refusalPage({ status, words, id, home }: Refusal, headers: Record<string, string>): Response {
	const ours = status >= 500;
	const heading = ours ? "This did not work, and it is not your fault" : "This did not work";
	const main = `<h1>${heading}</h1>
<p class="lead">${escaped(words)}</p>
<section>
<p><a class="button" href="${escaped(home)}">Back to the beginning</a></p>
<p class="note">If it happens again, tell your administrator this number: <code>${escaped(id)}</code></p>
</section>
`;
	return page(heading, main, status, headers);
}

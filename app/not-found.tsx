/** 404, calm and legible. */
export default function NotFound() {
	return (
		<main>
			<h1>There is nothing here</h1>
			<p>The address may be mistyped, or the page has moved.</p>
			{/* A document, not a Next page: the browser loads it whole. */}
			<a href="/">Back to the start</a>
		</main>
	);
}

/** 404, calm and legible. */
export default function NotFound() {
	return (
		<main>
			<h1>There is nothing here</h1>
			<p>The address may be mistyped, or the page is no longer here.</p>
			{/* A document, not a Next page: the browser loads it whole. */}
			<a href="/">To the beginning</a>
		</main>
	);
}

/** The host's own sign-in: a form and a cookie. */
export const dynamic = "force-dynamic";

export const GET = () =>
	new Response(
		'<!doctype html><form method="post"><input name="login"><input name="password" type="password"></form>',
		{
			headers: { "content-type": "text/html; charset=utf-8" },
		},
	);

export async function POST(request) {
	const form = await request.formData();
	const headers = { location: "/ota/enroll", "set-cookie": `host-session=${form.get("login")}; Path=/; HttpOnly` };
	return new Response(null, { status: 303, headers });
}

/**
 * `/devices`: a person's own devices, and for each the configuration of today as a file (`/devices/<id>.mobileconfig`, which
 * says nothing of the device), encrypted to that device.
 */
import type { EnrollContext } from "../enroll/context.ts";
import { downloadOwn } from "../enroll/download.ts";
import { isEnding } from "../enroll/update.ts";
import { OtaError } from "../errors.ts";
import type { OtaOptions } from "../options.ts";
import type { FoundDevice, User } from "../ports.ts";
import { escaped, page } from "./page.ts";
import { attachment, visitor } from "./visitor.ts";

interface DevicesWiring {
	options: Pick<OtaOptions, "baseUrl" | "organization" | "user" | "signIn">;
	basePath: string;
	open(): Promise<EnrollContext>;
}

/** `path` is what follows `/devices`. */
export async function devices(request: Request, wiring: DevicesWiring, path: string): Promise<Response> {
	const [, id] = /^\/([0-9a-f]{32})\.mobileconfig$/.exec(path) ?? [];
	if (path !== "" && id === undefined) throw new OtaError("not_found", "no such address");
	const visit = await visitor(request, wiring, `${wiring.basePath}/devices${path}`);
	if (visit instanceof Response) return visit;
	const context = await wiring.open();
	if (id !== undefined) return attachment(await downloadOwn(context, visit, id), "configuration.mobileconfig");
	const now = context.clock();
	return devicesPage(wiring, visit.user, await context.store.listDevices(visit.user.id, now), now);
}

function devicesPage(
	{ options, basePath }: DevicesWiring,
	{ email }: User,
	found: readonly FoundDevice[],
	now: Date,
): Response {
	const organization = escaped(options.organization);
	const base = escaped(basePath);
	const sections = found.map((device) => section(device, base, now)).join("");
	const none = `<section>
<p>No device has been set up with this account yet.</p>
<p><a class="button" href="${base}/enroll">Set up this device</a></p>
</section>
`;
	const another = `<p><a href="${base}/">Set up another device</a></p>
`;
	return page(
		`Your devices · ${options.organization}`,
		`<h1>Your devices at ${organization}</h1>
<p class="lead">Signed in as ${escaped(email)}.</p>
${found.length > 0 ? sections + another : none}`,
	);
}

function section(device: FoundDevice, base: string, now: Date): string {
	const { enrollment, delivery } = device;
	const { udid, device: attributes } = enrollment;
	const name = escaped(kindOf(attributes.PRODUCT));
	const serial = attributes.SERIAL ? `Serial number ${escaped(attributes.SERIAL)}` : `UDID ${escaped(udid ?? "")}`;
	const since = delivery ? `Settings last sent on ${day(delivery.deliveredAt)}.` : "";
	const label = `device-${escaped(enrollment.id)}`;
	// Two iPhones of one person are told apart by ear as well.
	const end = escaped((attributes.SERIAL ?? udid ?? "").slice(-4));
	return `<section aria-labelledby="${label}">
<h2 id="${label}">${name} ···${end}</h2>
<p class="note">${serial}. ${since}</p>
${offer(device, label, base, now)}</section>
`;
}

function offer({ enrollment, identity, isBlocked }: FoundDevice, label: string, base: string, now: Date): string {
	const { id, state } = enrollment;
	if (isBlocked) return "<p>This device is blocked. Ask your administrator.</p>\n";
	if (state !== "delivered" || !identity || isEnding(identity, now)) {
		return `<p>It has to be set up again before it can get new settings.</p>
<p><a class="button second" href="${base}/enroll" aria-describedby="${label}">Set it up on that device</a></p>
`;
	}
	return `<p><a class="button" href="${base}/devices/${escaped(id)}.mobileconfig" aria-describedby="${label}">Get its current settings</a></p>
<p class="note">Open this page on that very device: no other can read the file. Then go to Settings and install it within 8 minutes.</p>
`;
}

const day = (date: Date): string => date.toISOString().slice(0, 10);

/** PRODUCT without its number, as people know it. */
function kindOf(product: string | undefined): string {
	const [kind] = /^(?:iPhone|iPad|iPod|Mac|iMac)/.exec(product ?? "") ?? ["Device"];
	return kind === "iMac" ? "Mac" : kind;
}

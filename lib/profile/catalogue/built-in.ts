/** The catalogue that comes with the program: what an unsupervised device takes by hand, and what it never takes. */
import { calDav, cardDav, ldap, singleSignOn, subscribedCalendar } from "./accounts.ts";
import { accessPoint, cellular, privateCellular } from "./cellular.ts";
import { acme, certificateTransparency, pem, pkcs1, pkcs12, root, scep } from "./certificates.ts";
import { airPlay, airPrint, font } from "./equipment.ts";
import type { Catalogue } from "./form.ts";
import { exchange, google, mail } from "./mail.ts";
import { mdm } from "./management.ts";
import { passcode } from "./passcode.ts";
import { commonKeys, profileKeys } from "./profile-keys.ts";
import { restrictions } from "./restrictions.ts";
import { perAppVpn, relay, vpn } from "./vpn.ts";
import { contentFilter, dnsSettings, domains, webClip } from "./web.ts";
import { globalEthernet, wifi } from "./wifi.ts";

const payloads = [
	...[wifi, globalEthernet, vpn, perAppVpn, relay],
	...[mail, exchange, google, calDav, cardDav, ldap, subscribedCalendar, singleSignOn],
	...[root, pkcs1, pem, pkcs12, scep, acme, certificateTransparency],
	...[restrictions, passcode, webClip, domains, contentFilter, dnsSettings],
	...[cellular, privateCellular, accessPoint, airPrint, airPlay, font, mdm],
];

export const builtInCatalogue: Catalogue = {
	payloads: new Map(payloads.map((definition) => [definition.type, definition])),
	common: commonKeys,
	profile: profileKeys,
};

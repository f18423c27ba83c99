/** The welcome page: what will happen, in plain words, in the order in which it happens. */
import { escaped, page } from "./page.ts";

export function welcomePage({ organization, basePath }: { organization: string; basePath: string }): Response {
	return page(`Set up your device · ${organization}`, main(escaped(organization), escaped(basePath)));
}

const main = (organization: string, base: string): string => `<h1>Set up this device for ${organization}</h1>
<p class="lead">It takes about two minutes. Open this page in Safari, on the iPhone, iPad or Mac that you want to set up.</p>
<section aria-labelledby="enroll">
<h2 id="enroll">Enroll this device</h2>
<ol>
<li><strong>Sign in</strong> with your ${organization} account and allow the download.</li>
<li><strong>Open Settings</strong> and tap <em>Profile Downloaded</em>. On a Mac: System Settings, then <em>Device Management</em>.</li>
<li><strong>Tap Install.</strong> Your device proves what it is, gets its own certificate, and receives your Wi-Fi and other settings.</li>
</ol>
<p><a class="button" href="${base}/enroll">Sign in and enroll</a></p>
<p class="note">Open the profile within 8 minutes: after that the device throws it away, and you simply start again here.</p>
<p class="note">Set up already? <a href="${base}/devices">Your devices</a> has each one's current settings.</p>
</section>
<section aria-labelledby="trust">
<h2 id="trust">Only if you were asked to: trust the root certificate</h2>
<p>Some networks need ${organization}'s root certificate first. Install it, finish in Settings, and come back for the enrollment: a device keeps only one download waiting.</p>
<p><a class="button second" href="${base}/CA">Get the root certificate</a></p>
</section>
<section aria-labelledby="known">
<h2 id="known">What ${organization} learns</h2>
<p>Your account's name and e-mail address, and this device's name, model, language, system version, serial number and identifiers. Nothing else on the device can be read. You can remove the profile in Settings at any time.</p>
</section>
`;

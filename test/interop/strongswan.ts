/** strongSwan's `pki`: the SCEP client of version 5.9.8 and later, and a judge of certificates who fetches CRL and OCSP. */
import { spawnSync } from "node:child_process";
import type { Run } from "../harness/run.ts";
import type { CertificateServer } from "./certificate-server.ts";
import { lackOf, runProgram, runWell } from "./programs.ts";

/** Why it cannot be tested, if so: older versions know no SCEP, and it fetches by a plug-in of another package. */
export function lackOfStrongSwan(): string | null {
	const packages = "strongswan-pki libstrongswan-extra-plugins";
	const lack = lackOf(["pki"], packages);
	if (lack !== null) return lack;
	const { stdout, stderr } = spawnSync("pki", ["--help"], { encoding: "utf8" });
	if (!`${stdout}${stderr}`.includes("--scep")) return "its pki knows no SCEP before version 5.9.8";
	return /loaded plugins:.* curl\b/.test(`${stdout}${stderr}`)
		? null
		: `it lacks the plug-in curl (Debian: ${packages})`;
}

/** Paths of PEM files: what `pki --scepca` makes of its templates. */
interface Authorities {
	root: string;
	ca: string;
	ra: string;
}

export class StrongSwan {
	private authorities: Authorities | null = null;

	constructor(private readonly server: CertificateServer) {}

	/** GetCACert; what it says of the certificates. */
	async fetchAuthorities(): Promise<string> {
		const [root, ra] = [this.server.path("strongswan-ca.pem"), this.server.path("strongswan-ra.pem")];
		const args = ["--scepca", "--url", this.server.scep, "--caout", root, "--raout", ra, "--outform", "pem", "--force"];
		const { stderr } = await runWell("pki", args);
		this.authorities = { root, ca: this.server.path("strongswan-ca-1.pem"), ra };
		return stderr;
	}

	/** A key in the folder; its path. */
	async key(name: string): Promise<string> {
		const { stdout } = await runWell("pki", ["--gen", "--type", "rsa", "--size", "2048", "--outform", "pem"]);
		return this.server.file(`${name}.key`, stdout);
	}

	/** PKCSReq, or RenewalReq with `old`, and CertPoll every second while it waits. */
	async enroll(key: string, name: string, { challenge, old, isLegacy }: How): Promise<Run> {
		const { root, ca, ra } = this.authorities as Authorities;
		return runProgram("pki", [
			...["--scep", "--url", this.server.scep, "--in", key, "--dn", `C=CH, CN=${name}`, "--outform", "pem"],
			...["--cacert-enc", ra, "--cacert-sig", ca, "--cacert", root, "--interval", "1", "--maxpolltime", "20"],
			...(challenge === undefined ? [] : ["--password", challenge]),
			...(isLegacy ? ["--cipher", "des3", "--digest", "sha1"] : []),
			...(old === undefined ? [] : ["--cert", old.certificate, "--key", old.key]),
		]);
	}

	/** `pki --verify --online`: chain, dates, CRL and OCSP as the certificate's extensions say. */
	verify(certificate: string): Promise<Run> {
		const { root, ca } = this.authorities as Authorities;
		return runProgram("pki", ["--verify", "--in", certificate, "--ca", root, "--cacert", ca, "--online"]);
	}
}

interface How {
	challenge?: string;
	/** To be renewed. */
	old?: Held;
	/** With 3DES and SHA-1. */
	isLegacy?: boolean;
}

/** Paths of PEM files. */
export interface Held {
	certificate: string;
	key: string;
}

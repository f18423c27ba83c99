/** `ota scep challenge`: challenges for machines that enroll by SCEP without a person's sign-in. */
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { isHost, mostHosts } from "../../lib/ca/csr-names.ts";
import { OtaError } from "../../lib/errors.ts";
import { readDistinguishedName } from "../distinguished-name.ts";
import { type MachineNames, mintChallenges } from "../machine-challenges.ts";
import { asOperator } from "../operator.ts";
import { usageRefusal } from "../usage.ts";

const usage = `usage: ota scep challenge [--subject DN] [--dns NAME]... [--ttl DURATION] [--count N]
       ota scep challenge --subject-from-csr [--ttl DURATION] [--count N]

Prints N challenge passwords (1 unless told, 1000 at most), one a line. Each is good for one certificate, for DURATION (20m
unless told, 30d at most; s, m, h, d). The certificate says DN (RFC 4514: "CN=printer-1,OU=Floor 2,O=Example"; of CN, O, OU,
serialNumber, C, L and ST) and the DNS names; without DN it is called machine-<random> in OTA_ORGANIZATION. With
--subject-from-csr it says what the machine's own request asks for, as far as those attributes and host names go.
`;
const refuse = usageRefusal(usage);

const day = 86_400_000;
const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: day };
const longestTtl = 30 * day;
const most = 1_000;

/** The command; answers the exit code: 0 minted, 1 refused, 2 usage. */
export async function run([what, ...args]: readonly string[]): Promise<number> {
	const flags = what === "challenge" ? readFlags(args) : null;
	if (what === "--help" || flags?.help) {
		process.stdout.write(usage);
		return 0;
	}
	if (flags === null) return refuse("");
	const ttl = readDuration(flags.ttl ?? "20m");
	if (ttl === null) return refuse("--ttl must be a duration like 90s, 20m, 12h or 30d, 30 days at most.");
	const count = /^[1-9]\d{0,3}$/.test(flags.count ?? "1") ? Number(flags.count ?? "1") : most + 1;
	if (count > most) return refuse(`--count must be a number from 1 to ${most}.`);
	const names = readNames(flags);
	if (typeof names === "string") return refuse(names);
	return asOperator((operator) => mintChallenges(operator, { names, ttl, count }, (length) => randomBytes(length)));
}

interface Flags {
	subject?: string;
	"subject-from-csr"?: boolean;
	dns?: string[];
}

function readNames({ subject, "subject-from-csr": isFromCsr = false, dns = [] }: Flags): MachineNames | string {
	const hosts = dns.map((host) => host.toLowerCase());
	const wrong = hosts.find((host) => !isHost(host));
	if (wrong !== undefined) return `--dns ${JSON.stringify(wrong)} is no host name like printer-1.example.com.`;
	if (new Set(hosts).size < hosts.length) return "--dns names one host twice.";
	if (hosts.length > mostHosts) return `--dns can be given ${mostHosts} times.`;
	if (isFromCsr) {
		const isAlone = subject === undefined && dns.length === 0;
		return isAlone
			? { from: "csr" }
			: "--subject-from-csr takes all names from the request: no --subject and no --dns.";
	}
	try {
		return { from: "operator", subject: subject === undefined ? null : readDistinguishedName(subject), hosts };
	} catch (error) {
		if (!(error instanceof OtaError)) throw error;
		return `--subject: ${error.message}`;
	}
}

function readDuration(text: string): number | null {
	const [, digits, unit = ""] = /^([1-9]\d{0,6})([smhd])$/.exec(text) ?? [];
	const duration = Number(digits) * (units[unit] ?? Number.NaN);
	return duration <= longestTtl ? duration : null;
}

function readFlags(args: readonly string[]) {
	const text = { type: "string" } as const;
	const flag = { type: "boolean" } as const;
	const names = { subject: text, "subject-from-csr": flag, dns: { ...text, multiple: true } } as const;
	try {
		const options = { ...names, ttl: text, count: text, help: { ...flag, short: "h" } } as const;
		return parseArgs({ args: [...args], options }).values;
	} catch {
		return null;
	}
}

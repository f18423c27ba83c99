import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { refuseIssuingCa } from "../../hsm/tls.ts";
import { OpenSsl } from "../harness/openssl.ts";

const openssl = new OpenSsl();
afterAll(() => openssl.remove());

/** PEM of a root, of the issuing CA below it, and of a CA of nobody's. */
let root: string;
let issuing: string;
let own: string;
const derOf = (pem: string): Uint8Array => Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ""), "base64");

beforeAll(() => {
	const ca = (name: string, ...more: string[]): string => {
		const [key, pem] = [openssl.output(`${name}.key`), openssl.output(`${name}.pem`)];
		const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
		openssl.run("req", "-x509", ...curve, "-keyout", key, "-out", pem, "-subj", `/CN=${name}`, "-days", "30", ...more);
		return openssl.read(pem).toString();
	};
	root = ca("root");
	issuing = ca("issuing", "-CA", openssl.output("root.pem"), "-CAkey", openssl.output("root.key"));
	own = ca("own");
});

describe("the CA of the agent's clients", () => {
	const judge = (anchors: string): void => refuseIssuingCa({ ca: anchors, certificate: "", key: "" }, [derOf(issuing)]);

	it("is a CA of its own", () => {
		expect(() => judge(own)).not.toThrow();
	});

	it("is neither the issuing CA nor its root: every device would pass for a web process", () => {
		for (const anchors of [issuing, root, own + issuing]) {
			expect(() => judge(anchors)).toThrow(
				expect.objectContaining({ code: "config", message: expect.stringContaining("every device's certificate") }),
			);
		}
	});
});

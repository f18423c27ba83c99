/** Labels of the embedded defaults: the token, and the six keys that the default key URIs name. */
export const tokenLabel = "ota";
export const keyLabels = {
	root: "root-ca",
	ca: "issuing-ca",
	ra: "scep-ra",
	profile: "profile-signing",
	ocsp: "ocsp",
	seal: "seal",
} as const;

/**
 * `next-ota/testing`: an emulated iPhone or Mac with its fake Apple CA. It plays a device's side of the exchange
 * (facts: Apple's over-the-air profile delivery; RFC 8894) through any Transport and verifies everything that it receives.
 * An independent second implementation: nothing of the server's code is in it.
 */

export { type EnrollOptions, enrollDevice, type Journey } from "./apple-client.ts";
export {
	createDeviceAuthority,
	type DeviceAuthority,
	type DeviceIdentityOptions,
	generateDeviceAuthority,
	issueDeviceIdentity,
	loadDeviceAuthority,
} from "./authority.ts";
export type { Name, StringType, SubjectAltNames } from "./ber.ts";
export * as ber from "./ber.ts";
export { type CertRep, type CertRepExpectation, parseCertRep } from "./cert-rep.ts";
export {
	buildCertificate,
	type CertificateFields,
	type CertificateOptions,
	certifies,
	type Identity,
	isIssuedBy,
	pemOf,
	publicKeyInfo,
	readCertificate,
	readPem,
} from "./certificate.ts";
export { findChainTo } from "./chain.ts";
export { buildCsr, type ChallengeValue, type CsrOptions } from "./csr.ts";
export { derFault, type Element } from "./der-reader.ts";
export { describePayloads, plainValue } from "./describe-profile.ts";
export type { DeviceOptions, StepReport } from "./device-options.ts";
export {
	buildDeviceResponse,
	type DeviceResponseOptions,
	knownAttributes,
	type Model,
	macExtras,
	randomSerialNumber,
	randomUdid,
} from "./device-response.ts";
export { DeviceSession } from "./device-session.ts";
export {
	type BlockShape,
	blockShapes,
	buildEnvelopedData,
	type EnvelopedDataOptions,
	openEnvelopedData,
	pkcs1Block,
} from "./enveloped-data.ts";
export { DeviceError } from "./errors.ts";
export { type FinalProfile, openFinalProfile } from "./final-profile.ts";
export {
	handlersTransport,
	httpTransport,
	type PlainAnswer,
	type PlainRequest,
	type Transport,
} from "./http.ts";
export { type KeepAliveTransport, keepAliveTransport } from "./keep-alive.ts";
export { type LoadOptions, type LoadProgress, runLoad } from "./load.ts";
export { type FailureCount, failureCode, type LoadReport, type StepTimes } from "./load-report.ts";
export { type Cipher, type Digest, oids } from "./oids.ts";
export {
	type Dictionary,
	type ProfileService,
	readIdentityProfile,
	readProfileService,
	readScepPayload,
	type ScepPayload,
} from "./profile.ts";
export { carefulReading, quickReading, type Reading } from "./reading.ts";
export { type RestoreOptions, restoreDevice, saveDevice } from "./saved-device.ts";
export {
	type Capabilities,
	checkFingerprint,
	chooseCapabilities,
	type ScepAuthorities,
	selectAuthorities,
	selectFrom,
} from "./scep-capabilities.ts";
export {
	acceptCertRep,
	discover,
	enrollScep,
	freshKey,
	getCaCaps,
	getCaCert,
	type KeySource,
	pkiOperation,
	readAnswer,
	renewScep,
	requestFor,
	type ScepEnrollment,
	type ScepRenewal,
	type ScepServer,
	scepUrl,
} from "./scep-client.ts";
export {
	buildPkcsReq,
	type PkcsReq,
	type PkcsReqOptions,
	type SignerStyle,
	selfSignedSigner,
	transactionIdOf,
} from "./scep-message.ts";
export { buildCertPoll, buildGetCert, buildGetCrl, issuerAndSerial, type QueryOptions } from "./scep-queries.ts";
export { browse, type Credentials, chooseForm } from "./sign-in.ts";
export { buildSignedData, type SignedAttribute, type SignedDataOptions, type SignerOptions } from "./signed-data.ts";
export { type VerifiedData, verifySignedData } from "./signed-data-reader.ts";
export { payloadUUIDs, type UpdateOutcome } from "./update.ts";

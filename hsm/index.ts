/** The door of the HSM room: the web process connects, the agent's process runs, the ceremony provisions. */

export type { KeyedRole as AgentRole } from "./agent/policy.ts";
export { type AgentOptions, runAgent } from "./agent/run.ts";
export type { AgentKey, AgentRoles, HangWatch } from "./agent/start.ts";
export { type ConnectOptions, connectAgent } from "./client.ts";
export { type AuditedRole, auditKey } from "./provision/audit.ts";
export type { AttributeName, KeyDescription, KeyType } from "./provision/describe.ts";
export { type InitTokenOptions, initToken } from "./provision/init.ts";
export { findSoftHsmModule, writeSoftHsmConfig } from "./provision/softhsm.ts";
export type { KeyUsage } from "./provision/templates.ts";
export { type KeyName, type OpenTokenOptions, openToken, type Token, type TokenKey } from "./provision/token.ts";
export type { TlsIdentity } from "./tls.ts";
export { readPinFile } from "./token/slot.ts";
export { formatUri, type Pkcs11Uri, parseUri, redactUri } from "./uri.ts";

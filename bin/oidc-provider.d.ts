/** The few words of oidc-provider 9 that the local provider uses; the package ships no types. */
declare module "oidc-provider" {
	import type { IncomingMessage, ServerResponse } from "node:http";

	interface Grant {
		addOIDCScope(scope: string): void;
		save(): Promise<string>;
	}
	interface Context {
		oidc: { session: { accountId: string }; client: { clientId: string } };
		type: string;
		body: unknown;
	}
	export class Provider {
		constructor(issuer: string, configuration: Record<string, unknown>);
		Grant: new (properties: {
			clientId: string;
			accountId: string;
		}) => Grant;
		callback(): (request: IncomingMessage, response: ServerResponse) => void;
		interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<{ uid: string }>;
		interactionResult(
			request: IncomingMessage,
			response: ServerResponse,
			result: Record<string, unknown>,
		): Promise<string>;
		on(event: string, listener: (...values: unknown[]) => void): this;
	}
	export type { Context };
	export default Provider;
}

// All that a gateway knows of the core: one method for each operation that the core handles, and the sessions of its sockets.
// In one process a direct call, across processes the link: plain data in, plain data out, in the words of the wire.

import type { ApiKeyScope } from '@hongyan/protocol/api-key';
import type { ConversationId, DeviceId, UserId } from '@hongyan/protocol/ids';
import type { Notice } from '@hongyan/protocol/notice';
import type { Input, OperationName, Operations, Output } from '@hongyan/protocol/operations/operations';
import type { Result } from '@hongyan/protocol/refusals';
import type { RevocationPage } from '../access/revocations.ts';

/** Someone who has not authenticated. */
export interface AnonymousCaller {
  /** Network address of the client, as the gateway sees it; the key of limits before authentication. */
  readonly address: string;
  /** What limits by address count by. Absent: a trusted proxy, or a program of this machine, that named no client. */
  readonly limitKey?: string | undefined;
  /** The W3C traceparent of this operation, where it is traced. */
  readonly trace?: string | undefined;
}

/** The bearer of a valid token. */
export interface Caller extends AnonymousCaller {
  readonly userId: UserId;
  readonly tokenId: string;
  /** Unix ms, of the token. */
  readonly issuedAtMs?: number | undefined;
  readonly expiresAtMs?: number | undefined;
  /** Of the API key of an application's back end, which asks for the user. */
  readonly keyId?: string | undefined;
  readonly deviceId?: DeviceId | undefined;
  readonly sessionId?: string | undefined;
  /** The tier that the token names. */
  readonly tier?: string | undefined;
}

/** Who signed a request with an API key. Whether the signature is right, the core finds out. */
export interface SignedCaller extends AnonymousCaller {
  readonly keyId: string;
  /** By the request's header; Unix ms. */
  readonly signedAtMs: number;
  /** HMAC-SHA256 in hex. */
  readonly signature: string;
  /** The request's body as it was sent. */
  readonly body: string;
}

/** A device with an open session. */
export interface DeviceCaller extends Caller {
  readonly deviceId: DeviceId;
  readonly sessionId: string;
}

/** Who an API key is, and for whom it asks. */
export interface KeyIdentity {
  readonly keyId: string;
  readonly scopes: readonly ApiKeyScope[];
  /** As the user was created. */
  readonly userId: UserId;
}

/** The caller that an operation needs. */
export type CallerOf<N extends OperationName> = Operations[N]['needs'] extends 'nothing'
  ? AnonymousCaller
  : Operations[N]['needs'] extends 'device'
    ? DeviceCaller
    : Operations[N]['needs'] extends 'signature'
      ? SignedCaller
      : Caller;

/** Operations that the gateway answers from what it knows itself. */
export type GatewayOperation = 'route';
export type CoreOperation = Exclude<OperationName, GatewayOperation>;

/**
 * MUST: a handler resolves ok only with what its operation declares, and for operations that change something only when the
 * change is durable [D1]; it resolves with a refusal or a failure for everything expected and rejects only for a bug.
 * MUST: operations of one caller that change the same conversation take effect in the order of the calls.
 */
export type CoreOperations = {
  readonly [N in CoreOperation]: (caller: CallerOf<N>, input: Input<N>) => Promise<Result<Output<N>>>;
};

/** What gateways ask for themselves, by name over the link. */
export interface GatewayQuestions {
  /** Revocations in force, a page at a time: read after subscribing to revocationsTopic, a gateway has them all. */
  revocations(page: { readonly after?: number; readonly limit: number }): Promise<Result<RevocationPage>>;
  /** The stored id of a user whom the issuer vouches for; created where that is configured. */
  admitUser(user: { readonly userId: UserId; readonly displayName?: string }): Promise<Result<UserId>>;
  /** Looked up for each request: a revoked key is refused from the next one on. Without a user it asks as the system. */
  identifyKey(asked: { readonly key: string; readonly asUser?: UserId | undefined }): Promise<Result<KeyIdentity>>;
}

export const gatewayQuestions = [
  'revocations',
  'admitUser',
  'identifyKey',
] as const satisfies readonly (keyof GatewayQuestions)[];

export interface SessionOpening {
  readonly caller: DeviceCaller;
  /** What the client calls itself; empty when it did not. */
  readonly clientName: string;
  readonly node: string;
}

export interface OpenedSession {
  /** Conversations whose topics the connection follows: groups and broadcasts. */
  readonly conversationIds: readonly ConversationId[];
  /** Of the store. */
  readonly epoch: string;
  /** In force: whoever connects is told. Absent: none. */
  readonly notices?: readonly Notice[];
}

export interface Core extends CoreOperations, GatewayQuestions {
  /** A device connects: it counts as online, and an older session of the same device is replaced. */
  openSession(opening: SessionOpening): Promise<Result<OpenedSession>>;
  /** Closing a session that is not open changes nothing. */
  closeSession(session: { readonly caller: DeviceCaller; readonly node: string }): Promise<void>;
}

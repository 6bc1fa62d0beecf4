// The core port: everything a gateway can ask of the core. One method per operation, and the sessions of the gateway's sockets. It is
// called directly within one process and over the link between processes, so parameters and results are plain data in wire types.

import type { ApiKeyScope } from '@hongyan/protocol/api-key';
import type { ConversationId, DeviceId, UserId } from '@hongyan/protocol/ids';
import type { Notice } from '@hongyan/protocol/notice';
import type { Input, OperationName, Operations, Output } from '@hongyan/protocol/operations/operations';
import type { Result } from '@hongyan/protocol/refusals';
import type { RevocationPage } from '../access/revocations.ts';

/** A caller without authentication. */
export interface AnonymousCaller {
  /** Network address of the client, as the gateway sees it. */
  readonly address: string;
  /** Key of the limits per address. Absent: the request is from a trusted proxy, or from this machine, and names no client address. */
  readonly limitKey?: string | undefined;
  /** The W3C traceparent, if the operation is traced. */
  readonly trace?: string | undefined;
}

/** The bearer of a valid token. */
export interface Caller extends AnonymousCaller {
  readonly userId: UserId;
  readonly tokenId: string;
  /** Time of issue of the token, Unix ms. */
  readonly issuedAtMs?: number | undefined;
  /** Expiry of the token, Unix ms. */
  readonly expiresAtMs?: number | undefined;
  /** Id of the API key with which a back end calls on behalf of the user. */
  readonly keyId?: string | undefined;
  readonly deviceId?: DeviceId | undefined;
  readonly sessionId?: string | undefined;
  /** The tier claimed by the token. */
  readonly tier?: string | undefined;
}

/** The signer of a request with an API key. The core verifies the signature. */
export interface SignedCaller extends AnonymousCaller {
  readonly keyId: string;
  /** From the header of the request, Unix ms. */
  readonly signedAtMs: number;
  /** HMAC-SHA256 in hex. */
  readonly signature: string;
  /** The body of the request as received. */
  readonly body: string;
}

/** A device with an open session. */
export interface DeviceCaller extends Caller {
  readonly deviceId: DeviceId;
  readonly sessionId: string;
}

/** A verified API key, and the user on whose behalf it calls. */
export interface KeyIdentity {
  readonly keyId: string;
  readonly scopes: readonly ApiKeyScope[];
  /** In the spelling of the user's creation. */
  readonly userId: UserId;
}

/** The type of caller that an operation requires. */
export type CallerOf<N extends OperationName> = Operations[N]['needs'] extends 'nothing'
  ? AnonymousCaller
  : Operations[N]['needs'] extends 'device'
    ? DeviceCaller
    : Operations[N]['needs'] extends 'signature'
      ? SignedCaller
      : Caller;

/** Operations that the gateway executes itself. */
export type GatewayOperation = 'route';
export type CoreOperation = Exclude<OperationName, GatewayOperation>;

/**
 * MUST resolve with the output that the operation declares; for operations that change something, only once the change is durable [D1].
 * MUST resolve with a refusal or a failure for every expected error. A rejection is a bug.
 * MUST execute changes of one conversation by one caller in the order of the calls.
 */
export type CoreOperations = {
  readonly [N in CoreOperation]: (caller: CallerOf<N>, input: Input<N>) => Promise<Result<Output<N>>>;
};

/** Queries of the gateways themselves, sent by name over the link. */
export interface GatewayQuestions {
  /** A page of the revocations in force. A gateway that subscribes to revocationsTopic before it reads all pages misses none. */
  revocations(page: { readonly after?: number; readonly limit: number }): Promise<Result<RevocationPage>>;
  /** Admits a user authenticated by the issuer, and returns the stored id. Creates the user if the configuration allows it. */
  admitUser(user: { readonly userId: UserId; readonly displayName?: string }): Promise<Result<UserId>>;
  /** Verifies an API key. Called for each request, so that a revocation takes effect immediately. Default user: the system. */
  identifyKey(query: { readonly key: string; readonly asUser?: UserId | undefined }): Promise<Result<KeyIdentity>>;
}

export const gatewayQuestions = [
  'revocations',
  'admitUser',
  'identifyKey',
] as const satisfies readonly (keyof GatewayQuestions)[];

export interface SessionOpening {
  readonly caller: DeviceCaller;
  /** Name of the client; may be empty. */
  readonly clientName: string;
  readonly node: string;
}

export interface OpenedSession {
  /** Conversations whose topics the connection must subscribe to: groups and broadcasts. */
  readonly conversationIds: readonly ConversationId[];
  /** Epoch of the storage: seqs of another epoch are invalid. */
  readonly epoch: string;
  /** Notices in force, to be sent to the new connection. Absent: none. */
  readonly notices?: readonly Notice[];
}

export interface Core extends CoreOperations, GatewayQuestions {
  /** Marks the device as online, and replaces an older session of the same device. */
  openSession(opening: SessionOpening): Promise<Result<OpenedSession>>;
  /** Does nothing if the session is not open. */
  closeSession(session: { readonly caller: DeviceCaller; readonly node: string }): Promise<void>;
}

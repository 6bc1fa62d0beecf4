// The types of the messages in wire.proto, their encoding, and the gRPC method that carries them.

import type { MethodDefinition } from '@grpc/grpc-js';
import type { Quota } from '@hongyan/protocol/refusals';
import protobuf from 'protobufjs';
import contract from './wire.proto' with { type: 'text' };

/** MUST be raised with every change to wire.proto that an older peer would misread. */
export const contractVersion = 4;

export interface LinkHello {
  readonly node: string;
  readonly contract: number;
  /** Empty on a Unix socket, where no proof is needed. */
  readonly nonce?: Uint8Array;
}
export interface LinkChallenge {
  readonly nonce: Uint8Array;
  readonly proof: Uint8Array;
}
export interface LinkInterest {
  readonly topic: string;
  readonly isWanted: boolean;
}
export interface LinkCall {
  readonly operation: string;
  /** Exactly one of the two. */
  readonly sessionId?: string | null;
  readonly callerJson?: string | null;
  readonly inputJson: string;
  readonly traceparent?: string | null | undefined;
}
export interface LinkOpen {
  readonly callerJson: string;
  readonly clientName: string;
}
export interface LinkClose {
  readonly sessionId: string;
  /** Set for a session that was not opened over this stream. */
  readonly callerJson?: string;
}
export type LinkRequest = { readonly id: number } & LinkRequestBody;
export type LinkRequestBody =
  | { readonly what: 'call'; readonly call: LinkCall }
  | { readonly what: 'open'; readonly open: LinkOpen }
  | { readonly what: 'close'; readonly close: LinkClose }
  | { readonly what: 'barrier'; readonly barrier: object };

export interface LinkProblem {
  readonly type: string;
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs?: number | null;
  readonly quota?: Quota | null | undefined;
}
export type LinkAnswer = { readonly id: number } & LinkAnswerResult;
export type LinkAnswerResult =
  | { readonly result: 'outputJson'; readonly outputJson: string }
  | { readonly result: 'problem'; readonly problem: LinkProblem };

export type LinkEvent = {
  readonly topics: readonly string[];
  readonly traceparent?: string | null | undefined;
} & LinkEventBody;
type LinkEventBody =
  | { readonly what: 'frame'; readonly frame: string; readonly mayWait?: boolean | null | undefined }
  | {
      readonly what: 'membership';
      readonly membership: { readonly conversationId: string; readonly isMember: boolean };
    }
  | { readonly what: 'replaced'; readonly replaced: { readonly deviceId: string; readonly sessionId: string } }
  | { readonly what: 'revocationsJson'; readonly revocationsJson: string }
  | { readonly what: 'outcomes'; readonly outcomes: string }
  | {
      readonly what: 'membersChanged';
      readonly membersChanged: { readonly conversationId: string; readonly userIds: readonly string[] };
    }
  | { readonly what: 'lost'; readonly lost: boolean }
  | { readonly what: 'changedJson'; readonly changedJson: string };

export interface LinkUp {
  readonly hello?: LinkHello | null;
  readonly interests: readonly LinkInterest[];
  readonly requests: readonly LinkRequest[];
  readonly published: readonly LinkEvent[];
  /** Empty except in the answer to a challenge. */
  readonly proof: Uint8Array;
}
export interface LinkDown {
  readonly ready?: object | null;
  readonly hasLostEvents: boolean;
  readonly events: readonly LinkEvent[];
  readonly answers: readonly LinkAnswer[];
  readonly done: readonly number[];
  readonly challenge?: LinkChallenge | null;
}

const { root } = protobuf.parse(contract);
const upType = root.lookupType('hongyan.core.v2.LinkUp');
const downType = root.lookupType('hongyan.core.v2.LinkDown');

// protobufjs needs no prototype on what it encodes and sets the name of a oneof on what it decodes, so plain objects of the
// types above are encoded and decoded. The contract suite sends every field.
export const encodeUp = (up: Partial<LinkUp>): Buffer => asBuffer(upType.encode(up).finish());
export const encodeDown = (down: Partial<LinkDown>): Buffer => asBuffer(downType.encode(down).finish());
const decodeUp = (bytes: Buffer): LinkUp => upType.decode(bytes) as unknown as LinkUp;
export const decodeDown = (bytes: Buffer): LinkDown => downType.decode(bytes) as unknown as LinkDown;
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Both sides encode messages before they write them, because backpressure counts bytes. */
export const passThrough = (bytes: Buffer): Buffer => bytes;

/** As the core registers it. */
export const linkMethod: MethodDefinition<LinkUp, Buffer> = {
  path: '/hongyan.core.v2.Core/Link',
  requestStream: true,
  responseStream: true,
  requestSerialize: encodeUp,
  requestDeserialize: decodeUp,
  responseSerialize: passThrough,
  responseDeserialize: passThrough,
};

/**
 * Larger messages end the link. Batches are cut between their items, so the largest item decides, with all options at their upper bounds:
 * a request carries an input of 16 MiB (`frame-bytes-max`), up to six times as long in JSON; an answer a page of 64 MiB (a quarter of
 * `connection-backlog-bytes-max`), up to three times as long in UTF-8, and one content more.
 */
export const messageBytesMax = 256 * 1024 * 1024;

/** The same for a peer that is not authenticated. A hello and a proof are far smaller. */
export const handshakeBytesMax = 4096;

export const channelOptions = {
  'grpc.max_receive_message_length': messageBytesMax,
  'grpc.max_send_message_length': -1,
  // For a retry the library would buffer what a stream sent; this stream never ends.
  'grpc.enable_retries': 0,
  // Reconnects follow this client's back-off, not that of a pool that all clients of the process share.
  'grpc.use_local_subchannel_pool': 1,
  'grpc-node.flow_control_window': 8 * 1024 * 1024,
} as const;

/** A batch of this size is sent at once. */
export const batchBytesMax = 1024 * 1024;

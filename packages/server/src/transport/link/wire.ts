// core.proto as code: its messages as types, their encoding, and the gRPC method that carries them.

import type { MethodDefinition } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import contract from './wire.proto' with { type: 'text' };

/** Raise it with every change to core.proto that an older side would misread. */
export const contractVersion = 1;

export interface Hello {
  readonly node: string;
  readonly contract: number;
}
export interface Interest {
  readonly topic: string;
  readonly isWanted: boolean;
}
export interface Send {
  readonly from: string;
  readonly to?: string | null;
  readonly conversationId?: string | null;
  readonly clientMsgId: string;
  readonly contentJson: string;
}
export interface Advance {
  readonly userId: string;
  readonly deviceId: string;
  readonly conversationId: string;
  readonly deliveredSeq: number;
  readonly readSeq: number;
}
export interface SessionOf {
  readonly userId: string;
  readonly deviceId: string;
  readonly sessionId: string;
}
export interface Question {
  readonly method: string;
  readonly argumentsJson: string;
}
export type Request = { readonly id: number } & RequestWhat;
export type RequestWhat =
  | { readonly what: 'send'; readonly send: Send }
  | { readonly what: 'advance'; readonly advance: Advance }
  | { readonly what: 'open'; readonly open: SessionOf }
  | { readonly what: 'close'; readonly close: SessionOf }
  | { readonly what: 'question'; readonly question: Question };

export interface Committed {
  readonly msgId: string;
  readonly conversationId: string;
  readonly seq: number;
  readonly timestampMs: number;
  readonly isDuplicate: boolean;
}
export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs?: number | null;
}
export type Answer = { readonly id: number } & AnswerResult;
export type AnswerResult =
  | { readonly result: 'committed'; readonly committed: Committed }
  | { readonly result: 'opened'; readonly opened: { readonly conversationIds: readonly string[] } }
  | { readonly result: 'valueJson'; readonly valueJson: string }
  | { readonly result: 'refusal'; readonly refusal: Refusal }
  | { readonly result: 'failure'; readonly failure: { readonly code: string } };

export type Event = { readonly topics: readonly string[] } & EventWhat;
export type EventWhat =
  | { readonly what: 'frame'; readonly frame: string }
  | {
      readonly what: 'membership';
      readonly membership: { readonly conversationId: string; readonly isMember: boolean };
    }
  | { readonly what: 'replaced'; readonly replaced: { readonly deviceId: string; readonly sessionId: string } };

export interface Up {
  readonly hello?: Hello | null;
  readonly interests: readonly Interest[];
  readonly requests: readonly Request[];
  readonly published: readonly Event[];
}
export interface Down {
  readonly ready?: object | null;
  readonly hasLostEvents: boolean;
  readonly events: readonly Event[];
  readonly answers: readonly Answer[];
  readonly done: readonly number[];
}

// Without Long, 64-bit fields are plain numbers. Ours are seqs and milliseconds, which stay below 2^53.
protobuf.util.Long = undefined as unknown as typeof protobuf.util.Long;
protobuf.configure();
const { root } = protobuf.parse(contract);
const upType = root.lookupType('hongyan.core.v1.Up');
const downType = root.lookupType('hongyan.core.v1.Down');

// protobufjs needs no prototype on what it encodes and sets the name of a oneof on what it decodes, so plain objects of the
// types above go in and come out. The contract suite sends every field through.
export const encodeUp = (up: Partial<Up>): Buffer => asBuffer(upType.encode(up).finish());
export const encodeDown = (down: Partial<Down>): Buffer => asBuffer(downType.encode(down).finish());
const decodeUp = (bytes: Buffer): Up => upType.decode(bytes) as unknown as Up;
export const decodeDown = (bytes: Buffer): Down => downType.decode(bytes) as unknown as Down;
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Both sides write bytes that they encoded themselves, because they bound what waits by its size. */
export const asIs = (bytes: Buffer): Buffer => bytes;

/** As the core serves it. */
export const linkMethod: MethodDefinition<Up, Buffer> = {
  path: '/hongyan.core.v1.Core/Link',
  requestStream: true,
  responseStream: true,
  requestSerialize: encodeUp,
  requestDeserialize: decodeUp,
  responseSerialize: asIs,
  responseDeserialize: asIs,
};

/** The link is private to one program, so a message is as large as a batch becomes; batches are cut at `batchBytesMax`. */
export const channelOptions = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  // A stream that never ends must not be kept for a retry.
  'grpc.enable_retries': 0,
  // A link that was cut is opened anew at our pace, not at that of a pool shared by all clients of the process.
  'grpc.use_local_subchannel_pool': 1,
  'grpc-node.flow_control_window': 8 * 1024 * 1024,
} as const;

/** A batch that grew to this leaves at once. */
export const batchBytesMax = 1024 * 1024;

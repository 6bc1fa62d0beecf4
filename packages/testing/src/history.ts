// The record that the fault tests check: what clients did and received, in time order, and what the server shows afterwards.

import type { FoldedMessage } from './fold-entries.ts';

/** An entry as a client reads it; the checker shares no type with the server it checks. */
export interface SeenEntry {
  readonly msg_id: string;
  readonly conversation_id: string;
  readonly seq: number;
  readonly from: string;
  readonly client_msg_id: string;
  readonly content: unknown;
}

export interface Positions {
  readonly conversationId: string;
  readonly userId: string;
  readonly deliveredSeq: number;
  readonly readSeq: number;
}

export type ClientEvent =
  /** One per attempt: a re-send with the same key is an attempt of its own. */
  | {
      readonly type: 'attempted';
      readonly sender: string;
      readonly clientMsgId: string;
      readonly conversationId: string;
      readonly content: unknown;
    }
  | {
      readonly type: 'acked';
      readonly sender: string;
      readonly clientMsgId: string;
      readonly msgId: string;
      readonly conversationId: string;
      readonly seq: number;
      readonly isDuplicate: boolean;
    }
  /** The server refused, and stored nothing. `unknown_outcome` and `internal` are not refusals: leave them out. */
  | { readonly type: 'refused'; readonly sender: string; readonly clientMsgId: string; readonly code: string }
  /** The server answered that it cannot tell: `unknown_outcome`, or `internal`. */
  | { readonly type: 'undecided'; readonly sender: string; readonly clientMsgId: string; readonly code: string }
  /** `push`: a message frame of that connection. `read`: came with an answer to history or sync. */
  | {
      readonly type: 'seen';
      readonly userId: string;
      readonly deviceId: string;
      readonly connection: number;
      readonly via: 'push' | 'read';
      readonly entry: SeenEntry;
    }
  /** A device reported its positions. */
  | ({ readonly type: 'receipt_sent' } & Positions)
  /** A receipt frame that a connection received. */
  | ({ readonly type: 'receipt_pushed'; readonly connection: number } & Positions)
  /** The answer to a question for positions; questions come one after the other. */
  | ({ readonly type: 'positions_read'; readonly lastSeq: number } & Positions)
  /** The server came back after a kill or a stop: what was seen before is a floor for what is seen after. */
  | { readonly type: 'restarted' };

/** The whole of one conversation as one member reads it, from seq 1. */
export interface FullRead {
  readonly userId: string;
  readonly conversationId: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly entries: readonly SeenEntry[];
  /** The same conversation as history shows it. */
  readonly messages?: readonly FoldedMessage[];
  /** What the conversation says of its reader. */
  readonly badge?: Badge;
  /** Of a private timeline: what is set now. */
  readonly state?: readonly PrivateItem[];
}

export interface Badge {
  readonly readSeq: number;
  readonly unread: number;
  readonly unreadMentions: number;
}

/** The newest change of its kind and conversation, or setting. */
export interface PrivateItem {
  readonly seq: number;
  readonly change: { readonly type: string; readonly [field: string]: unknown };
  readonly device_id?: string;
  readonly others?: readonly unknown[];
}

/** The answer of GET /v1/messages/by-client-id; `found` is absent for not_found. */
export interface AskedOutcome {
  readonly userId: string;
  readonly clientMsgId: string;
  readonly found?: Pick<SeenEntry, 'msg_id' | 'conversation_id' | 'seq'>;
}

/** A device that was connected at the end, or caught up after: it must have seen all of these conversations. */
export interface CaughtUpDevice {
  readonly userId: string;
  readonly deviceId: string;
  readonly conversationIds: readonly string[];
}

export interface Aftermath {
  readonly reads: readonly FullRead[];
  readonly outcomes: readonly AskedOutcome[];
  readonly devices: readonly CaughtUpDevice[];
}

export interface Violation {
  readonly rule: 'D1' | 'D2' | 'D3' | 'D4' | 'D6' | 'D7' | 'E2' | 'E3' | 'E5' | 'E21' | 'E22' | 'no_invention';
  readonly what: string;
  readonly evidence: unknown;
}

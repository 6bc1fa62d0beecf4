// The receipts port: the delivered and read positions of each device, and of each member over all devices.

import type { ConversationId, DeviceId, Seq, UserId } from '@hongyan/protocol/ids';
import type { DeviceKey } from '../devices/devices.ts';
import type { Position } from '../timeline/timeline.ts';
import type { MemberKey } from './conversations.ts';

export interface DeviceReceipt {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
}

export interface ReceiptAdvance extends MemberKey {
  readonly deviceId: DeviceId;
  /** The store keeps the maximum of the stored position and this one. readSeq raises deliveredSeq too. 0: no change. */
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
  readonly atMs: number;
}

export interface SentAdvance extends MemberKey {
  readonly sentSeq: Seq;
}

/** The positions of the member after an advance. Both ids are those of the request. */
export interface ReceiptResult extends MemberKey {
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
  /** false when neither position moved forward. */
  readonly changed: boolean;
}

/**
 * Order: positions MUST only move forward, and 0 ≤ readSeq ≤ deliveredSeq MUST always hold [D7]. Advances are therefore
 * idempotent and commutative. The caller has limited both positions to last_seq.
 *
 * Durability [D9]: a resolved advance MUST survive kill -9 of the process. A loss of power may undo the newest advances; devices
 * report their positions again when they reconnect. A receipt that shares a transaction with another write is as durable as that
 * write.
 */
export interface Receipts {
  /** Results in the order of the batch. Advances of users who are not members change nothing. */
  advanceReceipts(batch: readonly ReceiptAdvance[]): Promise<readonly ReceiptResult[]>;
  /** The store keeps the maximum. Advances of users who are not members change nothing. */
  advanceSent(batch: readonly SentAdvance[]): Promise<void>;
  /** Deletes the receipts of forgotten devices. The positions of the members do not change. */
  forgetReceipts(devices: readonly DeviceKey[]): Promise<void>;
  /** The receipts of the members' devices in one conversation. Keyed by the requested ids. Users without receipts are absent. */
  deviceReceipts(request: {
    readonly conversationId: ConversationId;
    readonly userIds: readonly UserId[];
  }): Promise<ReadonlyMap<UserId, readonly DeviceReceipt[]>>;
  /** The positions of one device in these conversations. Keyed by the requested ids. Absent: both are 0. */
  receiptsOfDevice(request: {
    readonly userId: UserId;
    readonly deviceId: DeviceId;
    readonly conversationIds: readonly ConversationId[];
  }): Promise<ReadonlyMap<ConversationId, DeviceReceipt>>;
  /** The numbers of members other than `except` that have received and that have read `seq`. */
  countReceipts(request: {
    readonly conversationId: ConversationId;
    readonly seq: Seq;
    readonly except: UserId;
  }): Promise<{ readonly delivered: number; readonly read: number }>;
}

/** The feed position through which the sent positions are stored. After a crash the entries after it are read again. */
export interface SentMark {
  /** undefined when it was never moved. */
  sentThrough(): Promise<Position | undefined>;
  /** As durable as the advances before it. */
  moveSentThrough(position: Position): Promise<void>;
}

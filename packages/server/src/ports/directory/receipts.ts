// The receipts port: how far each device, and with it each member, has received and read a conversation.

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
  /** Wanted positions; the store keeps the maximum of these and what it has. readSeq raises deliveredSeq too. 0 = leave. */
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
  readonly atMs: number;
}

export interface SentAdvance extends MemberKey {
  readonly sentSeq: Seq;
}

/** The member's positions after an advance, with both ids as they were given. */
export interface ReceiptResult extends MemberKey {
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
  /** false when neither position moved forward. */
  readonly changed: boolean;
}

/**
 * MUST: positions only move forward, and 0 ≤ readSeq ≤ deliveredSeq always [D7]. The caller has capped both at last_seq.
 *
 * Relaxed durability [D9]: a resolved advance survives kill -9 of the process; a loss of power may undo the newest ones, and
 * devices report their positions again when they reconnect. A receipt stored together with any other write is as durable as that.
 */
export interface Receipts {
  /** Results in the order of the batch. Advances of users who are not members change nothing. */
  advanceReceipts(batch: readonly ReceiptAdvance[]): Promise<readonly ReceiptResult[]>;
  /** The store keeps the maximum. Advances of users who are not members change nothing. */
  advanceSent(batch: readonly SentAdvance[]): Promise<void>;
  /** Of devices that are forgotten; the members keep their positions. */
  forgetReceipts(devices: readonly DeviceKey[]): Promise<void>;
  /** Receipts of the members' devices in one conversation. Keyed by the ids as given; a user without receipts is absent. */
  deviceReceipts(request: {
    readonly conversationId: ConversationId;
    readonly userIds: readonly UserId[];
  }): Promise<ReadonlyMap<UserId, readonly DeviceReceipt[]>>;
  /** One device's positions in these conversations. Keyed by the ids as given; absent = 0. */
  receiptsOfDevice(request: {
    readonly userId: UserId;
    readonly deviceId: DeviceId;
    readonly conversationIds: readonly ConversationId[];
  }): Promise<ReadonlyMap<ConversationId, DeviceReceipt>>;
  /** How many members other than `except` have received and read `seq`. */
  countReceipts(request: {
    readonly conversationId: ConversationId;
    readonly seq: Seq;
    readonly except: UserId;
  }): Promise<{ readonly delivered: number; readonly read: number }>;
}

/** How far the newest messages of members are stored, as a position of the timeline's feed: after a crash those behind it are read again. */
export interface SentMark {
  /** undefined: it was never moved. */
  sentThrough(): Promise<Position | undefined>;
  /** As durable as the advances before it. */
  moveSentThrough(position: Position): Promise<void>;
}

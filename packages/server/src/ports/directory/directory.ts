// The directory port: users, credentials, devices, conversations, members, and how far everyone has received and read.

import type { ConversationKind, MemberRole } from '@hongyan/protocol/entry';
import type { ConversationId, DeviceId, Seq, UserId } from '@hongyan/protocol/ids';

export interface UserRecord {
  readonly userId: UserId;
  readonly displayName: string;
  readonly createdAtMs: number;
}

export interface ConversationRecord {
  readonly conversationId: ConversationId;
  readonly kind: ConversationKind;
  /** Empty for direct conversations. */
  readonly title: string;
  readonly createdAtMs: number;
  readonly memberCount: number;
}

export interface MemberRecord {
  readonly conversationId: ConversationId;
  readonly userId: UserId;
  readonly role: MemberRole;
  /** Entries below it are hidden from this member [D5]. 1 = sees all. */
  readonly visibleFromSeq: Seq;
  /** Furthest of all the member's devices. */
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
  /** Last time this membership or its own positions changed; lets other devices of the user find what they missed. */
  readonly updatedAtMs: number;
}

export interface DeviceReceipt {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
}

export interface ReceiptAdvance {
  readonly conversationId: ConversationId;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  /** Wanted positions; the store takes the maximum of these and what it has. readSeq raises deliveredSeq too. 0 = leave. */
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
  readonly atMs: number;
}

/** The member's positions after an advance; `changed` is false when nothing moved forward. */
export interface ReceiptResult {
  readonly conversationId: ConversationId;
  readonly userId: UserId;
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
  readonly changed: boolean;
}

export interface NewConversation {
  readonly conversationId: ConversationId;
  readonly kind: ConversationKind;
  readonly title: string;
  readonly members: readonly { readonly userId: UserId; readonly role: MemberRole }[];
  readonly atMs: number;
}

/**
 * MUST: when a write resolves it survives kill -9 and loss of power; every write is atomic; positions only move forward
 * and readSeq ≤ deliveredSeq always [D7] (the caller has already capped both at last_seq).
 * Reads see every write that resolved before them.
 */
export interface Directory {
  /** false when the user id is taken. `passwordHash` is an argon2id PHC string. */
  createUser(user: UserRecord & { readonly passwordHash: string }): Promise<boolean>;
  getUser(userId: UserId): Promise<UserRecord | undefined>;
  getUsers(userIds: readonly UserId[]): Promise<readonly UserRecord[]>;
  getPasswordHash(userId: UserId): Promise<string | undefined>;
  /**
   * Users whose id starts with `query`, then those whose display name does; case-insensitive in ASCII, each by what was searched.
   * MUST NOT cost more the more users there are that match.
   */
  searchUsers(request: { readonly query: string; readonly limit: number }): Promise<readonly UserRecord[]>;

  touchDevice(device: { readonly userId: UserId; readonly deviceId: DeviceId; readonly atMs: number }): Promise<void>;
  devices(userId: UserId): Promise<readonly { readonly deviceId: DeviceId; readonly lastSeenMs: number }[]>;

  /** false when it exists already: nothing is changed then. Of a member named twice the first role counts. */
  createConversation(conversation: NewConversation): Promise<boolean>;
  getConversation(conversationId: ConversationId): Promise<ConversationRecord | undefined>;
  /** false when there is none. */
  setTitle(change: {
    readonly conversationId: ConversationId;
    readonly title: string;
    readonly atMs: number;
  }): Promise<boolean>;

  getMember(key: {
    readonly conversationId: ConversationId;
    readonly userId: UserId;
  }): Promise<MemberRecord | undefined>;
  /** false when already a member, when there is no such conversation, and when it has `memberCountMax` members: nothing is changed then. */
  addMember(member: {
    readonly conversationId: ConversationId;
    readonly userId: UserId;
    readonly role: MemberRole;
    readonly visibleFromSeq: Seq;
    /** Where the member's positions begin, delivered and read; 0 when absent. */
    readonly readSeq?: Seq;
    readonly atMs: number;
    readonly memberCountMax?: number;
  }): Promise<boolean>;
  /** false when not a member. Their receipts go too. */
  removeMember(key: { readonly conversationId: ConversationId; readonly userId: UserId }): Promise<boolean>;
  /** By user id ascending, after `after` (exclusive). */
  members(request: {
    readonly conversationId: ConversationId;
    readonly after?: UserId;
    readonly limit: number;
  }): Promise<readonly MemberRecord[]>;
  /** Everything a user is a member of, with the conversation. Bounded by the caller's conversations_per_user limit. */
  memberships(
    userId: UserId,
  ): Promise<readonly { readonly member: MemberRecord; readonly conversation: ConversationRecord }[]>;

  /** Results in the order of the batch. Advances of non-members change nothing. */
  advanceReceipts(batch: readonly ReceiptAdvance[]): Promise<readonly ReceiptResult[]>;
  deviceReceipts(key: {
    readonly conversationId: ConversationId;
    readonly userId: UserId;
  }): Promise<readonly DeviceReceipt[]>;
  /** This device's own positions in all of the user's conversations; absent = 0. */
  receiptsOfDevice(key: {
    readonly userId: UserId;
    readonly deviceId: DeviceId;
  }): Promise<ReadonlyMap<ConversationId, DeviceReceipt>>;
  /** How many members other than `except` have received and read `seq`. */
  countReceipts(request: {
    readonly conversationId: ConversationId;
    readonly seq: Seq;
    readonly except: UserId;
  }): Promise<{ readonly delivered: number; readonly read: number }>;
  close(): Promise<void>;
}

// The conversations port: conversations, their members, and which conversations a user is in.

import type { ConversationKind } from '@hongyan/protocol/conversation';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import type { MemberRole } from '@hongyan/protocol/member-role';
import type { Rules } from '@hongyan/protocol/rules';
import type { Fence } from '../../domain/fence.ts';

export interface ConversationRecord {
  readonly conversationId: ConversationId;
  readonly kind: ConversationKind;
  /** Empty for direct conversations. */
  readonly title: string;
  readonly createdAtMs: number;
  readonly memberCount: number;
  /** New members see the entries written before they joined. */
  readonly isHistoryVisible: boolean;
  readonly rules: Rules;
}

export interface MemberKey {
  readonly conversationId: ConversationId;
  readonly userId: UserId;
}

export interface MemberRecord extends MemberKey {
  readonly role: MemberRole;
  /** Entries below it are hidden from this member [D5]. 1 = all are visible. */
  readonly visibleFromSeq: Seq;
  /** The furthest of all the member's devices. */
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
  /** The newest message that the member wrote, as far as it was reported; 0 when there is none. */
  readonly sentSeq: Seq;
  /** When this membership or its read position last changed; lets other devices of the user find what they missed. */
  readonly updatedAtMs: number;
}

/** A write that is made for a command. */
interface Fenceable {
  /** Of the command's partition: see SharedDirectory. */
  readonly fence?: Fence | undefined;
}

export interface NewConversation extends Fenceable {
  readonly conversationId: ConversationId;
  readonly kind: ConversationKind;
  readonly title: string;
  readonly isHistoryVisible: boolean;
  readonly rules: Rules;
  /** Of a user listed twice the first role counts. Earlier ones are of longer standing. */
  readonly members: readonly { readonly userId: UserId; readonly role: MemberRole }[];
  readonly atMs: number;
  /** A member who has this many conversations already makes the creation fail; the system has any number. Absent = unbounded. */
  readonly conversationsPerUserMax?: number;
}

export type Creation =
  | { readonly type: 'created' }
  | { readonly type: 'exists' }
  /** The user has `conversationsPerUserMax` conversations. */
  | { readonly type: 'full'; readonly userId: UserId };

export interface NewMember extends MemberKey, Fenceable {
  readonly role: MemberRole;
  readonly visibleFromSeq: Seq;
  /** Where the member's positions begin, delivered and read; 0 when absent. */
  readonly readSeq?: Seq;
  readonly atMs: number;
  /** Absent = unbounded. */
  readonly memberCountMax?: number;
  readonly conversationsPerUserMax?: number;
}

export interface ConversationUpdate extends Fenceable {
  readonly conversationId: ConversationId;
  readonly title?: string | undefined;
  readonly isHistoryVisible?: boolean | undefined;
  readonly rules?: Partial<Rules> | undefined;
}

/** Anything but `added` changed nothing. */
export type Addition =
  | 'added'
  /** Already a member. */
  | 'exists'
  | 'no_conversation'
  /** The conversation has `memberCountMax` members. */
  | 'conversation_full'
  /** The user has `conversationsPerUserMax` conversations. */
  | 'user_full';

export interface Removal {
  /** false: nothing was changed. */
  readonly wasMember: boolean;
  /** The member who became owner, when the last owner left. */
  readonly newOwner?: UserId;
}

export interface Membership {
  readonly member: MemberRecord;
  readonly conversation: ConversationRecord;
}

/**
 * MUST compare conversation ids without regard to the case of ASCII letters, as user ids, and return both as they were created:
 * the id of a direct conversation holds two user ids.
 * A member need not be a stored user: callers check that.
 */
export interface Conversations {
  /** `exists` and `full` changed nothing. */
  createConversation(conversation: NewConversation): Promise<Creation>;
  /** Keyed by the ids as given; an unknown conversation is absent. */
  getConversations(
    conversationIds: readonly ConversationId[],
  ): Promise<ReadonlyMap<ConversationId, ConversationRecord>>;
  /** Replaces what is given. false when there is no such conversation. */
  updateConversation(update: ConversationUpdate): Promise<boolean>;

  /** In the order of the keys; undefined = not a member. */
  getMembers(keys: readonly MemberKey[]): Promise<readonly (MemberRecord | undefined)[]>;
  addMember(member: NewMember): Promise<Addition>;
  /**
   * The member's receipts are deleted too. When the last owner leaves a group or broadcast that has other members, an admin, or
   * else a member, of longest standing becomes owner in the same write.
   */
  removeMember(key: MemberKey & Fenceable & { readonly atMs: number }): Promise<Removal>;
  /** false when not a member. `handedOverBy` becomes an admin in the same write. */
  setRole(
    change: MemberKey &
      Fenceable & { readonly role: MemberRole; readonly atMs: number; readonly handedOverBy?: UserId },
  ): Promise<boolean>;
  /**
   * A page of the members, after `after` (exclusive): the userId of the last member of the page before. The order is the
   * adapter's and MUST be the same for every page. Cost MUST be O(limit), independent of the number of members, unless only
   * members who have `reached` some seq are wanted.
   */
  members(request: {
    readonly conversationId: ConversationId;
    readonly after?: UserId;
    readonly limit: number;
    readonly reached?: { readonly deliveredSeq?: Seq; readonly readSeq?: Seq };
  }): Promise<readonly MemberRecord[]>;
  /** The first `limit` members of each conversation, in the order of `members`. Keyed by the ids as given; unknown ones are absent. */
  membersOfMany(request: {
    readonly conversationIds: readonly ConversationId[];
    readonly limit: number;
  }): Promise<ReadonlyMap<ConversationId, readonly MemberRecord[]>>;
  /**
   * A page of the user's conversations, after `after` (exclusive): the conversationId of the last one of the page before. The
   * order is the adapter's and MUST be the same for every page. Cost MUST be O(limit).
   */
  memberships(request: {
    readonly userId: UserId;
    readonly after?: ConversationId;
    readonly limit: number;
  }): Promise<readonly Membership[]>;
  countMemberships(userId: UserId): Promise<number>;
  /** All conversations, or those whose id begins with `idPrefix`, by id ascending, after `after` (exclusive). Cost MUST be O(limit). */
  listConversations(request: {
    readonly idPrefix?: string;
    readonly after?: ConversationId;
    readonly limit: number;
  }): Promise<readonly ConversationRecord[]>;
  /**
   * Conversations of which a word of the title starts with the query, by that word, as users are found by their names. Cost MUST be
   * O(limit), independent of the number of matches.
   */
  searchConversations(request: {
    readonly query: string;
    readonly limit: number;
  }): Promise<readonly ConversationRecord[]>;
}

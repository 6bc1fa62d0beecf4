// The conversations port: conversations, their members, and the memberships of each user.

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
  /** New members can read the entries that were appended before they joined. */
  readonly isHistoryVisible: boolean;
  readonly rules: Rules;
}

export interface MemberKey {
  readonly conversationId: ConversationId;
  readonly userId: UserId;
}

export interface MemberRecord extends MemberKey {
  readonly role: MemberRole;
  /** Entries with a lower seq are hidden from this member [D5]. 1: all entries are visible. */
  readonly visibleFromSeq: Seq;
  /** The maximum over the devices of the member, like `readSeq`. */
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
  /** The seq of the newest reported message that the member sent; 0 when there is none. */
  readonly sentSeq: Seq;
  /** When the membership or its read position last changed. Other devices of the user find missed changes by it. */
  readonly updatedAtMs: number;
}

/** A write that may belong to a command. */
interface Fenceable {
  /** The fence of the command's partition: see SharedDirectory. */
  readonly fence?: Fence | undefined;
}

export interface NewConversation extends Fenceable {
  readonly conversationId: ConversationId;
  readonly kind: ConversationKind;
  readonly title: string;
  readonly isHistoryVisible: boolean;
  readonly rules: Rules;
  /** In order of seniority, the most senior first. When a user is listed twice, the first role applies. */
  readonly members: readonly { readonly userId: UserId; readonly role: MemberRole }[];
  readonly atMs: number;
  /** The creation fails when a member other than the system has this many conversations. Default unbounded. */
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
  /** The initial delivered and read position of the member. Default 0. */
  readonly readSeq?: Seq;
  readonly atMs: number;
  /** Default unbounded, like `conversationsPerUserMax`. */
  readonly memberCountMax?: number;
  readonly conversationsPerUserMax?: number;
}

export interface ConversationUpdate extends Fenceable {
  readonly conversationId: ConversationId;
  readonly title?: string | undefined;
  readonly isHistoryVisible?: boolean | undefined;
  readonly rules?: Partial<Rules> | undefined;
}

/** Every result except `added` means that nothing was changed. */
export type Addition =
  | 'added'
  /** The user is a member already. */
  | 'exists'
  | 'no_conversation'
  /** The conversation has `memberCountMax` members. */
  | 'conversation_full'
  /** The user has `conversationsPerUserMax` conversations. */
  | 'user_full';

export interface Removal {
  /** false: nothing was changed. */
  readonly wasMember: boolean;
  /** The member who became owner because the last owner left. */
  readonly newOwner?: UserId;
}

export interface Membership {
  readonly member: MemberRecord;
  readonly conversation: ConversationRecord;
}

/**
 * MUST compare conversation ids, like user ids, without regard to the case of ASCII letters, because the id of a direct
 * conversation contains two user ids. MUST return both in the case in which they were created.
 * A member need not be a stored user; callers check that.
 */
export interface Conversations {
  /** `exists` and `full`: nothing was changed. */
  createConversation(conversation: NewConversation): Promise<Creation>;
  /** Keyed by the requested ids. Unknown conversations are absent. */
  getConversations(
    conversationIds: readonly ConversationId[],
  ): Promise<ReadonlyMap<ConversationId, ConversationRecord>>;
  /** Undefined fields do not change. false when the conversation does not exist. */
  updateConversation(update: ConversationUpdate): Promise<boolean>;

  /** In the order of the keys; undefined for a user who is not a member. */
  getMembers(keys: readonly MemberKey[]): Promise<readonly (MemberRecord | undefined)[]>;
  addMember(member: NewMember): Promise<Addition>;
  /**
   * Removes the member and the member's receipts. When the last owner leaves a group or broadcast that has other members, the most
   * senior admin, or else the most senior member, becomes owner in the same write.
   */
  removeMember(key: MemberKey & Fenceable & { readonly atMs: number }): Promise<Removal>;
  /** false when the user is not a member. The owner `handedOverBy` becomes an admin in the same write. */
  setRole(
    change: MemberKey &
      Fenceable & { readonly role: MemberRole; readonly atMs: number; readonly handedOverBy?: UserId },
  ): Promise<boolean>;
  /**
   * A page of the members, after `after` (exclusive), which is the userId of the last member of the previous page. The adapter
   * chooses the order, which MUST be the same for every page. With `reached`, only the members whose positions are at least the given
   * ones. Without it the cost MUST be O(limit), independent of the number of members.
   */
  members(request: {
    readonly conversationId: ConversationId;
    readonly after?: UserId;
    readonly limit: number;
    readonly reached?: { readonly deliveredSeq?: Seq; readonly readSeq?: Seq };
  }): Promise<readonly MemberRecord[]>;
  /** The first `limit` members of each conversation, in the order of `members`. Keyed by the requested ids. Unknown conversations are absent. */
  membersOfMany(request: {
    readonly conversationIds: readonly ConversationId[];
    readonly limit: number;
  }): Promise<ReadonlyMap<ConversationId, readonly MemberRecord[]>>;
  /**
   * A page of the user's conversations, after `after` (exclusive), which is the conversationId of the last one of the previous page.
   * The adapter chooses the order, which MUST be the same for every page. The cost MUST be O(limit).
   */
  memberships(request: {
    readonly userId: UserId;
    readonly after?: ConversationId;
    readonly limit: number;
  }): Promise<readonly Membership[]>;
  countMemberships(userId: UserId): Promise<number>;
  /** All conversations, or those whose id begins with `idPrefix`, ascending by id, after `after` (exclusive). The cost MUST be O(limit). */
  listConversations(request: {
    readonly idPrefix?: string;
    readonly after?: ConversationId;
    readonly limit: number;
  }): Promise<readonly ConversationRecord[]>;
  /**
   * Conversations found by the words of their titles, as `searchUsers` finds users by the words of their display names. The cost
   * MUST be O(limit), independent of the number of matches.
   */
  searchConversations(request: {
    readonly query: string;
    readonly limit: number;
  }): Promise<readonly ConversationRecord[]>;
}

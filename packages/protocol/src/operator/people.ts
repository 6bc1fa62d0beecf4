// What the operator API answers about users and conversations. Times are Unix milliseconds.

import type { ConversationKind } from '../conversation.ts';
import type { MemberRole } from '../member-role.ts';

export interface OperatorUser {
  readonly user_id: string;
  readonly display_name: string;
  readonly created_at: number;
  readonly disabled: boolean;
}

export interface ListedUser extends OperatorUser {
  readonly online: boolean;
  /** null: no device of the user has connected. */
  readonly last_seen: number | null;
}

export interface UserDevice {
  readonly device_id: string;
  readonly name: string;
  readonly last_seen: number;
  readonly online: boolean;
}

export interface UserFacts extends OperatorUser {
  /** null: none is set. */
  readonly tier: string | null;
  readonly conversations: number;
  readonly devices: readonly UserDevice[];
}

export interface ListedConversation {
  readonly conversation_id: string;
  readonly kind: ConversationKind;
  readonly title: string;
  readonly created_at: number;
  readonly member_count: number;
  /** 0: empty. */
  readonly last_seq: number;
  readonly messages: number;
  readonly last_message_at: number | null;
}

export interface MembershipFacts extends ListedConversation {
  readonly role: MemberRole;
  readonly delivered_seq: number;
  readonly read_seq: number;
}

export interface ConversationFacts extends ListedConversation {
  readonly first_seq: number;
  /** The parts of the store that hold its entries, oldest first. */
  readonly segments: readonly { readonly name: string; readonly first_seq: number; readonly last_seq: number }[];
}

export interface ConversationMember {
  readonly user_id: string;
  readonly role: MemberRole;
  readonly visible_from_seq: number;
  readonly delivered_seq: number;
  readonly read_seq: number;
}

/** One page of a list. */
export interface Page {
  /** The `after` of the next page. Absent on the last page. */
  readonly next?: string;
}

/** A search answers its best matches only. */
export interface Matches {
  readonly is_cut?: boolean;
}

// The content of messages and of state entries.

import Type, { type Static } from 'typebox';
import type { ConversationId, DeviceId, Seq, UserId } from './ids.ts';
import type { MemberRole } from './member-role.ts';
import type { Rules } from './rules.ts';

/** The server interprets only the type `text`. Any other object with a `type` passes through unchanged. `hongyan.*` is reserved. */
export const ContentSchema = Type.Object(
  { type: Type.String({ minLength: 1, maxLength: 64 }), text: Type.Optional(Type.String()) },
  {
    additionalProperties: true,
    description:
      'Type "text" has a field text; any other type passes through unchanged. Types that start with "hongyan." are reserved for the server.',
  },
);
export type Content = Static<typeof ContentSchema> & Record<string, unknown>;

/** Prefix of the content types that only the server creates, so that no client can forge "alice added bob". */
export const serverContentPrefix = 'hongyan.';

/** Content of state entries: a change of the message at `target_seq`, of the conversation, or of a private timeline. */
export type StateContent =
  | { readonly type: 'hongyan.edit'; readonly target_seq: Seq; readonly content: Content }
  | { readonly type: 'hongyan.recall'; readonly target_seq: Seq; readonly reason?: string }
  | { readonly type: 'hongyan.reaction'; readonly target_seq: Seq; readonly key: string; readonly op: ReactionOp }
  | ReactionSummary
  | { readonly type: 'hongyan.pin'; readonly target_seq: Seq; readonly pinned: boolean }
  | {
      readonly type: 'hongyan.members';
      readonly change: 'created' | 'joined' | 'left';
      readonly user_ids: readonly UserId[];
      readonly user_count?: number;
      readonly new_owner?: UserId;
    }
  | { readonly type: 'hongyan.role'; readonly user_id: UserId; readonly role: MemberRole }
  | { readonly type: 'hongyan.title'; readonly title: string }
  /** Contains only what changed. */
  | { readonly type: 'hongyan.rules'; readonly rules?: Partial<Rules>; readonly history_visible?: boolean }
  | PrivateContent;

export type ReactionOp = 'add' | 'remove';

/** [E6] In large conversations, reactions to one message within a second are combined into one entry. */
export interface ReactionSummary {
  readonly type: 'hongyan.reactions';
  readonly target_seq: Seq;
  readonly changes: readonly { readonly user_id: UserId; readonly key: string; readonly op: ReactionOp }[];
  /** All reactions after the changes. */
  readonly reactions: readonly { readonly key: string; readonly count: number }[];
}

/** [E21] A change that applies to all devices of one user and to nobody else. null, false or the empty text removes the value. */
export type PrivateChange =
  /** `until`: Unix ms. */
  | { readonly type: 'mute'; readonly conversation_id: ConversationId; readonly until: number | null }
  | { readonly type: 'pin'; readonly conversation_id: ConversationId; readonly pinned: boolean }
  /** `count`: the number of messages that the user saw. A further message moves the conversation back to the list [E24]. */
  | { readonly type: 'archive'; readonly conversation_id: ConversationId; readonly count: number | null }
  /** `base_revision`: the seq of the draft that this text continues; 0 for none [E22]. */
  | {
      readonly type: 'draft';
      readonly conversation_id: ConversationId;
      readonly text: string;
      readonly base_revision: Seq;
    }
  /** Marks messages up to `seq` as read, without a receipt to others [E23]. */
  | { readonly type: 'read'; readonly conversation_id: ConversationId; readonly seq: Seq }
  | { readonly type: 'setting'; readonly name: string; readonly value: unknown };

export interface PrivateContent {
  readonly type: 'hongyan.private';
  readonly change: PrivateChange;
  /** The device that wrote the draft. */
  readonly device_id?: DeviceId;
  /** Draft texts of other devices that this draft does not continue [E22]. If `text` is empty, the first of them is the draft. */
  readonly others?: readonly DraftText[];
}

export interface DraftText {
  readonly text: string;
  readonly device_id?: DeviceId;
}

/** Replaces the erased content of a recalled message, and of the entries that changed it. */
export const recalledContent = { type: 'hongyan.recalled' } as const;

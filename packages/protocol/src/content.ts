// What a message carries.

import Type, { type Static } from 'typebox';
import type { ConversationId, DeviceId, Seq, UserId } from './ids.ts';
import type { MemberRole } from './member-role.ts';
import type { Rules } from './rules.ts';

/** `text` is the one type the server interprets; any other object with a `type` passes through untouched. `hongyan.*` is reserved for the server. */
export const ContentSchema = Type.Object(
  { type: Type.String({ minLength: 1, maxLength: 64 }), text: Type.Optional(Type.String()) },
  {
    additionalProperties: true,
    description:
      'type "text" has text; any other type is passed through. Types that start with "hongyan." are reserved for the server.',
  },
);
export type Content = Static<typeof ContentSchema> & Record<string, unknown>;

/** Prefix of the content types that only the server creates, so that no client can forge "alice added bob". */
export const serverContentPrefix = 'hongyan.';

/** What state entries carry: they change the message at `target_seq`, record a change of the conversation, or one of a private timeline. */
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
  /** What changed, not the others. */
  | { readonly type: 'hongyan.rules'; readonly rules?: Partial<Rules>; readonly history_visible?: boolean }
  | PrivateContent;

export type ReactionOp = 'add' | 'remove';

/** [E6] In large conversations the reactions of up to a second to one message are one entry. */
export interface ReactionSummary {
  readonly type: 'hongyan.reactions';
  readonly target_seq: Seq;
  readonly changes: readonly { readonly user_id: UserId; readonly key: string; readonly op: ReactionOp }[];
  /** All there are after the changes. */
  readonly reactions: readonly { readonly key: string; readonly count: number }[];
}

/** [E21] What a user changes for themselves, on all their devices. The value that removes it again: null, false, the empty text. */
export type PrivateChange =
  /** `until`: Unix ms. */
  | { readonly type: 'mute'; readonly conversation_id: ConversationId; readonly until: number | null }
  | { readonly type: 'pin'; readonly conversation_id: ConversationId; readonly pinned: boolean }
  /** `count`: the messages of the conversation as the user saw it; a further one brings it back [E24]. */
  | { readonly type: 'archive'; readonly conversation_id: ConversationId; readonly count: number | null }
  /** `base_revision`: the seq of the draft that this text continues; 0 for none [E22]. */
  | {
      readonly type: 'draft';
      readonly conversation_id: ConversationId;
      readonly text: string;
      readonly base_revision: Seq;
    }
  /** What comes up to `seq` is no longer unread; no one else learns of it [E23]. */
  | { readonly type: 'read'; readonly conversation_id: ConversationId; readonly seq: Seq }
  | { readonly type: 'setting'; readonly name: string; readonly value: unknown };

export interface PrivateContent {
  readonly type: 'hongyan.private';
  readonly change: PrivateChange;
  /** Of a draft: the device that wrote it. */
  readonly device_id?: DeviceId;
  /** Of a draft: texts of other devices that it does not continue [E22]. Without a text of its own the first of them is the draft. */
  readonly others?: readonly DraftText[];
}

export interface DraftText {
  readonly text: string;
  readonly device_id?: DeviceId;
}

/** In place of a content that a recall has erased, of the message and of the entries that changed it. */
export const recalledContent = { type: 'hongyan.recalled' } as const;

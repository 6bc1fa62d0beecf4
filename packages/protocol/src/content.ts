// What a message carries.

import Type, { type Static } from 'typebox';
import type { Seq, UserId } from './ids.ts';
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

/** What state entries carry: they change the message at `target_seq`, or record a change of the conversation. */
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
  | { readonly type: 'hongyan.rules'; readonly rules?: Partial<Rules>; readonly history_visible?: boolean };

export type ReactionOp = 'add' | 'remove';

/** [E6] In large conversations the reactions of up to a second to one message are one entry. */
export interface ReactionSummary {
  readonly type: 'hongyan.reactions';
  readonly target_seq: Seq;
  readonly changes: readonly { readonly user_id: UserId; readonly key: string; readonly op: ReactionOp }[];
  /** All there are after the changes. */
  readonly reactions: readonly { readonly key: string; readonly count: number }[];
}

/** In place of a content that a recall has erased, of the message and of the entries that changed it. */
export const recalledContent = { type: 'hongyan.recalled' } as const;

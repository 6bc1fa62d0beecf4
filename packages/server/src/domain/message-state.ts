// The state of a message after changes: stored beside its content, and replaced as a whole by each entry that changes it.

import type { Content } from '@hongyan/protocol/content';
import type { Seq, UserId } from '@hongyan/protocol/ids';

export interface MessageState {
  /** The last edit: its seq, and the edited content. */
  readonly edited?: { readonly seq: Seq; readonly content: Content };
  readonly recalled?: true;
  readonly pinned?: true;
  /** In the order in which the keys were first used. Every key has users. */
  readonly reactions?: readonly Reaction[];
}

export interface Reaction {
  readonly key: string;
  /** In the order in which they reacted. */
  readonly userIds: readonly UserId[];
}

/** The state of a message without changes. */
export const unchanged: MessageState = {};

export function withReaction({ reactions = [], ...rest }: MessageState, key: string, userId: UserId): MessageState {
  const isKnown = reactions.some((reaction) => reaction.key === key);
  const added = reactions.map((reaction) =>
    reaction.key === key ? { key, userIds: [...reaction.userIds, userId] } : reaction,
  );
  return { ...rest, reactions: isKnown ? added : [...added, { key, userIds: [userId] }] };
}

export function withoutReaction({ reactions = [], ...rest }: MessageState, key: string, userId: UserId): MessageState {
  const left = reactions
    .map((reaction) =>
      reaction.key === key ? { key, userIds: reaction.userIds.filter((other) => other !== userId) } : reaction,
    )
    .filter(({ userIds }) => userIds.length > 0);
  return left.length === 0 ? rest : { ...rest, reactions: left };
}

export const hasReacted = ({ reactions }: MessageState, key: string, userId: UserId): boolean =>
  reactions?.some((reaction) => reaction.key === key && reaction.userIds.includes(userId)) ?? false;

/** The keys of each user who reacted, in the order in which the keys were first used. */
export function reactionsByUser({ reactions = [] }: MessageState): ReadonlyMap<UserId, string[]> {
  const keysOf = new Map<UserId, string[]>();
  for (const { key, userIds } of reactions) {
    for (const userId of userIds) {
      const keys = keysOf.get(userId);
      if (keys) keys.push(key);
      else keysOf.set(userId, [key]);
    }
  }
  return keysOf;
}

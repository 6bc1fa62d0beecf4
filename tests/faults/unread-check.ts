// The part of the checker that looks at badges: unread is what a fold of the raw entries says, whatever was edited, reacted to or
// recalled [E3, E8].

import { type FoldedMessage, foldEntries } from '@hongyan/testing/fold-entries';
import type { Badge, FullRead, Violation } from '@hongyan/testing/history';

export function checkUnread(reads: readonly FullRead[]): Violation[] {
  return reads.flatMap((read) => {
    const { userId, conversationId, entries, badge } = read;
    if (badge === undefined) return [];
    const messages = foldEntries(entries, userId).filter(isMessage);
    const own = messages.flatMap(({ from, seq }) => (from === userId ? seq : []));
    const expected = badgeFrom(Math.max(badge.readSeq, ...own, ...privateMarks(reads, read)), messages, userId);
    if (badge.unread === expected.unread && badge.unreadMentions === expected.unreadMentions) return [];
    const evidence = { userId, conversationId, badge, expected };
    return [{ rule: 'E3', what: 'unread is not what the entries say', evidence }];
  });
}

function badgeFrom(
  after: number,
  messages: readonly FoldedMessage[],
  userId: string,
): Pick<Badge, 'unread' | 'unreadMentions'> {
  // Behind the newest point there is no message of the member.
  const unread = messages.filter(({ seq, recalled }) => seq > after && !recalled);
  return { unread: unread.length, unreadMentions: unread.filter((one) => isMentioned(one, userId)).length };
}

/** What the server writes is nothing to read; what was recalled was a message. */
const isMessage = ({ content, recalled }: FoldedMessage): boolean =>
  recalled === true || !(content as { readonly type: string }).type.startsWith('hongyan.');

const isMentioned = ({ mentions }: FoldedMessage, userId: string): boolean =>
  mentions === 'all' || (Array.isArray(mentions) && mentions.includes(userId));

/** [E23] How far the user read without telling others. */
function privateMarks(reads: readonly FullRead[], { userId, conversationId }: FullRead): readonly number[] {
  const own = reads.find((read) => read.conversationId === `u:${userId}`);
  return (own?.entries ?? []).flatMap(({ content }) => {
    const { change } = content as { readonly change?: { type: string; conversation_id?: string; seq?: number } };
    return change?.type === 'read' && change.conversation_id === conversationId ? (change.seq ?? []) : [];
  });
}

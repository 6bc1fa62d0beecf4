// Mentions in a text: the word being written at the caret, whom it may mean, and where mentions stand in a message. Pure.

import type { UserId } from '@hongyan/client/api';
import { folded } from '../ui/fold.ts';

export interface Mentionable {
  readonly userId: UserId | 'all';
  readonly name: string;
}

export interface MentionQuery {
  /** Of the "@". */
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

const offeredMax = 8;
/** Not inside a word or an address. */
const atCaret = /(?<![\p{L}\p{N}_.@])@([^\s@]{0,32})$/u;

/** undefined where no mention is being written. */
export function queryAt(text: string, caret: number): MentionQuery | undefined {
  const match = atCaret.exec(text.slice(0, caret));
  return match ? { from: match.index, to: caret, text: match[1] ?? '' } : undefined;
}

/**
 * People whose id, or a word of whose name, begins with the query. Before a letter is typed "all" comes last: Enter picks the first.
 */
export function matching(all: readonly Mentionable[], query: string): readonly Mentionable[] {
  const wanted = folded(query);
  const isMatch = ({ userId, name }: Mentionable) =>
    folded(userId).startsWith(wanted) || folded(name).startsWith(wanted) || folded(name).includes(` ${wanted}`);
  if (wanted !== '') return all.filter(isMatch).slice(0, offeredMax);
  const everyone = all.filter(({ userId }) => userId === 'all');
  const people = all.filter(({ userId }) => userId !== 'all');
  return [...people.slice(0, offeredMax - everyone.length), ...everyone];
}

/** Whose name or id was written out in full. */
export const named = (all: readonly Mentionable[], query: string): Mentionable | undefined =>
  all.find(({ name }) => name === query) ?? all.find(({ userId }) => userId === query);

export const wordOf = (name: string): string => `@${name}`;

/** How a text mentions somebody; all, in each language. */
export const mentionWords = (who: UserId | 'all', nameOf: (userId: UserId) => string): readonly string[] =>
  who === 'all' ? ['@all', '@所有人'] : [wordOf(nameOf(who)), wordOf(who)];

/** The text with the word in place of what was being written, and where the caret is then. */
export function withMention(
  text: string,
  { from, to }: MentionQuery,
  name: string,
): { readonly text: string; readonly caret: number } {
  const rest = text.slice(to);
  const written = `${text.slice(0, from)}${wordOf(name)}${rest.startsWith(' ') ? '' : ' '}`;
  return { text: written + rest, caret: written.length + (rest.startsWith(' ') ? 1 : 0) };
}

export interface TextPart {
  readonly at: number;
  readonly text: string;
  readonly isMention: boolean;
}

/** The parts together are the text. Of two words that begin alike the longer one counts. */
export function splitMentions(text: string, words: readonly string[]): readonly TextPart[] {
  if (words.length === 0) return [{ at: 0, text, isMention: false }];
  const longestFirst = words.toSorted((a, b) => b.length - a.length);
  const parts: TextPart[] = [];
  let plainFrom = 0;
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    if (at < plainFrom) continue;
    const word = longestFirst.find((one) => text.startsWith(one, at));
    if (word === undefined) continue;
    if (at > plainFrom) parts.push({ at: plainFrom, text: text.slice(plainFrom, at), isMention: false });
    parts.push({ at, text: word, isMention: true });
    plainFrom = at + word.length;
  }
  if (plainFrom < text.length) parts.push({ at: plainFrom, text: text.slice(plainFrom), isMention: false });
  return parts;
}

// References of a message [E7, E8]: the message it replies to, and the users it mentions.

import type { Content } from '@hongyan/protocol/content';
import { type Mentions, quoteLengthMax, type Reply } from '@hongyan/protocol/entry';
import type { Seq, UserId } from '@hongyan/protocol/ids';
import type { MessageState } from './message-state.ts';

export interface MessageReferences {
  readonly replyTo?: Seq | undefined;
  readonly mentions?: Mentions | undefined;
  /** Fingerprint of the sender's content, if the send hook replaced it [W11]. */
  readonly original?: string | undefined;
}

/** undefined: the message has no references. Such messages, nearly all, take a faster path. */
export function referencesOf(input: {
  readonly reply_to?: { readonly seq: Seq } | undefined;
  readonly mentions?: Mentions | undefined;
}): MessageReferences | undefined {
  const { reply_to, mentions } = input;
  if (reply_to === undefined && mentions === undefined) return undefined;
  return {
    ...(reply_to === undefined ? {} : { replyTo: reply_to.seq }),
    ...(mentions === undefined ? {} : { mentions: mentions === 'all' ? mentions : [...new Set(mentions)] }),
  };
}

/** Fields have a fixed order: repeats are compared by this text. */
export const encodeReferences = ({ replyTo, mentions, original }: MessageReferences): string =>
  JSON.stringify({ replyTo, mentions, original });
export const decodeReferences = (json: string): MessageReferences => JSON.parse(json) as MessageReferences;

/** [E7] The quote in a reply: the beginning of the present text of the replied message. */
export function quoteOf(
  message: { readonly seq: Seq; readonly from: UserId; readonly content: Content },
  changed: { readonly asOfSeq: Seq; readonly state: MessageState } | undefined,
): Reply {
  const { seq, from } = message;
  const as_of = changed === undefined ? {} : { as_of_seq: changed.asOfSeq };
  if (changed?.state.recalled) return { seq, from, recalled: true, ...as_of };
  const { type, text } = changed?.state.edited?.content ?? message.content;
  return { seq, from, content: typeof text === 'string' ? { type, text: beginningOf(text) } : { type }, ...as_of };
}

function beginningOf(text: string): string {
  if (text.length <= quoteLengthMax) return text;
  const cut = text.slice(0, quoteLengthMax);
  // Drop half of a surrogate pair at the cut.
  return `${cut.isWellFormed() ? cut : cut.slice(0, -1)}…`;
}

// A committed entry as the text of the frame that is pushed to its readers.

import { recipientOf } from '@hongyan/protocol/direct';
import type { Reply } from '@hongyan/protocol/entry';
import type { StoredEntry } from '../../ports/timeline/timeline.ts';
import { referencesView } from './entry-view.ts';
import { noQuotes } from './quotes.ts';

/** The stored content is already JSON: it is copied behind the other fields, not parsed and encoded again. */
export function entryFrame(entry: StoredEntry, quote?: Reply): string {
  const { referencesJson } = entry;
  const frame = JSON.stringify({
    type: entry.isCounted ? 'message' : 'entry',
    msg_id: entry.msgId,
    conversation_id: entry.conversationId,
    seq: entry.seq,
    from: entry.from,
    to: recipientOf(entry.conversationId, entry.from),
    count: entry.count,
    timestamp: entry.timestampMs,
    client_msg_id: entry.clientMsgId,
    status: 'ack',
  });
  const references = referencesJson === undefined ? '' : referencesText(referencesJson, quote);
  return `${frame.slice(0, -1)}${references},"content":${entry.contentJson}}`;
}

/** Further members of the frame's JSON object, each after a comma. */
function referencesText(json: string, quote: Reply | undefined): string {
  const view = JSON.stringify(referencesView(json, quote ? new Map([[quote.seq, quote]]) : noQuotes));
  return view === '{}' ? '' : `,${view.slice(1, -1)}`;
}

// hongyan inspect: a conversation or a message as the server's stores have it, for an operator who searches for it.

import type { ConversationId } from '@hongyan/protocol/ids';
import type { Readers } from '@hongyan/server/compose/commands/folder-stores';
import { openCommandStores } from '@hongyan/server/compose/commands/open-stores';
import {
  type ConversationFacts,
  conversationFacts,
  findMessages,
  type WhereFacts,
  whereFacts,
} from '@hongyan/server/roles/operator/facts';
import { printable } from '@hongyan/terminal/printable';
import { type Command, UsageError } from './command.ts';
import { conversationText, whereText } from './inspect/text.ts';
import { printLine } from './print-line.ts';
import { readOptions } from './store-options.ts';
import { wholeNumber } from './whole-number.ts';

const limitDefault = 20;
const limitMax = 10_000;

export const inspect: Command = {
  name: 'inspect',
  usage: 'inspect <conversation_id | msg_id | client_msg_id>',
  summary: 'Show a conversation, or a message with its status for each member and device',
  details:
    'Reads the data folder or the cluster without changing it, also while the server runs.\nA client_msg_id shows all messages that have it; an id that begins with a dash goes behind --.\nExits with status 1 if nothing has the id.',
  examples: ['hongyan inspect d:alice:bob --limit 5'],
  values: {
    from: {
      placeholder: 'user_id',
      description: 'Sender of the client_msg_id, which makes the search fast in a large store',
    },
    limit: { placeholder: 'n', description: `Number of members and of messages. Default: ${limitDefault}` },
  },
  switches: { json: 'Print one JSON object per message for programs' },
  options: readOptions,
  async run({ config, words, switches, values }) {
    const [id] = words;
    if (id === undefined || words.length > 1)
      throw new UsageError('give one id: hongyan inspect d:alice:bob, or a msg_id, or a client_msg_id');
    const limit = wholeNumber(values, 'limit', { standard: limitDefault, min: 1, max: limitMax });
    const stores = await openCommandStores(config);
    const from = values.get('from');
    const found = await stores.withReaders((readers) => find(readers, { id, from, limit }));
    if (found.length === 0) throw new Error(`nothing in ${stores.place} has the id ${printable(id)}`);
    printLine(
      found.map((facts) => (switches.has('json') ? JSON.stringify(facts) : textOf(facts))).join(between(switches)),
    );
    return 0;
  },
};

/** A client_msg_id may look like any other id, so what is not found as one is looked for as the next. */
async function find(
  readers: Readers,
  { id, from, limit }: { readonly id: string; readonly from: string | undefined; readonly limit: number },
): Promise<readonly (ConversationFacts | WhereFacts)[]> {
  const { directory, timeline } = readers;
  const conversation = (await directory.getConversations([id as ConversationId])).get(id as ConversationId);
  if (conversation) return [await conversationFacts(readers, { conversation, limit })];
  const entries = await findMessages(timeline, { id, from });
  return Promise.all(entries.map((each) => whereFacts(readers, { entry: each, limit })));
}

const textOf = (facts: ConversationFacts | WhereFacts): string =>
  facts.type === 'conversation' ? conversationText(facts) : whereText(facts);

const between = (switches: ReadonlySet<string>): string => (switches.has('json') ? '\n' : '\n\n');

// hongyan inspect: a conversation or a message as the data folder has it, for an operator who searches for it.

import type { ClientMsgId, ConversationId, MsgId } from '@hongyan/protocol/ids';
import { type Readers, withReaders } from '@hongyan/server/compose/data-folder';
import {
  type ConversationFacts,
  conversationFacts,
  type WhereFacts,
  whereFacts,
} from '@hongyan/server/roles/operator/facts';
import { printable } from '@hongyan/terminal/printable';
import { type Command, UsageError } from './command.ts';
import { conversationText, whereText } from './inspect/text.ts';

const limitDefault = 20;
const limitMax = 10_000;

export const inspect: Command = {
  name: 'inspect',
  usage: 'inspect <conversation_id | msg_id | client_msg_id>',
  summary: 'Show a conversation, or a message and where it is for each member and device',
  details:
    'Reads the data folder and changes nothing in it, while its server runs or not.\nAll messages that carry a client_msg_id are shown; an id that starts with dashes goes behind --.\nExits with status 1 if nothing has the id.',
  examples: ['hongyan inspect d:alice:bob --limit 5'],
  values: {
    limit: { placeholder: 'n', description: `How many members and messages are shown. Default: ${limitDefault}` },
  },
  switches: { json: 'Print one JSON object for programs; a line for each when a client_msg_id has several messages' },
  options: ['data'],
  async run({ config, words, switches, values }) {
    const [id] = words;
    if (id === undefined || words.length > 1)
      throw new UsageError('give one id: hongyan inspect d:alice:bob, or a msg_id, or a client_msg_id');
    const limit = limitOf(values.get('limit'));
    const found = await withReaders(config, (readers) => find(readers, { id, limit }));
    if (found.length === 0) throw new Error(`nothing in ${config.data} has the id ${printable(id)}`);
    console.log(
      found.map((facts) => (switches.has('json') ? JSON.stringify(facts) : textOf(facts))).join(between(switches)),
    );
    return 0;
  },
};

/** A client_msg_id may look like any other id, so what is not found as one is looked for as the next. */
async function find(
  readers: Readers,
  { id, limit }: { readonly id: string; readonly limit: number },
): Promise<readonly (ConversationFacts | WhereFacts)[]> {
  const { directory, timeline } = readers;
  const conversation = (await directory.getConversations([id as ConversationId])).get(id as ConversationId);
  if (conversation) return [await conversationFacts(readers, { conversation, limit })];
  const entry = await timeline.findByMsgId(id as MsgId);
  const entries = entry ? [entry] : await timeline.findAllByClientMsgId(id as ClientMsgId);
  return Promise.all(entries.map((each) => whereFacts(readers, { entry: each, limit })));
}

const textOf = (facts: ConversationFacts | WhereFacts): string =>
  facts.type === 'conversation' ? conversationText(facts) : whereText(facts);

const between = (switches: ReadonlySet<string>): string => (switches.has('json') ? '\n' : '\n\n');

function limitOf(text: string | undefined): number {
  const limit = text === undefined ? limitDefault : Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= limitMax) return limit;
  throw new UsageError(`--limit is a whole number from 1 to ${limitMax}; not "${text}"`);
}

// [O31] A message's journey: where it is for each member and each device of theirs. What it says is not for operators.

import { ok } from '@hongyan/base/result';
import type { ClientMsgId, MsgId } from '@hongyan/protocol/ids';
import { refusal } from '@hongyan/protocol/refusals';
import type { StoredEntry } from '../../ports/timeline/timeline.ts';
import { type FactReaders, whereFacts } from './facts.ts';
import type { OperatorRoute } from './route.ts';

export interface JourneyReaders extends FactReaders {
  readonly timeline: FactReaders['timeline'] & {
    findAllByClientMsgId(clientMsgId: ClientMsgId): Promise<readonly StoredEntry[]>;
  };
}

/** Lets `work` read the stores beside their writers. */
export type ReadStores = <T>(work: (readers: JourneyReaders) => Promise<T>) => Promise<T>;

/** Of a conversation's members; those of larger ones are counted all the same. */
const membersMax = 200;
/** Senders that used one client_msg_id. */
const messagesMax = 20;

export const journeyRoute = (read: ReadStores): OperatorRoute => ({
  method: 'GET',
  path: '/admin/v1/messages/:id',
  async handle({ params: { id = '' } }) {
    const messages = await read(async (readers) => {
      const entries = await find(readers, id);
      return Promise.all(entries.map((entry) => whereFacts(readers, { entry, limit: membersMax })));
    });
    if (messages.length === 0) return refusal.noSuch(`message with the id ${id.slice(0, 64)}`);
    return ok({ messages: messages.map(withoutContent) });
  },
});

/** A client_msg_id may look like a msg_id. */
async function find({ timeline }: JourneyReaders, id: string): Promise<readonly StoredEntry[]> {
  const entry = await timeline.findByMsgId(id as MsgId);
  if (entry !== undefined) return [entry];
  return (await timeline.findAllByClientMsgId(id as ClientMsgId)).slice(0, messagesMax);
}

function withoutContent({ message, ...facts }: Awaited<ReturnType<typeof whereFacts>>) {
  const { content, ...rest } = message;
  return { ...facts, message: { ...rest, content_type: content.type } };
}

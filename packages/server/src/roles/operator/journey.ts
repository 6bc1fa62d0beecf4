// [O31] A message's journey: where it is for each member and each device of theirs. What it says is not for operators.

import { ok } from '@hongyan/base/result';
import { refusal } from '@hongyan/protocol/refusals';
import { type FactReaders, findMessages, whereFacts } from './facts.ts';
import type { OperatorRoute } from './route.ts';

/** Lets `work` read the stores beside their writers. */
export type ReadStores = <T>(work: (readers: FactReaders) => Promise<T>) => Promise<T>;

/** Of a conversation's members; those of larger ones are counted all the same. */
const membersMax = 200;
/** Senders that used one client_msg_id. */
const messagesMax = 20;

export const journeyRoute = (read: ReadStores): OperatorRoute => ({
  method: 'GET',
  path: '/admin/v1/messages/:id',
  async handle({ params: { id = '' }, query }) {
    const from = query.get('from') ?? undefined;
    const messages = await read(async (readers) => {
      const entries = (await findMessages(readers.timeline, { id, from })).slice(0, messagesMax);
      return Promise.all(entries.map((entry) => whereFacts(readers, { entry, limit: membersMax })));
    });
    if (messages.length === 0) return refusal.noSuch(`message with the id ${id.slice(0, 64)}`);
    return ok({ messages: messages.map(withoutContent) });
  },
});

function withoutContent({ message, ...facts }: Awaited<ReturnType<typeof whereFacts>>) {
  const { content, ...rest } = message;
  return { ...facts, message: { ...rest, content_type: content.type } };
}

// Fills a storage of the client library, and times the opening of conversations from it. Runs under Bun and in a page.

import { systemClock } from '@hongyan/base/clock';
import { type ClientStorage, type ConversationId, createClient, type Seq, type UserId } from '@hongyan/client';
import { Conversations } from '@hongyan/client/conversations';
import { SafeStorage } from '@hongyan/client/safe-storage';
import type { Conversation, Entry } from '@hongyan/client/wire';
import { nothingOwn } from '../../packages/client/src/private-state.ts';

export interface Sizes {
  readonly conversations: number;
  /** Of each conversation. */
  readonly messages: number;
  readonly page: number;
  readonly rounds: number;
}

const self = 'me' as UserId;
const idOf = (number: number) => `g:${number}` as ConversationId;
const text = 'A message of a usual length, as people write them to each other: 鸿雁 carries it, with a few more words.';

export async function fill(storage: ClientStorage, { conversations: count, messages }: Sizes): Promise<void> {
  await storage.saveMeta({ userId: self });
  const conversations = new Conversations({
    self,
    clock: systemClock,
    storage: new SafeStorage({ storage, clock: systemClock, onFailure: fail }),
    events: { emit() {} },
    ownOf: () => nothingOwn,
    isPaused: () => false,
    onProgress() {},
  });
  for (let number = 0; number < count; number++) {
    const state = conversations.merge(conversation(number));
    for (let seq = 1; seq <= messages; seq++) conversations.add(state, entry(number, seq));
    await conversations.save();
  }
}

/** ms of each opening: as the first thing that a client does, and after that. */
export async function openings(
  open: () => ClientStorage,
  { conversations, page, rounds }: Sizes,
): Promise<{ readonly first: number[]; readonly next: number[] }> {
  const [first, next]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    // No server listens there, and none is asked.
    const client = createClient({ url: 'http://127.0.0.1:1', token: () => token, storage: open() });
    for (const times of [first, next]) {
      const startedMs = performance.now();
      const read = await client.history({
        conversationId: idOf((round * 2 + times.length) % conversations),
        limit: page,
      });
      times.push(performance.now() - startedMs);
      if (read.messages.length !== page) throw new Error(`${read.messages.length} messages are not a page`);
    }
    await client.close();
  }
  return { first, next };
}

const token = ['', btoa(JSON.stringify({ sub: self })), ''].join('.');

function fail(error: unknown): never {
  throw error;
}

const conversation = (number: number): Conversation => ({
  conversation_id: idOf(number),
  kind: 'group',
  member_count: 2,
  ...{ last_seq: 0 as Seq, first_seq: 1 as Seq, delivered_seq: 0 as Seq, read_seq: 0 as Seq },
  ...{ last_count: 0, unread: 0, unread_mentions: 0, created_at: 0, history_visible: true, role: 'member' },
  rules: { post: 'members', add: 'members', mention_all: 'members' },
});

const entry = (number: number, seq: number): Entry => ({
  msg_id: `01939f5e-0000-7000-8000-${String(seq).padStart(12, '0')}` as Entry['msg_id'],
  client_msg_id: `01939f5e-0000-7000-9000-${String(seq).padStart(12, '0')}` as Entry['client_msg_id'],
  conversation_id: idOf(number),
  seq: seq as Seq,
  from: (seq % 2 === 0 ? 'you' : self) as UserId,
  content: { type: 'text', text: `${seq}: ${text}` },
  count: seq,
  timestamp: 1_764_000_000_000 + seq,
  status: 'ack',
});

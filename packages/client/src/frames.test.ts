// Frames that no healthy server sends: whatever is wrong with them, the process lives and the client continues.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import type { Client } from './api.ts';
import { createClient } from './client.ts';
import { rules } from './testing/rules.ts';
import { type ScriptedConnection, ScriptedServer, tokenOf } from './testing/scripted-server.ts';

type Json = Record<string, unknown>;

const entry = {
  ...{ msg_id: 'm', conversation_id: 'g:1', seq: 2, from: 'me', content: { type: 'text', text: 'x' } },
  ...{ timestamp: 1, client_msg_id: 'k', status: 'ack', count: 2 },
};
const conversation = {
  ...{ conversation_id: 'g:1', kind: 'group', members: ['me', 'you'], member_count: 2, last_seq: 1, first_seq: 1 },
  ...{
    delivered_seq: 0,
    read_seq: 0,
    last_count: 1,
    unread: 0,
    unread_mentions: 0,
    last_message: { ...entry, seq: 1 },
  },
  ...{ created_at: 1, history_visible: true, rules, role: 'member' },
};
const frames: readonly Json[] = [
  { type: 'message', ...entry, reactions: [{ key: '👍', count: 1 }] },
  { type: 'entry', ...entry, seq: 3, content: { type: 'hongyan.edit', target_seq: 2, content: entry.content } },
  { type: 'entry', ...entry, seq: 4, content: { type: 'hongyan.reaction', target_seq: 2, key: '👍', op: 'add' } },
  { type: 'entry', ...entry, seq: 5, content: { type: 'hongyan.recall', target_seq: 2 } },
  { type: 'receipt', conversation_id: 'g:1', user_id: 'you', delivered_seq: 1, read_seq: 1 },
  { type: 'conversation', conversation_id: 'g:1', change: 'updated', user_id: 'me', conversation },
  { type: 'typing', conversation_id: 'g:1', user_id: 'you' },
  { type: 'presence', user_id: 'you', online: true, last_seen: 1 },
  { type: 'going_away', reconnect_after_ms: 5 },
  { type: 'error', code: 'internal', message: 'x' },
  { type: 'ack', ...entry, id: 1 },
];
const answers: Record<string, Json> = {
  sync: { type: 'sync_result', conversations: [conversation], cursor: 'c', has_more: false, conversation_count: 1 },
  history: {
    type: 'history_result',
    conversation_id: 'g:1',
    entries: [entry],
    first_seq: 1,
    last_seq: 2,
    has_more: false,
  },
  catch_up: { type: 'catch_up_result', entries: [entry], first_seq: 1, last_seq: 2, has_more: false },
  presence: { type: 'presence_result', users: [{ user_id: 'you', online: true }] },
  send: { type: 'ack', ...entry },
  edit: { type: 'ack', ...entry },
};
const odd: readonly unknown[] = [null, undefined, 0, -1, 1.5, '', 'x', [], [null], {}, true, 1e308, '__proto__'];

let server: ScriptedServer;
let client: Client;
let clock: ManualClock;
const uncaught: unknown[] = [];
const onUncaught = (error: unknown) => uncaught.push(error);
beforeEach(() => {
  server = new ScriptedServer();
  clock = new ManualClock();
  client = createClient({ url: server.url, token: () => tokenOf('me') }, { clock, random: () => 0.5 });
  process.on('uncaughtException', onUncaught);
  process.on('unhandledRejection', onUncaught);
});
afterEach(async () => {
  await client.close();
  await server.stop();
  process.off('uncaughtException', onUncaught);
  process.off('unhandledRejection', onUncaught);
});

test('[C2] frames with fields missing, of another type or beyond all bounds end no process', async () => {
  const random = createRandom(testSeed('odd frames'));
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T;
  /** One field somewhere in the frame, at any depth. */
  const spoil = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || random() < 0.1) return pick(odd);
    const keys = Object.keys(value).filter((key) => key !== 'type' && key !== 'id');
    if (keys.length === 0) return pick(odd);
    const key = pick(keys);
    const spoilt = spoil((value as Json)[key]);
    return Array.isArray(value) ? value.with(Number(key), spoilt) : { ...value, [key]: spoilt };
  };
  let isOdd = false;
  server.http = () => Response.json(isOdd ? (spoil(conversation) ?? null) : conversation);
  server.answer = (connection: ScriptedConnection, { type, id }) => {
    const answer = answers[type];
    if (!answer) return false;
    connection.send({ ...((isOdd ? spoil(answer) : answer) as Json), id, type: String(answer.type) });
    return true;
  };
  client.on('message', () => {});
  await client.watchPresence(['you' as never]);
  client.connect().catch(() => {});
  for (let round = 0; round < 150; round++) {
    isOdd = random() < 0.7;
    if (client.state.type === 'reconnecting') clock.advance(clock.nextInMs ?? 0);
    client.conversations();
    client.send({ conversationId: 'g:1' as never }, { type: 'text', text: 'x' }).catch(() => {});
    client.edit('g:1' as never, 2 as never, { type: 'text', text: 'y' }).catch(() => {});
    client.history({ conversationId: 'g:1' as never }).catch(() => {});
    const frame = pick(frames);
    server.connections.at(-1)?.send({ ...(spoil(frame) as Json), type: String(frame.type) });
    await Bun.sleep(1);
    clock.advance(300);
  }
  expect(uncaught).toEqual([]);
  expect(client.state.type).not.toBe('closed');
}, 20_000);

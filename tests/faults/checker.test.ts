// The checker is only worth something if it catches what it is there for: each fault is put in on purpose, one at a time.

import { expect, test } from 'bun:test';
import type { ClientEvent, SeenEntry, Violation } from '@hongyan/testing/history';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import { check } from './checker.ts';
import { type MutableRead, validWorld, type World } from './valid-world.ts';

const seed = testSeed('checker');
const numRuns = 200;

test('histories of a server that keeps the contract pass, sends of unknown outcome included', () => {
  fc.assert(
    fc.property(validWorld, ({ events, aftermath }) => {
      expect(check(events, aftermath)).toEqual([]);
    }),
    { seed, numRuns },
  );
});

/** Each breaks one thing in a world that was fine. `pick` chooses where. */
const faults: readonly [name: string, rule: Violation['rule'], breakIt: (world: World, pick: Pick) => void][] = [
  ['an acked message lost from the end', 'D1', (world) => drop(world, 'end')],
  ['an acked message lost, the rest moved up', 'D1', (world) => drop(world, 'renumber')],
  ['all of a conversation lost', 'D1', ({ aftermath }) => edit(aftermath.reads, () => [])],
  ['a hole', 'D2', (world) => drop(world, 'hole')],
  [
    'a message doubled under a new msg_id',
    'D3',
    (world, pick) => append(world, { ...pick(entries(world)), msg_id: 'other' }),
  ],
  ['a message doubled as it is', 'D3', (world, pick) => append(world, pick(entries(world)))],
  ['a re-send given a second msg_id', 'D3', (world, pick) => repeatAck(world, pick, { msgId: 'other' })],
  ['a re-send given a second seq', 'D3', (world, pick) => repeatAck(world, pick, { seq: 999 })],
  ['a re-send not marked duplicate', 'D3', (world, pick) => repeatAck(world, pick, { isDuplicate: false })],
  [
    'a first send marked duplicate',
    'D3',
    (world) => change(world, 'acked', { isDuplicate: true }, ({ clientMsgId }) => clientMsgId === 'k1'),
  ],
  [
    'a refused send that took effect',
    'D3',
    (world) => {
      const content = { type: 'text', text: 'no' };
      const send = { sender: 'ann', clientMsgId: 'refused' };
      world.events.push({ type: 'attempted', ...send, conversationId: 'g:all', content });
      world.events.push({ type: 'refused', ...send, code: 'unavailable' });
      append(world, { ...first(entries(world)), client_msg_id: 'refused', from: 'ann', msg_id: 'new', content });
    },
  ],
  ['two entries swapped for everyone', 'D1', ({ aftermath }) => edit(aftermath.reads, swapAndRenumber)],
  ['two entries swapped for one member', 'D2', ({ aftermath }) => edit(aftermath.reads.slice(-1), swapAndRenumber)],
  [
    'one page out of order',
    'D2',
    ({ aftermath }) => edit(aftermath.reads.slice(-1), ([a, b, ...rest]) => [b, a, ...rest].filter(isEntry)),
  ],
  [
    'a message that nobody sent',
    'no_invention',
    (world) => append(world, { ...first(entries(world)), msg_id: 'x', client_msg_id: 'x' }),
  ],
  [
    'a message under a false sender',
    'no_invention',
    (world) => append(world, { ...first(entries(world)), msg_id: 'x', from: 'cat' }),
  ],
  ['an ack for nothing', 'no_invention', ({ events }) => events.push(anAck('never', 'ann'))],
  [
    'a changed content',
    'D1',
    ({ aftermath }) =>
      edit(aftermath.reads, ([head, ...rest]) => (head ? [{ ...head, content: { type: 'text' } }, ...rest] : rest)),
  ],
  [
    'a changed content for one member',
    'D2',
    ({ aftermath }) =>
      edit(aftermath.reads.slice(-1), ([head, ...rest]) => (head ? [{ ...head, content: null }, ...rest] : rest)),
  ],
  [
    'a push with a changed content',
    'D2',
    ({ events }) => {
      const at = events.findIndex((event) => event.type === 'seen');
      const event = events[at];
      if (event?.type === 'seen') events[at] = { ...event, entry: { ...event.entry, content: 'other' } };
    },
  ],
  [
    'an entry that a device never saw',
    'D4',
    ({ events }) => removeWhere(events, (event) => event.type === 'seen' && isAt(event, 'bob', 'g:all', 3)),
  ],
  [
    'a push skipped',
    'D4',
    ({ events }) =>
      removeWhere(events, (event) => event.type === 'seen' && event.via === 'push' && isAt(event, 'bob', 'g:all', 2)),
  ],
  [
    'a push out of order',
    'D4',
    ({ events }) => {
      const at = events.findIndex((event) => event.type === 'seen' && isAt(event, 'bob', 'g:all', 2));
      const [moved] = events.splice(at, 1);
      const to = events.findIndex((event) => event.type === 'seen' && isAt(event, 'bob', 'g:all', 3));
      if (moved) events.splice(to + 1, 0, moved);
    },
  ],
  [
    'the outcome of an acked send denied',
    'D6',
    ({ aftermath }) => {
      aftermath.outcomes = aftermath.outcomes.map(({ userId, clientMsgId, found }) =>
        clientMsgId === 'k1' ? { userId, clientMsgId } : { userId, clientMsgId, found },
      );
    },
  ],
  ['a receipt that falls back after a restart', 'D7', ({ events }) => fallBack(events, 'after a restart')],
  ['a receipt that falls back on one connection', 'D7', ({ events }) => fallBack(events, 'on the connection')],
  ['read beyond delivered', 'D7', (world) => change(world, 'receipt_pushed', { deliveredSeq: 0, readSeq: 1 })],
  ['delivered beyond the last', 'D7', (world) => change(world, 'positions_read', { deliveredSeq: 1e6 })],
  [
    'a position that nobody claimed',
    'D7',
    ({ events }) => removeWhere(events, (event) => event.type === 'receipt_sent'),
  ],
];

test.each(faults)('%s is caught as %s', (_name, rule, breakIt) => {
  fc.assert(
    fc.property(validWorld, fc.gen(), (world, gen) => {
      breakIt(world, (items) => gen(fc.constantFrom, ...items));
      expect(check(world.events, world.aftermath).map((violation) => violation.rule)).toContain(rule);
    }),
    { seed, numRuns },
  );
});

type Pick = <T>(items: readonly T[]) => T;

const isEntry = (entry: SeenEntry | undefined): entry is SeenEntry => entry !== undefined;
const isAt = ({ userId, entry }: Extract<ClientEvent, { type: 'seen' }>, who: string, where: string, seq: number) =>
  userId === who && entry.conversation_id === where && entry.seq === seq;

/** The entries of the group, which the opening fills with three acked messages. */
const entries = ({ aftermath }: World) =>
  aftermath.reads.find((read) => read.conversationId === 'g:all')?.entries ?? [];

function first<T>(items: readonly T[]): T {
  const [item] = items;
  if (item === undefined) throw new Error('the opening gives every world what this needs');
  return item;
}

function edit(reads: readonly MutableRead[], change: (entries: SeenEntry[]) => SeenEntry[]): void {
  for (const read of reads) {
    read.entries = change(read.entries);
    read.lastSeq = read.entries.length;
  }
}

function append({ aftermath }: World, entry: SeenEntry): void {
  edit(
    aftermath.reads.filter((read) => read.conversationId === 'g:all'),
    (all) => [...all, { ...entry, seq: all.length + 1 }],
  );
}

function drop({ events, aftermath }: World, how: 'end' | 'renumber' | 'hole'): void {
  edit(aftermath.reads, (all) => {
    if (how === 'hole') return all.filter((entry) => entry.seq !== 2);
    if (how === 'renumber') return all.slice(1).map((entry, index) => ({ ...entry, seq: index + 1 }));
    const lastAcked = all.findLastIndex((entry) =>
      events.some((event) => event.type === 'acked' && event.clientMsgId === entry.client_msg_id),
    );
    return all.slice(0, lastAcked);
  });
}

function swapAndRenumber([a, b, ...rest]: SeenEntry[]): SeenEntry[] {
  return a && b ? [{ ...b, seq: 1 }, { ...a, seq: 2 }, ...rest] : [];
}

function repeatAck({ events }: World, pick: Pick, change: object): void {
  const ack = pick(events.filter((event) => event.type === 'acked'));
  const attempt = events.find((event) => event.type === 'attempted' && event.clientMsgId === ack.clientMsgId);
  if (attempt) events.push(attempt);
  const hasUnmarked = events.some(
    (event) => event.type === 'acked' && event.clientMsgId === ack.clientMsgId && !event.isDuplicate,
  );
  // Two acks without the mark are the fault; one may be rightly missing it.
  if (!hasUnmarked) events.push({ ...ack, isDuplicate: false });
  events.push({ ...ack, isDuplicate: true, ...change });
}

const anAck = (clientMsgId: string, sender: string): ClientEvent => ({
  type: 'acked',
  sender,
  clientMsgId,
  msgId: 'none',
  conversationId: 'g:all',
  seq: 1,
  isDuplicate: false,
});

/** Changes the last event of the type (that `where` accepts). */
function change<T extends ClientEvent['type']>(
  { events }: World,
  type: T,
  change: Partial<Extract<ClientEvent, { type: T }>>,
  where: (event: Extract<ClientEvent, { type: T }>) => boolean = () => true,
): void {
  const at = events.findLastIndex((event) => event.type === type && where(event as Extract<ClientEvent, { type: T }>));
  events[at] = { ...events[at], ...change } as ClientEvent;
}

function fallBack(events: ClientEvent[], how: 'after a restart' | 'on the connection'): void {
  const told = events.findLast((event) => event.type === 'receipt_pushed' && event.readSeq > 0);
  if (told?.type !== 'receipt_pushed') return;
  if (how === 'after a restart') events.push({ type: 'restarted' }, { ...told, connection: 77, readSeq: 0 });
  else events.push({ ...told, readSeq: 0 });
}

function removeWhere(events: ClientEvent[], isGone: (event: ClientEvent) => boolean): void {
  const kept = events.filter((event) => !isGone(event));
  events.splice(0, events.length, ...kept);
}

// Unread messages against a fold of the raw log: whatever the order of pushes, pages and answers, both give the same number.

import { expect, test } from 'bun:test';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import { ConversationState } from './conversation-state.ts';
import { rules } from './testing/rules.ts';
import type { Conversation, Entry } from './wire.ts';

const me = 'me' as UserId;
const you = 'you' as UserId;
const seq = (value: number) => value as Seq;
const conversationId = 'd:me:you' as ConversationId;

/** A server's timeline, of which everything can be read as it was when it had `last` entries. */
class Log {
  readonly #entries: Entry[] = [];

  get length(): number {
    return this.#entries.length;
  }

  append({ from, content, mentions }: Pick<Entry, 'from' | 'content' | 'mentions'>): void {
    const number = this.length + 1;
    const isCounted = !content.type.startsWith('hongyan.');
    const count = (this.#entries.at(-1)?.count ?? 0) + (isCounted ? 1 : 0);
    const ids = { msg_id: `m${number}`, conversation_id: conversationId, client_msg_id: `c${number}` };
    const references = mentions === undefined ? {} : { mentions };
    const fields = { seq: number, from, content, ...references, count, timestamp: number, status: 'ack' };
    this.#entries.push({ ...ids, ...fields } as unknown as Entry);
  }

  /** As it was committed. */
  entry(number: number): Entry {
    return this.#entries[number - 1] as Entry;
  }

  isMessage(number: number): boolean {
    return !this.entry(number).content.type.startsWith('hongyan.');
  }

  recallOf(number: number, last: number): number | undefined {
    const recalls = this.#entries.slice(0, last).filter(({ content }) => content.type === 'hongyan.recall');
    return recalls.find(({ content }) => content.target_seq === number)?.seq;
  }

  /** As catch_up lists it: what was recalled is erased, in the message and in its edits. */
  raw(number: number, last: number): Entry {
    const entry = this.entry(number);
    const { type, target_seq } = entry.content;
    const isErased = this.recallOf(type === 'hongyan.edit' ? Number(target_seq) : number, last) !== undefined;
    return isErased ? erased(entry) : entry;
  }

  /** As history lists it. */
  present(number: number, last: number): Entry {
    const recall = this.recallOf(number, last);
    const entry = this.entry(number);
    if (recall === undefined) return entry;
    return { ...erased(entry), recalled: true, as_of_seq: seq(recall) };
  }

  unread(readSeq: number, last: number): Entry[] {
    const numbers = Array.from({ length: last }, (_, index) => index + 1).filter((number) => this.isMessage(number));
    const sentSeq = numbers.findLast((number) => this.entry(number).from === me) ?? 0;
    const start = Math.max(readSeq, sentSeq);
    const isUnread = (number: number) => number > start && this.recallOf(number, last) === undefined;
    return numbers.filter(isUnread).map((number) => this.entry(number));
  }

  /** `markSeq`: up to where the user has read in private, as far as the server knows. */
  conversation(last: number, readSeq: number, markSeq = 0): Conversation {
    const newest = Array.from({ length: last }, (_, index) => index + 1).findLast((number) => this.isMessage(number));
    const unread = this.unread(Math.max(readSeq, markSeq), last);
    return {
      conversation_id: conversationId,
      kind: 'direct',
      members: [me, you],
      member_count: 2,
      ...{ last_seq: seq(last), first_seq: seq(1), delivered_seq: seq(0), read_seq: seq(readSeq) },
      ...{
        last_count: last === 0 ? 0 : this.entry(last).count,
        unread: unread.length,
        unread_mentions: mentionsOf(unread),
      },
      ...{ created_at: 0, history_visible: true, rules, role: 'member' },
      ...(newest === undefined ? {} : { last_message: this.present(newest, last) }),
    };
  }
}

function erased({ mentions: _mentions, ...entry }: Entry): Entry {
  return { ...entry, content: { type: 'hongyan.recalled' } };
}

const mentionsOf = (entries: readonly Entry[]): number =>
  entries.filter(({ mentions }) => mentions !== undefined).length;

type Kind = 'message' | 'mention' | 'title' | 'edit' | 'recall' | 'reaction';
const kinds = fc.constantFrom<Kind>('message', 'message', 'mention', 'title', 'edit', 'recall', 'reaction');
const written = fc.record({ from: fc.constantFrom(me, you, you, you), kind: kinds, target: fc.nat() });
const steps = fc.oneof(
  fc.record({ type: fc.constant('grow' as const), count: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ type: fc.constant('push' as const), at: fc.nat() }),
  fc.record({ type: fc.constant('page' as const), limit: fc.integer({ min: 1, max: 7 }) }),
  fc.record({ type: fc.constant('merge' as const), at: fc.nat() }),
  fc.record({ type: fc.constant('read' as const), at: fc.nat() }),
  fc.record({ type: fc.constant('read elsewhere' as const), at: fc.nat() }),
  fc.record({ type: fc.constant('read in private' as const), at: fc.nat() }),
  fc.record({ type: fc.constant('mark arrives' as const) }),
  fc.record({ type: fc.constant('restart' as const) }),
);
type Step = Parameters<Device['take']>[0];

/** One device, and the server whose log grows beside it. */
class Device {
  readonly log = new Log();
  readonly #written: { from: UserId; kind: Kind; target: number }[];
  /** Of each length of the log: the answers that were computed then, and may arrive late. */
  readonly #answers: Conversation[] = [];
  #serverReadSeq = 0;
  /** [E23] */
  markSeq = 0;
  #serverMarkSeq = 0;
  #state: ConversationState;
  shown: number[] = [];

  constructor(written: { from: UserId; kind: Kind; target: number }[], { start }: { readonly start: number }) {
    this.#written = [...written];
    this.#grow(start);
    const conversation = this.log.conversation(this.log.length, 0);
    this.#state = ConversationState.first(me, { conversation, shownSeq: conversation.last_seq });
    // An application that shows an old conversation has read its history.
    for (let number = 1; number <= this.log.length; number++)
      if (this.log.isMessage(number)) this.#state.readAsHistory(this.log.present(number, this.log.length));
  }

  get state(): ConversationState {
    return this.#state;
  }

  take(
    step:
      | { readonly type: 'grow'; readonly count: number }
      | { readonly type: 'page'; readonly limit: number }
      | { readonly type: 'restart' | 'mark arrives' }
      | { readonly type: 'push' | 'merge' | 'read' | 'read elsewhere' | 'read in private'; readonly at: number },
  ): void {
    const last = this.log.length;
    if (step.type === 'grow') this.#grow(step.count);
    if (step.type === 'page') this.page(step.limit);
    if (step.type === 'push' && last > 0) this.#state.add(this.log.entry(1 + (step.at % last)));
    if (step.type === 'merge') {
      this.#answers.push(this.log.conversation(last, this.#serverReadSeq, this.#serverMarkSeq));
      this.#state.merge(this.#answers[step.at % this.#answers.length] as Conversation);
    }
    if (step.type === 'read') this.#read(step.at % (this.#state.shownSeq + 1));
    if (step.type === 'read elsewhere' && this.#state.shownSeq > 0) {
      this.#serverReadSeq = Math.max(this.#serverReadSeq, step.at % (this.#state.shownSeq + 1));
      this.#read(this.#serverReadSeq);
    }
    if (step.type === 'read in private') {
      this.markSeq = Math.max(this.markSeq, step.at % (this.#state.shownSeq + 1));
      this.#state.readInPrivate(seq(this.markSeq));
    }
    if (step.type === 'mark arrives') this.#serverMarkSeq = this.markSeq;
    if (step.type === 'restart') {
      this.#state = ConversationState.restored(me, structuredClone(this.#state.toStored()));
    }
  }

  /** The server's answer of now, which knows what was read here. */
  refresh(): void {
    this.#serverReadSeq = Math.max(this.#serverReadSeq, this.#state.readSeq);
    this.#serverMarkSeq = this.markSeq;
    this.#state.merge(this.log.conversation(this.log.length, this.#serverReadSeq, this.#serverMarkSeq));
  }

  page(limit: number): void {
    const [from, last] = [this.#state.shownSeq + 1, this.log.length];
    const count = Math.max(0, Math.min(limit, last - from + 1));
    const entries = Array.from({ length: count }, (_, index) => this.log.raw(from + index, last));
    this.#state.addPage({ entries, first_seq: seq(1), last_seq: seq(last) });
  }

  #read(upTo: number): void {
    this.#state.advance(me, { deliveredSeq: seq(upTo), readSeq: seq(upTo) });
  }

  #grow(count: number): void {
    for (const { from, kind, target } of this.#written.splice(0, count)) {
      const last = this.log.length;
      if (kind === 'message') this.log.append({ from, content: { type: 'text', text: 'x' } });
      else if (kind === 'mention')
        this.log.append({ from, content: { type: 'text', text: '@me' }, mentions: from === me ? 'all' : [me] });
      else if (kind === 'title') this.log.append({ from, content: { type: 'hongyan.title', title: 'x' } });
      else if (last > 0) this.#change(from, kind, 1 + (target % last));
    }
  }

  /** Nothing changes a message that was recalled [E4]. */
  #change(from: UserId, kind: Kind, target: number): void {
    if (!this.log.isMessage(target) || this.log.recallOf(target, this.log.length) !== undefined) return;
    const change = { edit: { content: { type: 'text', text: 'y' } }, recall: {}, reaction: { key: '+', op: 'add' } };
    const fields = change[kind as keyof typeof change];
    this.log.append({ from, content: { type: `hongyan.${kind}`, target_seq: seq(target), ...fields } });
  }
}

function check(device: Device): void {
  const { state, log } = device;
  if (state.isBehind) return;
  const unread = log.unread(Math.max(state.readSeq, device.markSeq), state.lastSeq);
  const view = state.view();
  expect(view.unread).toBe(unread.length);
  // A mention that the server had counted and that was recalled before this device read it is counted until the next answer.
  expect(view.unreadMentions).toBeGreaterThanOrEqual(mentionsOf(unread));
  expect(view.unreadMentions).toBeLessThanOrEqual(unread.length);
}

test.each([0, 25])(
  '[E3, E8] after any pushes, pages and answers, unread is what a fold of the log gives, begun at %i',
  (start) => {
    fc.assert(
      fc.property(
        fc.array(written, { maxLength: 80, size: 'max' }),
        fc.array(steps, { maxLength: 80, size: 'max' }),
        (all, taken) => {
          const device = new Device(all, { start });
          check(device);
          for (const step of taken) {
            device.take(step as Step);
            check(device);
          }
          device.take({ type: 'grow', count: 60 });
          while (device.state.shownSeq < device.log.length) device.page(7);
          check(device);
          device.refresh();
          const { state, log } = device;
          const unread = log.unread(Math.max(state.readSeq, device.markSeq), state.lastSeq);
          expect(state.view().unreadMentions).toBe(mentionsOf(unread));
        },
      ),
      { seed: testSeed('unread messages'), numRuns: 1_000 },
    );
  },
);

test('[E3] a device that has not read the history takes the number from the server, and counts from there', () => {
  const log = new Log();
  for (let count = 0; count < 5; count++) log.append({ from: you, content: { type: 'text', text: 'x' } });
  const state = ConversationState.first(me, { conversation: log.conversation(5, 2), shownSeq: seq(5) });
  expect(state.view().unread).toBe(3);
  log.append({ from: you, content: { type: 'hongyan.recall', target_seq: seq(4) } });
  log.append({ from: you, content: { type: 'text', text: 'x' } });
  for (const number of [6, 7]) state.add(log.entry(number));
  expect(state.view().unread).toBe(3);
});

test('[E3] a read position at an entry whose count is not known survives a restart', () => {
  const log = new Log();
  log.append({ from: you, content: { type: 'text', text: 'x' } });
  for (let count = 0; count < 2; count++) log.append({ from: me, content: { type: 'hongyan.title', title: 'x' } });
  const state = ConversationState.first(me, { conversation: log.conversation(3, 0), shownSeq: seq(3) });
  state.readAsHistory(log.present(1, 3));
  state.advance(me, { deliveredSeq: seq(2), readSeq: seq(2) });
  expect(ConversationState.restored(me, structuredClone(state.toStored())).view().unread).toBe(0);
});

test('[E8] a mention that was read in private is not counted, though the server does not know that yet', () => {
  const log = new Log();
  log.append({ from: you, content: { type: 'text', text: '@me' }, mentions: [me] });
  const state = ConversationState.first(me, { conversation: log.conversation(1, 0), shownSeq: seq(0) });
  state.add(log.entry(1));
  state.readInPrivate(seq(1));
  log.append({ from: you, content: { type: 'text', text: 'x' } });
  state.add(log.entry(2));
  state.merge(log.conversation(2, 0));
  expect([state.view().unread, state.view().unreadMentions]).toEqual([1, 0]);
});

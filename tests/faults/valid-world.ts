// Generates histories of a server that keeps the contract, for the test that the checker accepts these and nothing else.

import type { Aftermath, AskedOutcome, ClientEvent, SeenEntry } from '@hongyan/testing/history';
import fc from 'fast-check';

export interface World {
  readonly events: ClientEvent[];
  readonly aftermath: { reads: MutableRead[]; outcomes: AskedOutcome[]; devices: Aftermath['devices'] };
}

export interface MutableRead {
  userId: string;
  conversationId: string;
  firstSeq: number;
  lastSeq: number;
  entries: SeenEntry[];
}

const conversations: Readonly<Record<string, readonly string[]>> = {
  'd:ann:bob': ['ann', 'bob'],
  'g:all': ['ann', 'bob', 'cat'],
};

type Step =
  | { readonly kind: 'send'; readonly to: number; readonly by: number; readonly fate: Fate; readonly resend: boolean }
  | { readonly kind: 'receipt'; readonly of: number; readonly part: number; readonly isRead: boolean }
  | { readonly kind: 'reconnect'; readonly who: number }
  | { readonly kind: 'restart' };
/** `silent_*`: the answer never came, and the message is or is not there. */
type Fate = 'acked' | 'silent_stored' | 'silent_gone' | 'refused';

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      to: fc.nat(1),
      by: fc.nat(2),
      fate: fc.constantFrom<Fate>('acked', 'acked', 'acked', 'silent_stored', 'silent_gone', 'refused'),
      resend: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('receipt' as const),
      of: fc.nat(1),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      isRead: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reconnect' as const), who: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'restart' }) },
);

/** The first steps give every conversation three acked messages and a read position, so that there is something to break. */
const opening: readonly Step[] = [0, 1].flatMap((to): Step[] => [
  { kind: 'send', to, by: 0, fate: 'acked', resend: false },
  { kind: 'send', to, by: 1, fate: 'acked', resend: true },
  { kind: 'send', to, by: 0, fate: 'acked', resend: false },
  { kind: 'receipt', of: to, part: 1, isRead: true },
]);

export const validWorld: fc.Arbitrary<World> = fc
  .array(step, { maxLength: 40 })
  .map((steps) => new Builder().build([...opening, ...steps]));

class Builder {
  readonly #events: ClientEvent[] = [];
  readonly #stored = new Map<string, SeenEntry[]>(Object.keys(conversations).map((id) => [id, []]));
  readonly #connections = new Map([
    ['ann', 1],
    ['bob', 2],
    ['cat', 3],
  ]);
  readonly #positions = new Map<string, { deliveredSeq: number; readSeq: number }>();
  #count = 0;

  build(steps: readonly Step[]): World {
    for (const item of steps) this.#run(item);
    return { events: this.#events, aftermath: this.#aftermath() };
  }

  #run(item: Step): void {
    if (item.kind === 'send') this.#send(item);
    else if (item.kind === 'receipt') this.#receipt(item);
    else if (item.kind === 'restart') {
      this.#events.push({ type: 'restarted' });
      for (const userId of this.#connections.keys()) this.#reconnect(userId);
    } else this.#reconnect(['ann', 'bob', 'cat'][item.who] ?? 'ann');
  }

  #send({ to, by, fate, resend }: Extract<Step, { kind: 'send' }>): void {
    const conversationId = Object.keys(conversations)[to] ?? 'g:all';
    const members = conversations[conversationId] ?? [];
    const sender = members[by % members.length] ?? 'ann';
    const clientMsgId = `k${++this.#count}`;
    const content = { type: 'text', text: `hello ${this.#count}` };
    const attempt = { type: 'attempted', sender, clientMsgId, conversationId, content } as const;
    this.#events.push(attempt);
    let entry = fate === 'acked' || fate === 'silent_stored' ? this.#store(attempt) : undefined;
    if (entry && fate === 'acked') this.#ack(entry, false);
    if (fate === 'refused') this.#events.push({ type: 'refused', sender, clientMsgId, code: 'unavailable' });
    if (!resend) return;
    this.#events.push(attempt);
    const isDuplicate = entry !== undefined;
    entry ??= this.#store(attempt);
    this.#ack(entry, isDuplicate);
  }

  #ack(entry: SeenEntry, isDuplicate: boolean): void {
    const { from: sender, client_msg_id: clientMsgId, msg_id: msgId, conversation_id: conversationId, seq } = entry;
    this.#events.push({ type: 'acked', sender, clientMsgId, msgId, conversationId, seq, isDuplicate });
  }

  #store({ sender, clientMsgId, conversationId, content }: Extract<ClientEvent, { type: 'attempted' }>): SeenEntry {
    const timeline = this.#stored.get(conversationId) ?? [];
    const entry = {
      msg_id: `m-${clientMsgId}`,
      conversation_id: conversationId,
      seq: timeline.length + 1,
      from: sender,
      client_msg_id: clientMsgId,
      content,
    };
    timeline.push(entry);
    for (const userId of conversations[conversationId] ?? []) this.#see(userId, 'push', entry);
    return entry;
  }

  #see(userId: string, via: 'push' | 'read', entry: SeenEntry): void {
    const connection = this.#connections.get(userId) ?? 0;
    this.#events.push({ type: 'seen', userId, deviceId: `${userId}-1`, connection, via, entry });
  }

  /** At least once: a device that comes back reads its conversations again. */
  #reconnect(userId: string): void {
    this.#connections.set(userId, (this.#connections.get(userId) ?? 0) + 10);
    for (const [conversationId, members] of Object.entries(conversations)) {
      if (!members.includes(userId)) continue;
      for (const entry of this.#stored.get(conversationId) ?? []) this.#see(userId, 'read', entry);
    }
  }

  #receipt({ of, part, isRead }: Extract<Step, { kind: 'receipt' }>): void {
    const conversationId = Object.keys(conversations)[of] ?? 'g:all';
    const lastSeq = this.#stored.get(conversationId)?.length ?? 0;
    const userId = conversations[conversationId]?.[1] ?? 'bob';
    const seq = Math.ceil(part * lastSeq);
    const claim = { conversationId, userId, deliveredSeq: seq, readSeq: isRead ? seq : 0 };
    this.#events.push({ type: 'receipt_sent', ...claim });
    const before = this.#positions.get(conversationId) ?? { deliveredSeq: 0, readSeq: 0 };
    const now = {
      deliveredSeq: Math.max(before.deliveredSeq, seq),
      readSeq: Math.max(before.readSeq, claim.readSeq),
    };
    this.#positions.set(conversationId, now);
    const connection = this.#connections.get('ann') ?? 0;
    this.#events.push({ type: 'receipt_pushed', connection, conversationId, userId, ...now });
    this.#events.push({ type: 'positions_read', conversationId, userId, ...now, lastSeq });
  }

  #aftermath(): World['aftermath'] {
    const reads: MutableRead[] = [];
    for (const [conversationId, members] of Object.entries(conversations)) {
      const entries = this.#stored.get(conversationId) ?? [];
      for (const userId of members)
        reads.push({ userId, conversationId, firstSeq: 1, lastSeq: entries.length, entries: [...entries] });
    }
    const stored = new Map([...this.#stored.values()].flat().map((entry) => [entry.client_msg_id, entry]));
    const outcomes = new Map<string, AskedOutcome>();
    for (const event of this.#events) {
      if (event.type !== 'attempted') continue;
      const found = stored.get(event.clientMsgId);
      outcomes.set(event.clientMsgId, {
        userId: event.sender,
        clientMsgId: event.clientMsgId,
        ...(found ? { found } : {}),
      });
    }
    const devices = [...this.#connections.keys()].map((userId) => ({
      userId,
      deviceId: `${userId}-1`,
      conversationIds: Object.keys(conversations).filter((id) => conversations[id]?.includes(userId)),
    }));
    return { reads, outcomes: [...outcomes.values()], devices };
  }
}

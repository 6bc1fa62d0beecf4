// Submits to a command log while its cores and brokers die, and then compares the timeline with what it was told: nothing lost, nothing
// doubled, the order of each user kept, every committed entry heard by whoever followed its conversation.

import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import { RedisClient } from '@hongyan/server/adapters/redis/redis-client';
import { redisDefaults } from '@hongyan/server/adapters/redis/redis-options';
import { ensureCommandsTopic, KafkaCommandProducer } from '@hongyan/server/ports/command-log/kafka-command-log';
import { type BusEvent, conversationTopic } from '@hongyan/server/ports/event-bus/event-bus';
import { RedisEventBus } from '@hongyan/server/ports/event-bus/redis-event-bus';
import type { StoredEntry, Timeline } from '@hongyan/server/ports/timeline/timeline';
import type { CommandCore } from './command-core.ts';

const outcomeTimeoutMs = 8_000;
const pauseMs = 100;

/** What one user sends to one conversation. */
interface Stream {
  readonly from: UserId;
  readonly conversationId: ConversationId;
  /** One at a time, each until it is acknowledged; or many at once, each tried as often. */
  readonly inFlight: number;
  next: number;
  /** By key: the seq that was acknowledged, and whether at the first try. */
  readonly acknowledged: Map<string, { readonly seq: Seq; readonly isFirstTry: boolean }>;
}

export class CommandCrowd {
  readonly #given: CommandCore;
  readonly #streams: Stream[] = [];
  readonly #heard = new Map<ConversationId, Set<number>>();
  #losses = 0;
  #isOver = false;
  #running: Promise<void>[] = [];
  #producers: KafkaCommandProducer[] = [];
  readonly #closers: (() => Promise<void>)[] = [];
  readonly failures = new Map<string, number>();
  acknowledgedCount = 0;
  /** Between two acknowledgements of anyone. */
  longestSilenceMs = 0;
  #lastMs = performance.now();

  constructor(given: CommandCore) {
    this.#given = given;
  }

  async start({
    partitions,
    producers,
    conversations,
    users,
  }: Readonly<Record<'partitions' | 'producers' | 'conversations' | 'users', number>>): Promise<void> {
    const kafka = { brokers: this.#given.brokers, clientId: 'crowd', prefix: `${this.#given.prefix}.` };
    await ensureCommandsTopic(kafka, { partitions, contentBytesMax: 32_768, log: silentLog });
    for (let index = 0; index < producers; index++) await this.#addProducer(`p${index}-${crypto.randomUUID()}`, kafka);
    for (let index = 0; index < conversations; index++) await this.#follow(`g:${index}` as ConversationId);
    for (let index = 0; index < conversations * users; index++)
      this.#streams.push({
        ...{
          from: `user${index % users}` as UserId,
          conversationId: `g:${Math.floor(index / users)}` as ConversationId,
        },
        ...{ inFlight: index % 2 === 0 ? 1 : 5, next: 0, acknowledged: new Map() },
      });
    this.#lastMs = performance.now();
    this.#running = this.#streams.flatMap((stream, at) =>
      Array.from({ length: stream.inFlight }, () => this.#send(stream, at)),
    );
  }

  /** No more begins; resolves when what began is acknowledged. */
  async finish(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }

  /** Every sentence is a broken promise. */
  async problems(timeline: Timeline): Promise<readonly string[]> {
    const problems: string[] = [];
    for (const conversationId of this.#heard.keys()) {
      const entries = await historyOf(timeline, conversationId);
      problems.push(...this.#compare(conversationId, entries));
    }
    return problems;
  }

  get summary(): string {
    const failures = [...this.failures].map(([code, count]) => `${count} ${code}`).join(', ');
    return `${this.acknowledgedCount} acknowledged; ${failures || 'no failures'}; longest silence ${Math.round(this.longestSilenceMs)} ms; ${this.#losses} losses reported`;
  }

  async #addProducer(
    node: string,
    kafka: { brokers: readonly string[]; clientId: string; prefix: string },
  ): Promise<void> {
    const bus = await this.#openBus();
    const producer = new KafkaCommandProducer({
      ...{ kafka, node, bus, clock: systemClock, log: silentLog, outcomeTimeoutMs },
      ...{ queueMax: 10_000, queuePerUserMax: 1_000, queueBytesMax: 2 ** 26 },
      onLate: () => {},
      newRecordId: () => crypto.randomUUID() as MsgId,
    });
    await producer.start();
    this.#producers.push(producer);
    this.#closers.push(() => producer.drain());
  }

  async #openBus(): Promise<RedisEventBus> {
    const surroundings = { clock: systemClock, log: silentLog };
    const { redis, prefix } = this.#given;
    const client = await RedisClient.open(
      { ...redisDefaults, keyPrefix: `${prefix}:`, addresses: [redis] },
      surroundings,
    );
    const bus = await RedisEventBus.open({ ...surroundings, client, busId: crypto.randomUUID() });
    this.#closers.push(async () => {
      bus.close();
      await client.close();
    });
    return bus;
  }

  #followers: RedisEventBus | undefined;

  async #follow(conversationId: ConversationId): Promise<void> {
    this.#followers ??= await this.#openBus();
    const heard = new Set<number>();
    this.#heard.set(conversationId, heard);
    const onEvent = (event: BusEvent) => {
      if (event.type === 'frame') heard.add(Number(event.frame));
    };
    const onLoss = () => this.#losses++;
    await this.#followers.attach({ onEvent, onLoss }).subscribe([conversationTopic(conversationId)]);
  }

  async #send(stream: Stream, at: number): Promise<void> {
    while (!this.#isOver) {
      const key = `${stream.from} ${stream.conversationId} ${stream.next++}`;
      for (let tries = 1; ; tries++) {
        const producer = this.#producers[at % this.#producers.length];
        if (!producer) throw new Error('a crowd has producers');
        const outcome = await producer.submit({
          ...{
            type: 'message',
            conversationId: stream.conversationId,
            from: stream.from,
            clientMsgId: key as ClientMsgId,
          },
          contentJson: JSON.stringify({ type: 'text', text: key }),
        });
        if (outcome.type === 'ok' && outcome.value.type === 'message') {
          this.#acknowledge(stream, key, { seq: outcome.value.seq, isFirstTry: tries === 1 });
          break;
        }
        const code = outcome.type === 'ok' ? 'ok' : outcome.code;
        this.failures.set(code, (this.failures.get(code) ?? 0) + 1);
        await Bun.sleep(pauseMs);
      }
      await Bun.sleep(Math.random() * 40);
    }
  }

  #acknowledge(stream: Stream, key: string, ack: { readonly seq: Seq; readonly isFirstTry: boolean }): void {
    stream.acknowledged.set(key, ack);
    this.acknowledgedCount++;
    const nowMs = performance.now();
    this.longestSilenceMs = Math.max(this.longestSilenceMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }

  #compare(conversationId: ConversationId, entries: readonly StoredEntry[]): readonly string[] {
    const problems: string[] = [];
    const bySeq = new Map<number, string>();
    const seqOf = new Map<string, number>();
    for (const [index, { seq, clientMsgId }] of entries.entries()) {
      if (seq !== index + 1) problems.push(`${conversationId}: seq ${seq} stands at ${index + 1}`);
      if (seqOf.has(clientMsgId)) problems.push(`${conversationId}: ${clientMsgId} is doubled`);
      bySeq.set(seq, clientMsgId);
      seqOf.set(clientMsgId, seq);
    }
    for (const stream of this.#streams) {
      if (stream.conversationId !== conversationId) continue;
      let last = 0;
      for (let number = 0; number < stream.next; number++) {
        const key = `${stream.from} ${conversationId} ${number}`;
        const ack = stream.acknowledged.get(key);
        const seq = seqOf.get(key);
        if (!ack || seq === undefined) problems.push(`${key} is lost: acknowledged ${ack?.seq}, stored ${seq}`);
        else if (ack.seq !== seq) problems.push(`${key} was acknowledged as ${ack.seq} and is ${seq}`);
        // What had to be sent again may have been overtaken by what was sent meanwhile.
        if (seq === undefined || (stream.inFlight > 1 && !ack?.isFirstTry)) continue;
        if (seq < last) problems.push(`${key} at ${seq} stands before an earlier one at ${last}`);
        last = seq;
      }
    }
    const heard = this.#heard.get(conversationId) ?? new Set();
    const unheard = entries.filter(({ seq }) => !heard.has(seq)).length;
    if (unheard > 0 && this.#losses === 0)
      problems.push(`${conversationId}: ${unheard} entries were not heard, and no loss was reported`);
    return problems;
  }
}

async function historyOf(timeline: Timeline, conversationId: ConversationId): Promise<readonly StoredEntry[]> {
  const all: StoredEntry[] = [];
  for (;;) {
    const afterSeq = (all.at(-1)?.seq ?? 0) as Seq;
    const { entries, hasMore } = await timeline.range({ conversationId, afterSeq, limit: 1_000, withTargeted: true });
    all.push(...entries);
    if (!hasMore) return all;
  }
}

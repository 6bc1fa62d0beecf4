// Simulates processes of a cluster around one command log, with a shared bus. Positions of partitions are in a map; fencing by stores is
// tested elsewhere.

import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import type { MsgId } from '@hongyan/protocol/ids';
import type { Result } from '@hongyan/protocol/refusals';
import type { Scratch } from '@hongyan/testing/scratch';
import type { KafkaOptions } from '../../../adapters/kafka/kafka-options.ts';
import { Fenced, type LogPosition } from '../../../domain/fence.ts';
import type { EventBus } from '../../event-bus/event-bus.ts';
import { MemoryEventBus } from '../../event-bus/memory-event-bus.ts';
import type { Command, CommandHandler, CommandOutcome, PartitionOwner } from '../command-log.ts';
import { ensureCommandsTopic, KafkaCommandConsumer, KafkaCommandProducer } from '../kafka-command-log.ts';
import { type CommandLogBounds, roomy } from './contract.ts';

/** The positions that a store would contain. */
class PositionMap {
  readonly #rows = new Map<number, LogPosition>();

  claim(partition: number): LogPosition {
    const row = this.#rows.get(partition) ?? { partition, epoch: 0, offset: 0, publishedOffset: 0 };
    const claimed = { ...row, epoch: row.epoch + 1 };
    this.#rows.set(partition, claimed);
    return claimed;
  }

  /** Rejects batches of an older epoch with `Fenced`. */
  guard(handle: CommandHandler): CommandHandler {
    return async (batch, place) => {
      const outcomes = await Promise.all(await handle(batch, place));
      if (place && !outcomes.some(({ type }) => type === 'failed'))
        this.#move(place.fence.epoch, { ...place.fence, offset: place.offset });
      return outcomes;
    };
  }

  put(position: LogPosition): void {
    this.#rows.set(position.partition, position);
  }

  get(partition: number): LogPosition | undefined {
    return this.#rows.get(partition);
  }

  #move(epoch: number, { partition, offset }: Omit<LogPosition, 'publishedOffset'>): void {
    const row = this.#rows.get(partition);
    if (row?.epoch !== epoch) throw new Fenced({ partition, epoch });
    this.#rows.set(partition, { ...row, offset, publishedOffset: row.offset });
  }
}

export class KafkaNodes {
  readonly bus: EventBus;
  readonly positions = new PositionMap();
  /** Commands passed to `recover`. */
  readonly recovered: Command[] = [];
  /** Keys passed to `onLate`. */
  readonly late: string[] = [];
  /** The outcome of recovered commands. */
  recoveredOutcome: Result<CommandOutcome> = { type: 'ok', value: { type: 'changed' } };
  readonly kafka: KafkaOptions;
  readonly #partitions: number;
  readonly #closers: (() => Promise<void>)[] = [];
  #count = 0;

  constructor(
    brokers: readonly string[],
    { prefix }: Pick<Scratch, 'prefix'>,
    partitions = 4,
    bus: EventBus = new MemoryEventBus(),
  ) {
    this.bus = bus;
    this.kafka = { brokers, clientId: prefix, prefix: `${prefix}.` };
    this.#partitions = partitions;
  }

  async make(): Promise<this> {
    const [partitions, log] = [this.#partitions, silentLog];
    await ensureCommandsTopic(this.kafka, { partitions, contentBytesMax: 8 * 2 ** 20, log });
    return this;
  }

  async producer(bounds: CommandLogBounds = roomy, outcomeTimeoutMs = 20_000): Promise<KafkaCommandProducer> {
    const producer = new KafkaCommandProducer({
      ...{ kafka: this.kafka, bus: this.bus, node: `n${this.#count++}`, clock: systemClock, log: silentLog },
      ...{
        queueMax: bounds.queueMax,
        queuePerUserMax: bounds.queuePerUserMax,
        queueBytesMax: 2 ** 26,
        outcomeTimeoutMs,
      },
      onLate: (commands) => this.late.push(...commands.map(({ clientMsgId }) => clientMsgId ?? '')),
      newRecordId: () => crypto.randomUUID() as MsgId,
    });
    await producer.start();
    this.#closers.push(() => producer.drain());
    return producer;
  }

  consumer(bounds: CommandLogBounds = roomy): KafkaCommandConsumer {
    const { batchMax, batchPerUserMax } = bounds;
    const consumer = new KafkaCommandConsumer({
      ...{ kafka: this.kafka, bus: this.bus, sessionTimeoutMs: 6_000, batchMax, batchPerUserMax },
      ...{ clock: systemClock, log: silentLog },
    });
    this.#closers.push(() => consumer.drain());
    return consumer;
  }

  get owner(): PartitionOwner {
    return {
      claim: async (partition) => this.positions.claim(partition),
      recover: async (batch) => {
        this.recovered.push(...batch);
        return batch.map(() => this.recoveredOutcome);
      },
    };
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

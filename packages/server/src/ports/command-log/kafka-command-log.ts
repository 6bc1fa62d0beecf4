// The command log of a cluster: a Kafka topic keyed by conversation, whose partitions the cores share. Producers receive outcomes on the
// event bus, on the topic of their node.

import { assert } from '@hongyan/base/assert';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { OutageLog } from '@hongyan/base/outage-log';
import type { MsgId } from '@hongyan/protocol/ids';
import { asFailure, failure, type Result, refusal } from '@hongyan/protocol/refusals';
import { GroupConsumer } from '../../adapters/kafka/group-consumer.ts';
import { RecordsRefused } from '../../adapters/kafka/kafka-failure.ts';
import type { KafkaOptions } from '../../adapters/kafka/kafka-options.ts';
import { KafkaProducer } from '../../adapters/kafka/kafka-producer.ts';
import { warnOfFewCopies } from '../../adapters/kafka/topic-copies.ts';
import { ensureTopics, raiseRecordLimit, recordBytesMax, type TopicRequest } from '../../adapters/kafka/topics.ts';
import { type BusAttachment, type EventBus, nodeTopic } from '../event-bus/event-bus.ts';
import type {
  Command,
  CommandConsumer,
  CommandHandler,
  CommandOutcome,
  CommandProducer,
  PartitionOwner,
} from './command-log.ts';
import { decodeOutcomes, encodeCommand } from './kafka/command-record.ts';
import type { FairWindowBounds } from './kafka/fair-window.ts';
import { PartitionRun } from './kafka/partition-run.ts';
import { PendingOutcomes, type SubmittedKey } from './kafka/pending-outcomes.ts';

type Outcome = Result<CommandOutcome>;

/** Retained for a week: if all cores are down for longer, commands are lost, which is logged. */
const commandsTopic: TopicRequest = {
  name: 'commands',
  partitions: 12,
  replicas: 3,
  retentionMs: 7 * 24 * 3_600_000,
  recordBytesMax,
};

/** JSON may escape a character of the content with six bytes; the other fields of a command are small. */
const recordBytesOf = (contentBytesMax: number): number => Math.min(6 * contentBytesMax + 128 * 1024, recordBytesMax);

export interface CommandsTopicOptions {
  /** Used only if the topic is created. */
  readonly partitions?: number;
  readonly contentBytesMax: number;
  readonly log: Log;
}

/** Creates the topic, or raises its record limit to the longest command. Rejects with the error of the Kafka client. */
export async function ensureCommandsTopic(
  kafka: KafkaOptions,
  { partitions = commandsTopic.partitions, contentBytesMax, log }: CommandsTopicOptions,
): Promise<void> {
  const made = await ensureTopics(kafka, [{ ...commandsTopic, partitions }]);
  const topics = made.map(({ name }) => name);
  const bytesNeeded = recordBytesOf(contentBytesMax);
  await raiseRecordLimit(kafka, { topics, bytesNeeded, log });
  await warnOfFewCopies(kafka, { topics, log });
}

/** About eight seconds. Shorter than the deadline of an outcome, so that the sender learns that nothing was written. */
const retriesMax = 13;
/** Between produce requests: a request and its consequences cost about the same for one command as for ten. */
const minIntervalMs = 10;

export interface KafkaCommandProducerOptions {
  readonly kafka: KafkaOptions;
  /** New at each start of the process, so that outcomes for an earlier start are not mistaken for later ones. */
  readonly node: string;
  readonly bus: EventBus;
  /** Commands without an outcome; further ones fail as overloaded. */
  readonly queueMax: number;
  readonly queuePerUserMax: number;
  readonly queueBytesMax: number;
  /** A command without an outcome for this long fails as `unknown_outcome`; sooner after a loss report [K11]. */
  readonly outcomeTimeoutMs: number;
  /** [K10] Called once per command that the log has accepted and that has no outcome after a short time. */
  readonly onLate: (commands: readonly SubmittedKey[]) => void;
  readonly newRecordId: () => MsgId;
  readonly clock: Clock;
  readonly log: Log;
}

export class KafkaCommandProducer implements CommandProducer {
  readonly #options: KafkaCommandProducerOptions;
  readonly #topic: string;
  readonly #producer: KafkaProducer;
  readonly #pending: PendingOutcomes;
  readonly #outage: OutageLog;
  #attachment: BusAttachment | undefined;
  #count = 0;
  #isDraining = false;

  constructor(options: KafkaCommandProducerOptions) {
    const { kafka, queueMax, queuePerUserMax, queueBytesMax, outcomeTimeoutMs, onLate, clock, log } = options;
    this.#options = options;
    this.#topic = `${kafka.prefix}${commandsTopic.name}`;
    this.#producer = new KafkaProducer({
      ...{ kafka, recordsMax: queueMax, bytesMax: queueBytesMax, retriesMax, minIntervalMs, clock },
    });
    this.#pending = new PendingOutcomes({
      max: queueMax,
      perUserMax: queuePerUserMax,
      timeoutMs: outcomeTimeoutMs,
      ...{ onLate, clock },
    });
    const over = 'Kafka accepts commands again';
    this.#outage = new OutageLog({ failing: 'commands not accepted by Kafka', over, clock, log });
  }

  /** Commands without an outcome. */
  get depth(): number {
    return this.#pending.size;
  }

  /** Called before the first submit. Rejects with StoreFailure if it cannot subscribe to the outcomes. */
  async start(): Promise<void> {
    const { bus, node } = this.#options;
    const ownTopic = nodeTopic(node);
    this.#attachment = bus.attach({
      onEvent: (event) => {
        if (event.type !== 'outcomes') return;
        for (const { id, outcome } of decodeOutcomes(event.outcomes)) this.#pending.settle(id, outcome);
      },
      onLoss: (topics) => {
        if (topics === undefined || topics.includes(ownTopic)) this.#pending.mayHaveLost();
      },
    });
    await this.#attachment.subscribe([ownTopic]);
  }

  submit(command: Command): Promise<Outcome> {
    if (this.#isDraining) return Promise.resolve(failure.stopping());
    const id = (this.#count++).toString(36);
    const outcome = this.#pending.open(id, command);
    if (outcome === undefined) return Promise.resolve(failure.overloaded('pending commands'));
    const value = encodeCommand({ node: this.#options.node, id, command: this.#withRecordId(command) });
    const record = { topic: this.#topic, key: command.conversationId, value };
    this.#producer.send({ ...record, leaves: () => this.#pending.leaves(id) }).then(
      () => {
        this.#outage.worked();
        this.#pending.accepted(id);
      },
      (error: unknown) => this.#pending.settle(id, this.#outcomeOfFailure(error)),
    );
    return outcome;
  }

  /** Refuses new commands, and resolves when the accepted ones have outcomes, at the latest by their deadline. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    await this.#pending.drain();
    await this.#producer.close();
    this.#attachment?.detach();
  }

  #outcomeOfFailure(error: unknown): Outcome {
    const problem = asFailure(error);
    // Only errors of Kafka itself have a cause; a full queue and an expired wait have none.
    if (error instanceof Error && error.cause !== undefined) this.#outage.failed(error);
    // A refusal, because retries would never succeed and would block the sender's later commands.
    return error instanceof RecordsRefused && error.isTooLarge ? refusal.tooLargeForLog() : problem;
  }

  #withRecordId(command: Command): Command {
    switch (command.type) {
      case 'message':
      case 'change_message':
      case 'change_private':
        return command;
      default:
        return { ...command, recordId: this.#options.newRecordId() };
    }
  }
}

export interface KafkaCommandConsumerOptions extends FairWindowBounds {
  readonly kafka: KafkaOptions;
  readonly bus: EventBus;
  /** A core that is silent for this long loses its partitions. */
  readonly sessionTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

export class KafkaCommandConsumer implements CommandConsumer {
  readonly #options: KafkaCommandConsumerOptions;
  #group: GroupConsumer | undefined;
  readonly #runs = new Set<PartitionRun>();
  #started: Promise<void> = Promise.resolve();

  constructor(options: KafkaCommandConsumerOptions) {
    this.#options = options;
  }

  /** The partitions that this process owns. */
  get partitions(): readonly number[] {
    return this.#group?.partitions ?? [];
  }

  /** Commands in the partitions of this process that are not executed yet, including those not fetched yet. */
  get lag(): number {
    let count = 0;
    for (const run of this.#runs) count += run.lag;
    return count;
  }

  consume(handle: CommandHandler, owner?: PartitionOwner): void {
    assert(this.#group === undefined, 'a command log has one consumer');
    assert(owner, 'a log of partitions needs an owner that claims them');
    const { kafka, bus, sessionTimeoutMs, batchMax, batchPerUserMax, clock, log } = this.#options;
    const over = 'outcomes published again';
    const outcomesOutage = new OutageLog({ failing: 'outcomes not published', over, clock, log });
    const group = new GroupConsumer({
      ...{ kafka, topic: `${kafka.prefix}${commandsTopic.name}`, group: 'cores', sessionTimeoutMs, clock, log },
      runPartition: async (reader) => {
        const run = new PartitionRun({
          ...{ reader, handle, owner, bus, outcomesOutage, bounds: { batchMax, batchPerUserMax }, clock, log },
          range: () => group.range(reader.partition),
          onHandled: (offset) => group.hint(reader.partition, offset),
        });
        this.#runs.add(run);
        await run.run().finally(() => this.#runs.delete(run));
      },
    });
    this.#group = group;
    this.#started = group.start();
  }

  /** Resolves when the batches in flight are done; other cores take over the partitions immediately. */
  async drain(): Promise<void> {
    const closing = this.#group?.close();
    await this.#started;
    await closing;
  }
}

/** Producer and consumer, for a process that does both. */
export class KafkaCommandLog implements CommandProducer, CommandConsumer {
  readonly #producer: KafkaCommandProducer;
  readonly #consumer: KafkaCommandConsumer;

  constructor(producer: KafkaCommandProducer, consumer: KafkaCommandConsumer) {
    this.#producer = producer;
    this.#consumer = consumer;
  }

  submit(command: Command): Promise<Outcome> {
    return this.#producer.submit(command);
  }

  consume(handle: CommandHandler, owner?: PartitionOwner): void {
    this.#consumer.consume(handle, owner);
  }

  async drain(): Promise<void> {
    await this.#producer.drain();
    await this.#consumer.drain();
  }
}

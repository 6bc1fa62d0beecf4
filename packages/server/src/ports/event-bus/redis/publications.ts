// Publishes events: those of one topic and one turn of the event loop are sent as one message. For events that could not be published, a
// loss report to the subscribers of the topic stays pending until it can be sent.

import { StoreFailure } from '@hongyan/base/result';
import { soon } from '@hongyan/base/soon';
import type { BusEvent, Topic } from '../event-bus.ts';
import { type Bucket, bucketOf, lossesName } from './bucket.ts';
import { encodeEvent } from './message.ts';
import type { ShardConnection } from './shard-connection.ts';
import type { Shards } from './shards.ts';

export interface PublicationsOptions {
  readonly shards: Shards;
  readonly waitingCharactersMax: number;
  readonly lostTopicsMax: number;
}

/** One call of publish, settled when all messages with its events are. */
interface Call {
  messagesLeft: number;
  hasFailed: boolean;
  readonly settle: PromiseWithResolvers<void>;
}

interface Outgoing {
  readonly topic: Topic;
  readonly bucket: Bucket;
  readonly calls: Call[];
  text: string;
}

const accepted = Promise.resolve();

export class Publications {
  readonly #options: PublicationsOptions;
  /** Messages of this turn of the event loop. */
  #outgoing = new Map<Topic, Outgoing>();
  #waitingCharacters = 0;

  constructor(options: PublicationsOptions) {
    this.#options = options;
  }

  get waitingCharacters(): number {
    return this.#waitingCharacters;
  }

  publish(events: readonly BusEvent[]): Promise<void> {
    if (events.length === 0) return accepted;
    if (this.#waitingCharacters > this.#options.waitingCharactersMax) return this.#refuse(events);
    const call: Call = { messagesLeft: 0, hasFailed: false, settle: Promise.withResolvers() };
    for (const event of events) this.#add(event, call);
    return call.settle.promise;
  }

  /** Sends pending loss reports to the buckets that have a connection. */
  reportPending(): void {
    for (const bucket of this.#options.shards.buckets)
      if (bucket.connection !== undefined && (bucket.hasLostAll || bucket.lost.size > 0))
        void this.#report(bucket, bucket.connection);
  }

  #add(event: BusEvent, call: Call): void {
    const { topic } = event;
    let message = this.#outgoing.get(topic);
    if (message === undefined) {
      const bucket = this.#options.shards.buckets[bucketOf(topic)] as Bucket;
      message = { topic, bucket, calls: [], text: '' };
      if (this.#outgoing.size === 0) soon(() => this.#send());
      this.#outgoing.set(topic, message);
    }
    const before = message.text.length;
    message.text += encodeEvent(event);
    this.#waitingCharacters += message.text.length - before;
    if (message.calls.at(-1) === call) return;
    message.calls.push(call);
    call.messagesLeft++;
  }

  #send(): void {
    const byConnection = new Map<ShardConnection, Outgoing[]>();
    for (const message of this.#outgoing.values()) {
      const { connection } = message.bucket;
      if (connection === undefined) {
        this.#settle(message, false);
        continue;
      }
      const others = byConnection.get(connection);
      if (others === undefined) byConnection.set(connection, [message]);
      else others.push(message);
    }
    this.#outgoing = new Map();
    for (const [connection, messages] of byConnection) void this.#sendTo(connection, messages);
  }

  async #sendTo(connection: ShardConnection, messages: readonly Outgoing[]): Promise<void> {
    const { shards } = this.#options;
    const { source } = shards;
    const areAccepted = await connection.publish(
      messages.map(({ bucket, topic, text }) => ({
        channel: shards.channel(bucket, topic),
        // A loss is reported before the events that follow it.
        text: `${source} ${bucket.hasLost(topic) ? encodeEvent({ type: 'lost', topic }) : ''}${text}`,
      })),
    );
    messages.forEach((message, index) => {
      this.#settle(message, areAccepted[index] === true);
    });
  }

  #settle({ topic, bucket, calls, text }: Outgoing, isAccepted: boolean): void {
    this.#waitingCharacters -= text.length;
    if (!isAccepted) bucket.noteLoss(topic, this.#options.lostTopicsMax);
    for (const call of calls) {
      call.messagesLeft--;
      call.hasFailed ||= !isAccepted;
      if (call.messagesLeft > 0) continue;
      if (call.hasFailed) call.settle.reject(notAccepted());
      else call.settle.resolve();
    }
  }

  #refuse(events: readonly BusEvent[]): Promise<void> {
    const { shards, lostTopicsMax } = this.#options;
    for (const { topic } of events) shards.buckets[bucketOf(topic)]?.noteLoss(topic, lostTopicsMax);
    return Promise.reject(new StoreFailure('overloaded', 'too many events wait to be published on the event bus'));
  }

  /** Reports stay pending until the server accepts them. Losses added meanwhile stay pending too. */
  async #report(bucket: Bucket, connection: ShardConnection): Promise<void> {
    const { lost, hasLostAll } = bucket;
    bucket.lost = new Set();
    bucket.hasLostAll = false;
    const text = hasLostAll ? 'null' : JSON.stringify([...lost]);
    const [isAccepted] = await connection.publish([
      { channel: this.#options.shards.channel(bucket, lossesName), text },
    ]);
    if (isAccepted) return;
    bucket.hasLostAll ||= hasLostAll;
    for (const topic of lost) bucket.noteLoss(topic, this.#options.lostTopicsMax);
  }
}

const notAccepted = (): StoreFailure =>
  new StoreFailure('unavailable', 'events were not published: a loss report will be sent to their subscribers');

// What is published: events of one topic and one turn of the event loop travel as one message. What could not be published is owed to
// the topic's subscribers as a report of a loss.

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
  readonly owedTopicsMax: number;
}

/** One call of publish, with the messages that carry its events. */
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
  /** Of this turn. */
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

  /** Reports to subscribers, where they can be reached, what they have missed. */
  payOwed(): void {
    for (const bucket of this.#options.shards.buckets)
      if (bucket.connection !== undefined && (bucket.owesAll || bucket.owed.size > 0))
        void this.#pay(bucket, bucket.connection);
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
        // Subscribers are told of a loss before they get what was published after it.
        text: `${source} ${bucket.isOwed(topic) ? encodeEvent({ type: 'lost', topic }) : ''}${text}`,
      })),
    );
    messages.forEach((message, index) => {
      this.#settle(message, areAccepted[index] === true);
    });
  }

  #settle({ topic, bucket, calls, text }: Outgoing, isAccepted: boolean): void {
    this.#waitingCharacters -= text.length;
    if (!isAccepted) bucket.owe(topic, this.#options.owedTopicsMax);
    for (const call of calls) {
      call.messagesLeft--;
      call.hasFailed ||= !isAccepted;
      if (call.messagesLeft > 0) continue;
      if (call.hasFailed) call.settle.reject(notAccepted());
      else call.settle.resolve();
    }
  }

  #refuse(events: readonly BusEvent[]): Promise<void> {
    const { shards, owedTopicsMax } = this.#options;
    for (const { topic } of events) shards.buckets[bucketOf(topic)]?.owe(topic, owedTopicsMax);
    return Promise.reject(new StoreFailure('overloaded', 'too much waits to be published on the event bus'));
  }

  /** Owed until the server has accepted the report; what is owed anew meanwhile stays. */
  async #pay(bucket: Bucket, connection: ShardConnection): Promise<void> {
    const { owed, owesAll } = bucket;
    bucket.owed = new Set();
    bucket.owesAll = false;
    const text = owesAll ? 'null' : JSON.stringify([...owed]);
    const [isAccepted] = await connection.publish([
      { channel: this.#options.shards.channel(bucket, lossesName), text },
    ]);
    if (isAccepted) return;
    bucket.owesAll ||= owesAll;
    for (const topic of owed) bucket.owe(topic, this.#options.owedTopicsMax);
  }
}

const notAccepted = (): StoreFailure =>
  new StoreFailure(
    'unavailable',
    'events were not published: their subscribers are told as soon as they can be reached',
  );

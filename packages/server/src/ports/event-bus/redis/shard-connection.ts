// One connection to one server, for both directions: it subscribes, publishes, and publishes an echo to itself, because a server that
// is paused or cut off is silent without any other sign.

import { type Address, formatAddress } from '@hongyan/base/address';
import { assert } from '@hongyan/base/assert';
import type { Clock, Timer } from '@hongyan/base/clock';
import { StoreFailure } from '@hongyan/base/result';
import { Redis } from 'ioredis';
import { redisFailure } from '../../../adapters/redis/redis-failure.ts';
import { connectionOptions, type RedisOptions } from '../../../adapters/redis/redis-options.ts';

export interface ShardOptions {
  readonly redis: RedisOptions;
  readonly clock: Clock;
  readonly echoEveryMs: number;
  /** Echoes that may be missing before the connection counts as silent. */
  readonly echoesMissedMax: number;
  readonly onMessage: (channel: string, text: string) => void;
  /** Once: nothing arrives any more, and what is not answered yet has failed. */
  readonly onDown: (connection: ShardConnection, why: string) => void;
  /** Some of its channels are served by another server now. */
  readonly onMoved: () => void;
}

export interface Message {
  readonly channel: string;
  readonly text: string;
}

/** Channels of one command. */
const channelsMax = 500;

export class ShardConnection {
  readonly address: string;
  readonly #options: ShardOptions;
  readonly #redis: Redis;
  /** Rejects what is under way. */
  readonly #underWay = new Set<(error: StoreFailure) => void>();
  #echo: { readonly channel: string; readonly timer: Timer } | undefined;
  #echoesMissed = 0;
  #echoesSent = 0;
  readonly #echoed = new Map<string, () => void>();
  #isDown = false;

  /** Resolves when it takes commands. */
  static async open({ hostname: host, port }: Address, options: ShardOptions): Promise<ShardConnection> {
    const redis = new Redis({
      ...connectionOptions(options.redis),
      host,
      port,
      connectionName: 'hongyan-bus',
      lazyConnect: true,
      retryStrategy: null,
      autoResubscribe: false,
      enableOfflineQueue: false,
    });
    // The promise of connect says it too.
    redis.on('error', () => undefined);
    await redis.connect();
    return new ShardConnection(formatAddress({ hostname: host, port }), options, redis);
  }

  private constructor(address: string, options: ShardOptions, redis: Redis) {
    this.address = address;
    this.#options = options;
    this.#redis = redis;
    redis.on('smessage', (channel: string, text: string) => {
      if (channel === this.#echo?.channel) this.#heard(text);
      else options.onMessage(channel, text);
    });
    redis.on('end', () => this.#down('closed'));
    redis.on('moved', () => options.onMoved());
  }

  get isUp(): boolean {
    return !this.#isDown;
  }

  /** Resolves when the server has confirmed all. The channels have one hash tag. */
  async subscribe(channels: readonly string[]): Promise<void> {
    const commands: Promise<unknown>[] = [];
    for (let from = 0; from < channels.length; from += channelsMax)
      commands.push(this.#run(this.#redis.ssubscribe(...channels.slice(from, from + channelsMax))));
    await Promise.all(commands);
  }

  /** Behind what was subscribed before. A connection that goes down has no subscriptions left. */
  unsubscribe(channels: readonly string[]): void {
    for (let from = 0; from < channels.length; from += channelsMax)
      this.#run(this.#redis.sunsubscribe(...channels.slice(from, from + channelsMax))).catch(() => undefined);
  }

  /** Which of the messages the server has accepted, in their order. Never rejects. */
  async publish(messages: readonly Message[]): Promise<readonly boolean[]> {
    const pipeline = this.#redis.pipeline();
    for (const { channel, text } of messages) pipeline.spublish(channel, text);
    try {
      const results = (await this.#run(pipeline.exec())) ?? [];
      if (results.some(([error]) => error?.message.startsWith('MOVED'))) this.#options.onMoved();
      return messages.map((_, index) => results[index]?.[0] === null);
    } catch {
      return messages.map(() => false);
    }
  }

  /** By `CLUSTER SLOTS`, as this server knows it. */
  slots(): Promise<unknown> {
    return this.#run(this.#redis.cluster('SLOTS'));
  }

  /** From now on it watches itself. Resolves when the first echo was heard. */
  async watch(echoChannel: string): Promise<void> {
    assert(this.#echo === undefined, 'a connection is watched once');
    const timer = this.#options.clock.every(this.#options.echoEveryMs, () => this.#look());
    this.#echo = { channel: echoChannel, timer };
    await this.subscribe([echoChannel]);
    await this.echo();
  }

  /** Resolves when all that the server accepted before, for channels that are subscribed here, has arrived. */
  echo(): Promise<void> {
    const text = String(++this.#echoesSent);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#echoed.set(text, resolve);
    void this.publish([{ channel: this.#echo?.channel ?? '', text }]);
    return this.#run(promise);
  }

  close(): void {
    this.#down('no longer needed');
  }

  #heard(text: string): void {
    this.#echoesMissed = 0;
    this.#echoed.get(text)?.();
    this.#echoed.delete(text);
  }

  /** Counts looks and not time: after a pause of this process itself, what was sent to it is still to be read. */
  #look(): void {
    if (this.#echoesMissed >= this.#options.echoesMissedMax) return this.#down('silent');
    this.#echoesMissed++;
    this.echo().catch(() => undefined);
    // A master that was replaced while it was cut off goes on echoing, and hears nothing of what is published to its successor.
    this.#run(this.#redis.role()).then(
      ([role]) => {
        if (role !== 'master') this.#down('no longer a master');
      },
      () => undefined,
    );
  }

  /** Rejects at once when the connection goes down, whatever the library does with the command. */
  #run<T>(command: Promise<T>): Promise<T> {
    if (this.#isDown) {
      // It may settle later, to nobody's interest.
      command.catch(() => undefined);
      return Promise.reject(downFailure(this.address, 'down'));
    }
    return new Promise((resolve, reject) => {
      this.#underWay.add(reject);
      command.then(
        (value) => {
          this.#underWay.delete(reject);
          resolve(value);
        },
        (error: unknown) => {
          this.#underWay.delete(reject);
          reject(redisFailure(error));
        },
      );
    });
  }

  #down(why: string): void {
    if (this.#isDown) return;
    this.#isDown = true;
    this.#echo?.timer.cancel();
    this.#redis.disconnect();
    const underWay = [...this.#underWay];
    this.#underWay.clear();
    for (const reject of underWay) reject(downFailure(this.address, why));
    this.#options.onDown(this, why);
  }
}

const downFailure = (address: string, why: string): StoreFailure =>
  new StoreFailure('unavailable', `the connection to Redis at ${address} is ${why}`);

// A connection to one server, used for subscriptions and publications. It publishes an echo to itself, because otherwise a paused or
// disconnected server would look like a quiet one.

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
  /** Missed echoes after which the connection counts as dead. */
  readonly echoesMissedMax: number;
  readonly onMessage: (channel: string, text: string) => void;
  /** Called once. No more messages arrive, and commands in flight have failed. */
  readonly onDown: (connection: ShardConnection, why: string) => void;
  /** Another server now serves some of its channels. */
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
  /** Rejections of the commands in flight. */
  readonly #inFlight = new Set<(error: StoreFailure) => void>();
  #echo: { readonly channel: string; readonly timer: Timer } | undefined;
  #echoesMissed = 0;
  #echoesSent = 0;
  readonly #echoed = new Map<string, () => void>();
  #isDown = false;

  /** Resolves when the connection accepts commands. */
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
    // The promise of `connect` reports the error too.
    redis.on('error', () => undefined);
    await redis.connect();
    return new ShardConnection(formatAddress({ hostname: host, port }), options, redis);
  }

  private constructor(address: string, options: ShardOptions, redis: Redis) {
    this.address = address;
    this.#options = options;
    this.#redis = redis;
    redis.on('smessage', (channel: string, text: string) => {
      if (channel === this.#echo?.channel) this.#onEcho(text);
      else options.onMessage(channel, text);
    });
    redis.on('end', () => this.#down('closed'));
    redis.on('moved', () => options.onMoved());
  }

  get isUp(): boolean {
    return !this.#isDown;
  }

  /** Resolves when the server has confirmed all subscriptions. The channels share one hash tag. */
  async subscribe(channels: readonly string[]): Promise<void> {
    const commands: Promise<unknown>[] = [];
    for (let from = 0; from < channels.length; from += channelsMax)
      commands.push(this.#run(this.#redis.ssubscribe(...channels.slice(from, from + channelsMax))));
    await Promise.all(commands);
  }

  /** Sent after earlier subscriptions. Failures are ignored: a dead connection has no subscriptions. */
  unsubscribe(channels: readonly string[]): void {
    for (let from = 0; from < channels.length; from += channelsMax)
      this.#run(this.#redis.sunsubscribe(...channels.slice(from, from + channelsMax))).catch(() => undefined);
  }

  /** For each message, whether the server has accepted it. Never rejects. */
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

  /** The reply of this server to `CLUSTER SLOTS`. */
  slots(): Promise<unknown> {
    return this.#run(this.#redis.cluster('SLOTS'));
  }

  /** Starts to monitor the connection. Resolves when the first echo has arrived. */
  async watch(echoChannel: string): Promise<void> {
    assert(this.#echo === undefined, 'a connection is watched once');
    const timer = this.#options.clock.every(this.#options.echoEveryMs, () => this.#check());
    this.#echo = { channel: echoChannel, timer };
    await this.subscribe([echoChannel]);
    await this.echo();
  }

  /** Resolves when all messages that the server accepted before, for channels subscribed here, have arrived. */
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

  #onEcho(text: string): void {
    this.#echoesMissed = 0;
    this.#echoed.get(text)?.();
    this.#echoed.delete(text);
  }

  /** Counts checks instead of time: after a pause of this process, echoes may still be unread. */
  #check(): void {
    if (this.#echoesMissed >= this.#options.echoesMissedMax) return this.#down('silent');
    this.#echoesMissed++;
    this.echo().catch(() => undefined);
    // A master that was replaced while it was disconnected still echoes, but receives nothing that is published to its successor.
    this.#run(this.#redis.role()).then(
      ([role]) => {
        if (role !== 'master') this.#down('no longer a master');
      },
      () => undefined,
    );
  }

  /** Rejects immediately when the connection is lost, whatever the Redis client does with the command. */
  #run<T>(command: Promise<T>): Promise<T> {
    if (this.#isDown) {
      // The command may still settle later: ignore its rejection.
      command.catch(() => undefined);
      return Promise.reject(downFailure(this.address, 'down'));
    }
    return new Promise((resolve, reject) => {
      this.#inFlight.add(reject);
      command.then(
        (value) => {
          this.#inFlight.delete(reject);
          resolve(value);
        },
        (error: unknown) => {
          this.#inFlight.delete(reject);
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
    const inFlight = [...this.#inFlight];
    this.#inFlight.clear();
    for (const reject of inFlight) reject(downFailure(this.address, why));
    this.#options.onDown(this, why);
  }
}

const downFailure = (address: string, why: string): StoreFailure =>
  new StoreFailure('unavailable', `the connection to Redis at ${address} is ${why}`);

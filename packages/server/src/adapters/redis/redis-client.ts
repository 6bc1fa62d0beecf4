// A client of a Redis server or Cluster. It pipelines commands, and gives each a deadline, a bound and a key prefix.

import { formatAddress } from '@hongyan/base/address';
import type { Clock, Timer } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import { TransientMap } from '@hongyan/base/transient-map';
import { Cluster, Redis } from 'ioredis';
import { isUnknownScript, redisFailure } from './redis-failure.ts';
import { addressesOf, connectionOptions, type RedisOptions } from './redis-options.ts';
import type { RedisScript } from './redis-script.ts';

export type RedisCommands = Redis | Cluster;

export interface RedisSurroundings {
  readonly clock: Clock;
  readonly log: Log;
}

interface Waiting {
  readonly dueMs: number;
  readonly reject: (error: StoreFailure) => void;
}

const sweepMs = 100;
const retryMs = { first: 50, max: 1_000 };
const retryDelayMs = (attempt: number): number => Math.min(retryMs.max, retryMs.first * attempt);

/** Commands fail as `unavailable` at their deadline and are never retried. A write that failed may have taken effect. */
export class RedisClient {
  readonly options: RedisOptions;
  readonly #commands: RedisCommands;
  readonly #surroundings: RedisSurroundings;
  readonly #sweep: Timer;
  /** In the order of their deadlines. A failed command stays until the library releases it, because it occupies memory until then. */
  readonly #waiting = new TransientMap<number, Waiting>();
  #lastId = 0;
  #isClosed = false;
  #isLost = false;
  #failures = 0;
  #lastError: Error | undefined;

  /** Rejects when no address answers. */
  static async open(options: RedisOptions, surroundings: RedisSurroundings): Promise<RedisClient> {
    const commands = await connect(options);
    return new RedisClient(options, surroundings, commands);
  }

  private constructor(options: RedisOptions, surroundings: RedisSurroundings, commands: RedisCommands) {
    this.options = options;
    this.#surroundings = surroundings;
    this.#commands = commands;
    this.#sweep = surroundings.clock.every(sweepMs, () => this.#failOverdue());
    this.#watch();
  }

  get isCluster(): boolean {
    return this.#commands.isCluster;
  }

  /** The number of commands without an answer. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Keys with the same tag are on the same server, so that one script may use them together. */
  key(name: string, tag?: string | number): string {
    const { keyPrefix } = this.options;
    return tag === undefined ? keyPrefix + name : `${keyPrefix}{${tag}}${name}`;
  }

  /** Commands of one turn of the event loop are sent together. Failures of the environment reject with StoreFailure. */
  run<T>(command: (commands: RedisCommands) => Promise<T>): Promise<T> {
    const { clock } = this.#surroundings;
    const { commandsMax, commandTimeoutMs } = this.options;
    if (this.#isClosed) return Promise.reject(new StoreFailure('unavailable', 'the connection to Redis was closed'));
    // The library would queue the command and execute it long after its caller has received the failure.
    if (this.#commands instanceof Cluster && this.#commands.status !== 'ready')
      return Promise.reject(new StoreFailure('unavailable', 'no node of the Redis Cluster is reachable'));
    if (this.#waiting.size >= commandsMax)
      return Promise.reject(new StoreFailure('overloaded', `more than ${commandsMax} commands wait for Redis`));
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#waiting.set(id, { dueMs: clock.monotonicMs() + commandTimeoutMs, reject });
      command(this.#commands).then(
        (value) => {
          this.#waiting.delete(id);
          resolve(value);
        },
        (error: unknown) => {
          this.#waiting.delete(id);
          reject(redisFailure(error));
        },
      );
    });
  }

  /** Runs on the server of the first key. All keys MUST have the same tag. */
  async eval(
    { sha, lua }: RedisScript,
    { keys, args }: { readonly keys: readonly string[]; readonly args: readonly (string | number)[] },
  ): Promise<unknown> {
    try {
      return await this.run((commands) => commands.evalsha(sha, keys.length, ...keys, ...args));
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return this.run((commands) => commands.eval(lua, keys.length, ...keys, ...args));
    }
  }

  /** A message for operators; undefined when every primary answers. */
  async problem(): Promise<string | undefined> {
    const servers = this.#commands instanceof Cluster ? this.#commands.nodes('master') : [this.#commands];
    const problems = await Promise.all(
      servers.map((server) =>
        this.run(() => server.ping()).then(
          () => undefined,
          (error: Error) => `${formatAddress(addressOf(server))}: ${error.message}`,
        ),
      ),
    );
    const found = problems.filter((problem) => problem !== undefined);
    if (servers.length === 0) found.push(`no node of the Cluster is reachable: ${this.#lastError?.message}`);
    return found.length === 0 ? undefined : found.join('; ');
  }

  /** Commands without an answer fail. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#sweep.cancel();
    this.#commands.disconnect();
    for (const { reject } of this.#waiting.values())
      reject(new StoreFailure('unavailable', 'the connection to Redis was closed'));
  }

  #failOverdue(): void {
    const nowMs = this.#surroundings.clock.monotonicMs();
    for (const { dueMs, reject } of this.#waiting.values()) {
      if (dueMs > nowMs) return;
      // Has no effect on a command that failed before.
      reject(new StoreFailure('unavailable', `Redis did not answer within ${this.options.commandTimeoutMs} ms`));
    }
  }

  /** Logs when the connection is lost and restored, not each attempt to reconnect. */
  #watch(): void {
    const { log } = this.#surroundings;
    const { addresses } = this.options;
    const keep = (error: Error) => {
      this.#lastError = error;
    };
    this.#commands.on('error', keep);
    this.#commands.on('node error', keep);
    this.#commands.on('close', () => {
      if (this.#isLost || this.#isClosed) return;
      this.#isLost = true;
      log.warn('redis is lost', { addresses, error: this.#lastError?.message });
    });
    this.#commands.on('ready', () => {
      if (this.#isLost) log.info('redis is back', { addresses });
      this.#isLost = false;
      this.#failures = 0;
    });
    if (this.#commands instanceof Cluster) refreshWithoutNode(this.#commands);
    else this.#commands.on('end', () => this.#connectAgain());
  }

  #connectAgain(): void {
    if (this.#isClosed) return;
    this.#surroundings.clock.after(retryDelayMs(++this.#failures), () => {
      // The library reports the error by an event, and the end of the attempt by the next `end`.
      if (!this.#isClosed) this.#commands.connect().catch(() => undefined);
    });
  }
}

/** Finds the successor of a lost node. The library does this only before it retries a command, and retries are disabled. */
function refreshWithoutNode(cluster: Cluster): void {
  cluster.on('-node', () => cluster.refreshSlotsCache());
}

const addressOf = ({ options: { host = 'localhost', port = 6379 } }: Redis) => ({ hostname: host, port });

/** Tries the addresses one after another. The first that answers decides whether it is a Cluster. */
async function connect(options: RedisOptions): Promise<RedisCommands> {
  const failed: string[] = [];
  for (const address of addressesOf(options)) {
    const { hostname: host, port } = address;
    const probe = new Redis({ ...connectionOptions(options), host, port, lazyConnect: true, retryStrategy: null });
    let error: Error | undefined;
    probe.on('error', (reported: Error) => {
      error = reported;
    });
    try {
      await probe.connect();
      const isCluster = /cluster_enabled:1/.test(await probe.info('cluster'));
      return isCluster ? await connectCluster(options) : await connectServer(options, { host, port });
    } catch (thrown) {
      failed.push(`${formatAddress(address)} (${(error ?? (thrown as Error)).message})`);
    } finally {
      probe.disconnect();
    }
  }
  throw new StoreFailure('unavailable', `no Redis answers: tried ${failed.join(', ')}`);
}

async function connectServer(
  options: RedisOptions,
  place: { readonly host: string; readonly port: number },
): Promise<Redis> {
  // Without a retry strategy: when the library reconnects by itself, it repeats the commands in flight, or, with that disabled, never
  // answers them.
  const redis = new Redis({
    ...connectionOptions(options),
    ...place,
    enableAutoPipelining: true,
    lazyConnect: true,
    retryStrategy: null,
  });
  return connected(redis);
}

async function connectCluster(options: RedisOptions): Promise<Cluster> {
  const nodes = addressesOf(options).map(({ hostname: host, port }) => ({ host, port }));
  const cluster = new Cluster(nodes, {
    redisOptions: connectionOptions(options),
    enableAutoPipelining: true,
    lazyConnect: true,
    clusterRetryStrategy: retryDelayMs,
    retryDelayOnFailover: 0,
    slotsRefreshTimeout: options.connectTimeoutMs,
    slotsRefreshInterval: 2_000,
  });
  return connected(cluster);
}

async function connected<C extends RedisCommands>(commands: C): Promise<C> {
  let error: Error | undefined;
  const keep = (reported: Error) => {
    error = reported;
  };
  commands.on('error', keep);
  try {
    await commands.connect();
    return commands;
  } catch (thrown) {
    commands.disconnect();
    throw error ?? thrown;
  }
}

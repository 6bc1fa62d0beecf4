// A set of real servers in a folder of its own: MariaDB, Redis, Kafka. Each is a process that can be killed, paused and started again
// alone; many sets stand side by side. The folder's state file knows all of a set, also for another process.

import { existsSync, mkdirSync, statSync } from 'node:fs';
import { readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../until.ts';
import { end, isAlive, kill, signal, startDetached } from './detached.ts';
import { isKafkaReady } from './kafka.ts';
import { withLock } from './lock.ts';
import { isMariadbReady } from './mariadb.ts';
import { type PartName, parts } from './parts.ts';
import { hasProgram, run } from './programs.ts';
import { isRedisReady } from './redis.ts';
import {
  type Addresses,
  logOf,
  readState,
  type ServerRecord,
  type ServicesState,
  stateFile,
  writeState,
} from './state.ts';

export interface SetOptions {
  readonly folder: string;
  readonly parts: readonly PartName[];
  /** Kafka's; 1 when absent. */
  readonly brokers?: number;
  /** Places for relays before the one broker; none when absent. */
  readonly fronts?: number;
}

/** One server of a set. A test that breaks it uses a set of its own. */
export interface Server {
  readonly name: string;
  readonly port: number;
  readonly log: string;
  isAlive(): boolean;
  /** Resolves once it serves; at once when it runs. The same port and data as before. */
  start(): Promise<void>;
  /** In order, by SIGTERM. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGSTOP: it keeps its sockets, and answers nothing until `resume`. */
  pause(): void;
  resume(): void;
}

const readyWithinMs = 90_000;
const logTailChars = 2000;
const installer = join(import.meta.dir, '../../../../tools/install-services');

export class ServiceSet {
  readonly folder: string;
  #state: ServicesState;

  /** Makes and starts what of it is not there yet. `missing` has a line for each part that could not be had, the rest is up. */
  static async up(options: SetOptions): Promise<{ set: ServiceSet; missing: readonly string[] }> {
    if (!existsSync('/proc/self/stat'))
      throw new Error('the servers are run on Linux alone; elsewhere: deploy/compose.yaml');
    mkdirSync(options.folder, { recursive: true });
    return withLock(join(options.folder, 'lock'), async () => {
      const set = ServiceSet.open(options.folder) ?? new ServiceSet(options.folder, { addresses: {}, servers: [] });
      if (set.#isKeptByOthers) {
        return {
          set,
          missing: options.parts
            .filter((part) => !set.has(part))
            .map((part) => `${parts[part].title}: not among the addresses in ${set.folder}, which others keep`),
        };
      }
      set.#checkBrokers(options);
      const uninstalled = await install(options.parts);
      const results = await Promise.allSettled(options.parts.map((part) => set.#startPart(part, options)));
      const failures = results.flatMap((result) => (result.status === 'rejected' ? [messageOf(result.reason)] : []));
      return { set, missing: [...uninstalled, ...failures] };
    });
  }

  /** The set that a folder holds, running or not. */
  static open(folder: string): ServiceSet | undefined {
    const state = readState(folder);
    return state && new ServiceSet(folder, state);
  }

  private constructor(folder: string, state: ServicesState) {
    this.folder = folder;
    this.#state = state;
  }

  get addresses(): Addresses {
    return this.#state.addresses;
  }

  get servers(): readonly Server[] {
    return this.#state.servers.map(({ name }) => this.server(name));
  }

  /** Made, and each server of it alive, as far as this machine can tell. */
  has(part: PartName): boolean {
    return this.addresses[part] !== undefined && this.#serversOf(part).every(isAlive);
  }

  server(name: string): Server {
    const { port } = this.#record(name);
    return {
      name,
      port,
      log: logOf(this.folder, name),
      isAlive: () => isAlive(this.#record(name)),
      start: () => this.#start(name),
      stop: () => end(this.#record(name)),
      kill: () => kill(this.#record(name)),
      pause: () => signal(this.#record(name), 'SIGSTOP'),
      resume: () => signal(this.#record(name), 'SIGCONT'),
    };
  }

  /** Ends every server at once, since its data goes too, and its log; and the folder when nothing else is in it. */
  async down(): Promise<void> {
    if (this.#isKeptByOthers) return;
    await Promise.all(this.#state.servers.map((record) => kill(record)));
    const made = this.#state.servers.flatMap(({ name }) => [join(this.folder, name), logOf(this.folder, name)]);
    for (const path of [...made, stateFile(this.folder)]) await rm(path, { recursive: true, force: true });
    await rmdir(this.folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'ENOENT') throw error;
    });
  }

  /** For the end of a process that waits for nothing more. */
  killAll(): void {
    for (const record of this.#state.servers) signal(record, 'SIGKILL');
  }

  async #startPart(name: PartName, { brokers = 1, fronts = 0 }: SetOptions): Promise<void> {
    const part = parts[name];
    try {
      if (this.addresses[name] === undefined) {
        const { addresses, servers } = await part.prepare(this.folder, { brokers, fronts });
        this.#write({
          addresses: { ...this.addresses, ...addresses },
          servers: [...this.#state.servers, ...servers],
        });
      }
      await Promise.all(this.#serversOf(name).map((each) => this.#start(each.name)));
      await part.join?.(this.addresses);
    } catch (error) {
      throw new Error(`${part.title}: ${messageOf(error)}`, { cause: error });
    }
  }

  async #start(name: string): Promise<void> {
    const record = this.#record(name);
    const log = logOf(this.folder, name);
    const fromByte = isAlive(record) || !existsSync(log) ? 0 : statSync(log).size;
    const running = isAlive(record) ? record : { ...record, ...(await startDetached(record.command, { log })) };
    if (running !== record) {
      this.#write({
        ...this.#state,
        servers: this.#state.servers.map((each) => (each.name === name ? running : each)),
      });
    }
    let ready = false;
    await until(
      async () => {
        ready = await this.#isReady(running, fromByte);
        return ready || !isAlive(running);
      },
      { withinMs: readyWithinMs, what: `${name} to serve; see ${log}` },
    );
    if (!ready)
      throw new Error(`${name} ended before it served:\n${(await readFile(log, 'utf8')).slice(-logTailChars)}`);
  }

  async #isReady({ name, kind, port }: ServerRecord, fromByte: number): Promise<boolean> {
    switch (kind) {
      case 'mariadb':
        return isMariadbReady(port);
      case 'redis':
        return isRedisReady(port);
      case 'kafka':
        return isKafkaReady(this.folder, { name, fromByte });
    }
  }

  #checkBrokers({ brokers, parts: wanted }: SetOptions): void {
    const running = this.addresses.kafka?.brokers.length;
    if (brokers === undefined || running === undefined || brokers === running || !wanted.includes('kafka')) return;
    throw new Error(
      `the servers in ${this.folder} have ${running} Kafka broker(s), not ${brokers}: end them first (tools/services down), or take another folder (--data)`,
    );
  }

  #serversOf(part: PartName): readonly ServerRecord[] {
    return this.#state.servers.filter((each) => partOf(each) === part);
  }

  /** A state file with addresses alone: deploy/services.json. */
  get #isKeptByOthers(): boolean {
    return this.#state.servers.length === 0 && Object.keys(this.addresses).length > 0;
  }

  #record(name: string): ServerRecord {
    const record = this.#state.servers.find((each) => each.name === name);
    if (record === undefined) {
      throw new Error(`no server ${name} here; there are ${this.#state.servers.map((each) => each.name).join(', ')}`);
    }
    return record;
  }

  #write(state: ServicesState): void {
    this.#state = state;
    writeState(this.folder, state);
  }
}

function partOf({ kind, name }: ServerRecord): PartName {
  switch (kind) {
    case 'mariadb':
      return 'mysql';
    case 'redis':
      return name === 'redis' ? 'redis' : 'redisCluster';
    case 'kafka':
      return 'kafka';
  }
}

/** apt runs once, for all of them. Returns a line when it cannot. */
async function install(wanted: readonly PartName[]): Promise<readonly string[]> {
  const programs = wanted.flatMap((name) => Object.entries(parts[name].programs));
  const packages = new Set(programs.flatMap(([program, debian]) => (hasProgram(program) ? [] : [debian])));
  if (packages.size === 0) return [];
  try {
    await run([installer, ...packages]);
    return [];
  } catch (error) {
    return [messageOf(error)];
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

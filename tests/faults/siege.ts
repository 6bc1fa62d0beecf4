// A whole cluster on servers of its own, under load, of which a test kills whatever it likes: gateways, cores, workers, MariaDB, Kafka
// and Redis, or a master of a Redis Cluster, one or several at a time. It measures how long clients are without each thing, and checks
// what they saw.

import { expect } from 'bun:test';
import { ownServices } from '@hongyan/testing/services';
import type { ServiceSet } from '@hongyan/testing/services/service-set';
import { until } from '@hongyan/testing/until';
import { ClusterUnderTest, clusterAddresses } from '../cluster-server.ts';
import { killServers, removeDataFolders, type ServerProcess } from '../server-process.ts';
import { Crowd } from './crowd.ts';
import { Front } from './front.ts';
import { masters, rejoin } from './redis-cluster.ts';
import { Registrations } from './registrations.ts';
import { answersOf, settled, violationsOf } from './settled-crowd.ts';

export const processKinds = ['gateway', 'core', 'worker'] as const;
export const serverKinds = ['mariadb', 'kafka-1', 'redis'] as const;
/** 'redis-master': of a Redis Cluster; its replica takes its place, and it comes back as one. */
export type Kind = (typeof processKinds)[number] | (typeof serverKinds)[number] | 'redis-master';

/** Each of some fifty writers waits so long after a send: the fault meets sends everywhere, and the checker has some thousand of them. */
const pauseMs = 250;
/** Everything is as before within it, on a slow machine that does other work too. */
const recoveredWithinMs = 150_000;
/** Sends have to be under way. */
const runUpMsMax = 1_000;
/** What a client may be told: that something is away, and what is about the send itself. */
const toldMay = [
  'unavailable',
  'overloaded',
  'unknown_outcome',
  'unchanged',
  'not_found',
  'forbidden',
  'conflict',
  'bad_request',
];

const allParts = ['mysql', 'kafka', 'redis'] as const;

export interface SiegeOptions {
  readonly name: string;
  readonly random: () => number;
  readonly cores?: number;
  readonly gateways?: number;
  readonly workers?: number;
  /** Places for relays before Kafka. */
  readonly fronts?: number;
  /** Its own servers are a Redis Cluster of six, and MySQL and Kafka are those that all tests share: they cannot be killed then. */
  readonly hasRedisCluster?: boolean;
}

export class Siege {
  readonly services: ServiceSet;
  readonly cluster: ClusterUnderTest;
  readonly crowd: Crowd;
  readonly #front: Front;
  readonly #random: () => number;
  /** Where there are workers. */
  readonly #registrations: Registrations | undefined;

  /** Leaves nothing behind when it rejects. */
  static async start(options: SiegeOptions): Promise<Siege> {
    const services = await ownServices(
      options.hasRedisCluster ? { parts: ['redisCluster'] } : { parts: allParts, fronts: options.fronts ?? 0 },
    );
    try {
      return await Siege.#on(services, options);
    } catch (error) {
      await killServers();
      await services.down();
      throw error;
    }
  }

  static async #on(
    services: ServiceSet,
    { name, random, cores = 2, gateways = 2, workers = 0, hasRedisCluster = false }: SiegeOptions,
  ): Promise<Siege> {
    const addresses = hasRedisCluster ? clusterAddresses() : clusterAddresses(services);
    if (addresses === undefined) throw new Error('the servers of the siege have no addresses');
    const cluster = await ClusterUnderTest.start({
      ...{ cores, gateways, workers },
      ...(hasRedisCluster ? { env: redisClusterOf(services) } : { addresses }),
    });
    const front = await Front.open(() =>
      cluster.gateways.filter((gateway) => gateway.isAlive()).map(({ port }) => port),
    );
    const crowd = await Crowd.gather({ url: front.url, name, random });
    await crowd.comeBack();
    const { dataDir } = cluster;
    const database = `${cluster.name}_devices`;
    const registrations =
      workers === 0
        ? undefined
        : await Registrations.begin({ url: front.url, dataDir, mysql: addresses.mysql, database });
    return new Siege({ services, cluster, crowd, front, random, registrations });
  }

  private constructor({
    services,
    cluster,
    crowd,
    front,
    random,
    registrations,
  }: {
    readonly services: ServiceSet;
    readonly cluster: ClusterUnderTest;
    readonly crowd: Crowd;
    readonly front: Front;
    readonly random: () => number;
    readonly registrations: Registrations | undefined;
  }) {
    this.services = services;
    this.cluster = cluster;
    this.crowd = crowd;
    this.#front = front;
    this.#random = random;
    this.#registrations = registrations;
  }

  async end(): Promise<void> {
    this.#front.close();
    await killServers();
    await this.services.down();
    await removeDataFolders();
  }

  /** All of them at once, under load; what was killed is started again after a moment. */
  strike(...kinds: readonly Kind[]): Promise<void> {
    const servers = kinds.filter(isServer);
    const work = async (mended: () => void) => {
      const victims = await Promise.all(kinds.map((kind) => this.#victim(kind)));
      await Promise.all(victims.map((victim) => victim.kill()));
      if (servers.length === 0) mended();
      await this.moment(2_000);
      await Promise.all(servers.map((kind) => this.services.server(kind).start()));
      mended();
      if (kinds.includes('redis-master')) await rejoin(this.services.servers);
      // What starts while a server is away ends with its name [N9]: whoever keeps processes alive starts them again until it is there.
      await Promise.all(kinds.map((kind) => this.#replace(kind)));
    };
    return this.fault(kinds.join(' and '), work, {
      isLossReported: kinds.includes('redis') || kinds.includes('redis-master'),
    });
  }

  /**
   * Does something under load, until everything is as before; then what clients saw is checked. Recovery begins when `mended` is called,
   * by the end of the work at the latest: with the death of a process, when others have its work, or when a server serves again.
   */
  async fault(
    name: string,
    work: (mended: () => void) => Promise<void>,
    { isLossReported = false }: { readonly isLossReported?: boolean } = {},
  ): Promise<void> {
    const { crowd } = this;
    await crowd.comeBack();
    const [answersBefore, fromEvent] = [answersOf(crowd.events), crowd.events.length];
    const stop = new AbortController();
    const living = [crowd.live({ signal: stop.signal, pauseMs }), this.#registrations?.live(stop.signal)];
    await this.moment(runUpMsMax);
    const beganMs = performance.now();
    const mended = Promise.withResolvers<number>();
    const recovering = mended.promise.then((ms) => this.#recovered(ms));
    recovering.catch(() => {});
    await work(() => mended.resolve(performance.now()));
    mended.resolve(performance.now());
    const recoveredMs = await recovering;
    const newestSeqs = crowd.newestSeqs;
    await until(() => crowd.hasShown(newestSeqs), { withinMs: recoveredWithinMs, what: 'every device to show it' });
    const shownAtMs = performance.now();
    const backMs = crowd.lastBackMs;
    stop.abort();
    await Promise.all(living);
    await settled(crowd);
    await this.#registrations?.allStored();
    const answers = differences(answersOf(crowd.events), answersBefore);
    const mendedMs = await mended.promise;
    const back =
      backMs < beganMs ? 'no client was cut off' : `the last client was back after ${Math.round(backMs - mendedMs)} ms`;
    const shownMs = Math.round(shownAtMs - mendedMs);
    console.log(
      `${name}: ${Math.round(mendedMs - beganMs)} ms away; then all conversations took sends after ${recoveredMs} ms, ` +
        `all devices showed what was sent by then after ${shownMs} ms, ${back}; told ${JSON.stringify(answers)}`,
    );
    expect(Object.keys(answers).filter((code) => !toldMay.includes(code))).toEqual([]);
    expect((await violationsOf(crowd, { isLossReported, fromEvent })).slice(0, 3)).toEqual([]);
  }

  /** Something that was sent after `ms` is acknowledged in every conversation, and every device has a connection. */
  async #recovered(ms: number): Promise<number> {
    const { crowd, cluster } = this;
    const isSilent = () => crowd.silentSince(ms);
    await until(() => isSilent().length === 0, { withinMs: recoveredWithinMs }).catch(() => {
      throw new Error(`no send is acknowledged in ${isSilent()} for ${recoveredWithinMs} ms\n${cluster.output()}`);
    });
    const recoveredMs = Math.round(performance.now() - ms);
    await until(() => crowd.isBack, { withinMs: recoveredWithinMs, what: 'every device to be back' });
    return recoveredMs;
  }

  /** A time of the seed's choice, so that the next thing meets anything. */
  moment(msMax: number): Promise<void> {
    return Bun.sleep(this.#random() * msMax);
  }

  async #victim(kind: Kind): Promise<{ kill(): Promise<void> }> {
    if (kind === 'redis-master') return this.oneOf(await masters(this.services.servers));
    return isServer(kind) ? this.services.server(kind) : this.oneOf(this.#processes(kind));
  }

  oneOf<T extends { isAlive(): boolean }>(processes: readonly T[]): T {
    const alive = processes.filter((process) => process.isAlive());
    const chosen = alive[Math.floor(this.#random() * alive.length)];
    if (chosen === undefined) throw new Error('none is left');
    return chosen;
  }

  #processes(kind: (typeof processKinds)[number]): readonly ServerProcess[] {
    const { gateways, cores, workers } = this.cluster;
    return { gateway: gateways, core: cores, worker: workers }[kind];
  }

  async #replace(kind: Kind): Promise<void> {
    if (kind === 'gateway') await this.cluster.startGateway();
    if (kind === 'core') await this.cluster.startCore();
    if (kind === 'worker') await this.cluster.startWorker();
  }
}

const isServer = (kind: Kind): kind is (typeof serverKinds)[number] =>
  (serverKinds as readonly string[]).includes(kind);

const redisClusterOf = ({ addresses: { redisCluster } }: ServiceSet) => ({
  HONGYAN_REDIS_URLS: (redisCluster?.addresses ?? []).map((address) => `redis://${address}`).join(','),
});

function differences(after: ReadonlyMap<string, number>, before: ReadonlyMap<string, number>): Record<string, number> {
  const entries = [...after].map(([code, count]) => [code, count - (before.get(code) ?? 0)] as const);
  return Object.fromEntries(entries.filter(([, count]) => count > 0));
}

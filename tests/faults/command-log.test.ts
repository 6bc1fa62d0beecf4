// The command log of a cluster while its cores and brokers die: real processes, real Kafka, real MySQL, real Redis.

import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { systemRandom } from '@hongyan/base/random';
import { type MysqlTimelineStore, openMysqlTimeline } from '@hongyan/server/ports/timeline/mysql-timeline';
import { Scratch } from '@hongyan/testing/scratch';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { describeWith, ownServices } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import type { CommandCore } from './command-core.ts';
import { CommandCrowd } from './command-crowd.ts';

setDefaultTimeout(400_000);

const partitions = 6;
const killsMax = Number(process.env.HONGYAN_KILLS ?? 30);
const pausesMax = 3;
/** Of the tests: short, so that a dead core's partitions are taken over soon. */
const sessionTimeoutMs = 2_000;

describeWith(['kafka', 'mysql', 'redis'], 'the command log under faults', (addresses) => {
  let scratch: Scratch;
  let timeline: MysqlTimelineStore;
  let given: CommandCore;
  let crowd: CommandCrowd;
  const cores: Core[] = [];

  beforeEach(async () => {
    scratch = new Scratch(addresses);
    given = {
      ...{ brokers: addresses.kafka.brokers, redis: addresses.redis.address, prefix: scratch.prefix, sessionTimeoutMs },
      database: await scratch.database('timeline'),
    };
    const surroundings = { clock: systemClock, random: systemRandom, log: silentLog };
    timeline = await openMysqlTimeline({
      ...surroundings,
      mysql: { ...given.database, limits: { idleMin: 1 } },
      appendsMax: 10,
    });
  });
  afterEach(async () => {
    await crowd.close();
    await Promise.all(cores.splice(0).map((core) => core.stop()));
    await timeline.close();
    // Of cores that were killed the group knows until their session is over.
    await until(() => scratch.remove().then(() => true, isStillThere), { withinMs: 30_000 });
  });

  async function start(coreCount: number, brokers = given.brokers): Promise<void> {
    given = { ...given, brokers };
    crowd = new CommandCrowd(given);
    await crowd.start({ partitions, producers: 2, conversations: 12, users: 4 });
    for (let index = 0; index < coreCount; index++) await addCore();
    await progress(50);
  }

  async function addCore(): Promise<Core> {
    const core = await Core.start(given);
    cores.push(core);
    return core;
  }

  /** So many more are acknowledged. */
  async function progress(count: number): Promise<number> {
    const [from, startMs] = [crowd.acknowledgedCount, performance.now()];
    await until(() => crowd.acknowledgedCount >= from + count, {
      withinMs: 60_000,
      what: `${count} acknowledgements; ${crowd.summary}`,
    });
    return performance.now() - startMs;
  }

  async function expectWhole(name: string): Promise<void> {
    await crowd.finish();
    console.log(`${name}: ${crowd.summary}`);
    expect(await crowd.problems(timeline)).toEqual([]);
  }

  test('[K1] cores join and leave under load: nothing is lost, doubled or out of order', async () => {
    await start(2);
    for (let round = 0; round < 3; round++) {
      const third = await addCore();
      await until(() => third.partitions.length > 0, { withinMs: 30_000 });
      await progress(200);
      await third.stop();
      await progress(200);
    }
    await expectWhole('cores that join and leave');
  });

  test('[K1, K6] cores that are killed at any moment: nothing is lost, doubled or out of order', async () => {
    const random = createRandom(testSeed('kills of cores'));
    await start(2);
    for (let round = 0; round < killsMax; round++) {
      await Bun.sleep(random() * 1_500);
      const [victim] = cores.splice(Math.floor(random() * cores.length), 1);
      await victim?.kill();
      await addCore();
      if (round % 5 === 4) await progress(100);
    }
    await progress(200);
    await expectWhole(`${killsMax} kills of cores`);
  });

  test('[K3] a core that is paused past its session and continued stores nothing of what it lost', async () => {
    await start(2);
    for (let round = 0; round < pausesMax; round++) {
      const paused = cores[round % 2];
      const owned = paused?.partitions ?? [];
      paused?.pause();
      const other = cores[(round + 1) % 2];
      await until(() => owned.every((partition) => other?.partitions.includes(partition)), {
        withinMs: 30_000,
        what: 'the other core to own all',
      });
      await progress(200);
      paused?.resume();
      await until(() => (paused?.partitions.length ?? 0) > 0 && other?.partitions.length !== partitions, {
        withinMs: 30_000,
      });
      await progress(200);
    }
    await expectWhole(`${pausesMax} pauses past the session`);
  });

  test('[K1] the only broker is killed and comes back', async () => {
    const services = await ownServices({ parts: ['kafka'] });
    try {
      await start(2, services.addresses.kafka?.brokers);
      for (let round = 0; round < 2; round++) {
        const [broker] = services.servers;
        await broker?.kill();
        await Bun.sleep(2_000);
        await broker?.start();
        const ms = await progress(200);
        console.log(`200 acknowledgements ${Math.round(ms)} ms after the broker's start`);
      }
      await expectWhole('the only broker, killed twice');
    } finally {
      await crowd.close();
      await Promise.all(cores.splice(0).map((core) => core.kill()));
      await services.down();
    }
  });

  test('[K1] one broker of three is killed and comes back', async () => {
    const services = await ownServices({ parts: ['kafka'], brokers: 3 });
    try {
      await start(2, services.addresses.kafka?.brokers);
      for (const broker of services.servers) {
        await broker.kill();
        console.log(`${broker.name} is away: 200 acknowledgements after ${Math.round(await progress(200))} ms`);
        await broker.start();
        await progress(200);
      }
      await expectWhole('each of three brokers, killed once');
    } finally {
      await crowd.close();
      await Promise.all(cores.splice(0).map((core) => core.kill()));
      await services.down();
    }
  });
});

function isStillThere(error: unknown): false {
  if (error instanceof Error && Bun.inspect(error).includes('NON_EMPTY_GROUP')) return false;
  throw error;
}

class Core {
  readonly #process: Bun.Subprocess<'ignore', 'pipe', 'inherit'>;
  partitions: readonly number[] = [];

  static async start(given: CommandCore): Promise<Core> {
    const path = join(import.meta.dir, 'command-core.ts');
    const child = Bun.spawn([process.execPath, path, JSON.stringify(given)], {
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'inherit',
    });
    const core = new Core(child);
    await core.#ready.promise;
    return core;
  }

  readonly #ready = Promise.withResolvers<void>();

  private constructor(child: Bun.Subprocess<'ignore', 'pipe', 'inherit'>) {
    this.#process = child;
    void this.#listen();
  }

  async #listen(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of this.#process.stdout)
      for (const line of decoder.decode(bytes).split('\n')) {
        if (line === 'ready') this.#ready.resolve();
        if (line.startsWith('owns ')) this.partitions = line.slice(5).split(',').filter(Boolean).map(Number);
      }
    this.partitions = [];
    this.#ready.reject(new Error('a core ended before it was ready'));
  }

  async stop(): Promise<void> {
    this.resume();
    this.#process.kill('SIGTERM');
    await this.#process.exited;
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#process.exited;
  }

  pause(): void {
    this.#process.kill('SIGSTOP');
  }

  resume(): void {
    this.#process.kill('SIGCONT');
  }
}

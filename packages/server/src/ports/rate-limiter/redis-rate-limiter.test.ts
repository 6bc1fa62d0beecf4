// The limiter in Redis, on a server and on a Cluster: its contract, its leases, and its behaviour without Redis.

import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { type Clock, systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { testSeed } from '@hongyan/testing/seed';
import { describeWith, ownServices } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import fc from 'fast-check';
import type { RedisClient } from '../../adapters/redis/redis-client.ts';
import { openTestClient, removeTestClient, testOptions } from '../../adapters/redis/testing/clients.ts';
import type { Taken } from '../../domain/rate.ts';
import type { Draw } from './rate-limiter.ts';
import { RedisRateLimiter } from './redis-rate-limiter.ts';
import { rateLimiterContract } from './testing/contract.ts';

const rate = { perS: 50, burst: 100 };
let name = 0;

/** Limiters of several processes, on one clock that the test moves; the clock of Redis is `wall.aheadMs` ahead of it. */
function limitersOf(client: RedisClient, count: number) {
  const clock = new ManualClock();
  const wall = { aheadMs: 0 };
  const wallClock = { nowMs: () => clock.nowMs() + wall.aheadMs };
  name++;
  const limiters = Array.from(
    { length: count },
    (_, index) =>
      new RedisRateLimiter({
        ...{ client, clock, wallClock, log: silentLog },
        name: String(name),
        holder: `process ${index}`,
        bucketsMax: 100,
      }),
  );
  return { clock, wall, limiters };
}

function limiterTests(addresses: readonly string[], title: string): void {
  let client: RedisClient;
  beforeAll(async () => {
    client = await openTestClient(testOptions(addresses));
  });
  afterAll(() => removeTestClient(client));

  rateLimiterContract(title, async () => {
    const { clock, limiters } = limitersOf(client, 1);
    return { limiter: limiters[0] as RedisRateLimiter, pass: async (ms) => clock.advance(ms) };
  });

  test('[L2] several processes never take more than burst + rate × time within any time span', async () => {
    const steps = fc.array(
      fc.record({
        passMs: fc.constantFrom(0, 0, 1, 20, 150, 1_000, 4_000),
        draws: fc.array(fc.record({ by: fc.nat(2), cost: fc.constantFrom(1, 1, 1, 3, 10, 60) }), { maxLength: 25 }),
        isAtOnce: fc.boolean(),
      }),
      { maxLength: 25 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const { clock, limiters } = limitersOf(client, 3);
        const taken: { readonly atMs: number; readonly cost: number }[] = [];
        const draw = async ({ by, cost }: { readonly by: number; readonly cost: number }) => {
          const answer = await limiters[by]?.draw({ key: 'ann', rate, cost });
          if (answer?.type === 'taken') taken.push({ atMs: clock.monotonicMs(), cost });
        };
        for (const { passMs, draws, isAtOnce } of script) {
          clock.advance(passMs);
          if (isAtOnce) await Promise.all(draws.map(draw));
          else for (const each of draws) await draw(each);
        }
        for (const [from, { atMs }] of taken.entries()) {
          let units = 0;
          for (const later of taken.slice(from)) {
            units += later.cost;
            expect(units).toBeLessThanOrEqual(rate.burst + (rate.perS * (later.atMs - atMs)) / 1000 + 0.01);
          }
        }
        for (const limiter of limiters) await limiter.close();
      }),
      { seed: testSeed('redis rate limiter'), numRuns: 60 },
    );
  }, 60_000);

  test('[L2] a lease that is used when the bucket would be full again adds nothing to the burst', async () => {
    const { clock, limiters } = limitersOf(client, 2);
    const [one, other] = limiters as [RedisRateLimiter, RedisRateLimiter];
    for (let count = 0; count < 10; count++) await one.draw({ key: 'ann', rate, cost: 1 });
    clock.advance(750);
    let taken = 0;
    const draw = async (limiter: RedisRateLimiter) => {
      if ((await limiter.draw({ key: 'ann', rate, cost: 1 })).type === 'taken') taken++;
    };
    for (let count = 0; count < rate.burst + 10; count++) await draw(other);
    for (let count = 0; count < 20; count++) await draw(one);
    expect(taken).toBeLessThanOrEqual(rate.burst);
    expect(taken).toBeGreaterThan(rate.burst * 0.8);
  });

  test('[L8] a hot user costs few questions, and gets the whole burst all the same', async () => {
    const { limiters } = limitersOf(client, 1);
    const [limiter] = limiters as [RedisRateLimiter];
    let taken = 0;
    for (let count = 0; count < 150; count++)
      if ((await limiter.draw({ key: 'hot', rate, cost: 1 })).type === 'taken') taken++;
    expect(taken).toBe(rate.burst);
    // 1, 1 + 1, 1 + 2, 1 + 4, 1 + 8, then 1 + 12 at a time. A rejected draw sends no request.
    expect(limiter.questionCount).toBeLessThan(20);
  });

  test('[L8] waiting draws are bounded: further ones are rejected at once', async () => {
    const { limiters } = limitersOf(client, 1);
    const [limiter] = limiters as [RedisRateLimiter];
    const large = { perS: 1, burst: 10_000 };
    const draws = Array.from({ length: 2_100 }, () => limiter.draw({ key: 'flood', rate: large, cost: 1 }));
    expect(draws.filter((draw) => !(draw instanceof Promise))).toHaveLength(100);
    expect((await Promise.all(draws)).filter(({ type }) => type === 'taken')).toHaveLength(2_000);
  });

  test('[L8] the rest of a lease is returned soon, for other processes', async () => {
    const { clock, limiters } = limitersOf(client, 2);
    const [one, other] = limiters as [RedisRateLimiter, RedisRateLimiter];
    for (let count = 0; count < 10; count++) await one.draw({ key: 'ann', rate, cost: 1 });
    const all = () => other.draw({ key: 'ann', rate, cost: rate.burst - 10 });
    expect((await all()).type).toBe('refused');
    clock.advance(1_000);
    await until(async () => (await all()).type === 'taken');
  });

  test('[L8] the lease of a dead process counts as used, and its user waits no longer than retryAfterMs', async () => {
    const { clock, limiters } = limitersOf(client, 2);
    const [dead, other] = limiters as [RedisRateLimiter, RedisRateLimiter];
    for (let count = 0; count < 10; count++) await dead.draw({ key: 'ann', rate, cost: 1 });
    dead.stop();
    const whole = () => other.draw({ key: 'ann', rate, cost: rate.burst });
    const refused = await whole();
    if (refused.type !== 'refused') throw new Error('a lease was out');
    clock.advance(refused.retryAfterMs);
    expect((await whole()).type).toBe('taken');
  });

  for (const count of [1, 10])
    test(`[L2] setting the clock of Redis back by an hour locks no user out, after ${count} draws`, async () => {
      const { clock, wall, limiters } = limitersOf(client, 2);
      const [one, other] = limiters as [RedisRateLimiter, RedisRateLimiter];
      wall.aheadMs = 3_600_000;
      for (let drawn = 0; drawn < count; drawn++) await one.draw({ key: 'ann', rate, cost: 1 });
      wall.aheadMs = 0;
      // Remaining leases are returned.
      clock.advance(1_000);
      for (const limiter of [one, other]) {
        const whole = () => limiter.draw({ key: 'ann', rate, cost: rate.burst });
        const first = await whole();
        const waitMs = first.type === 'refused' ? first.retryAfterMs : 0;
        expect(waitMs).toBeLessThanOrEqual((rate.burst / rate.perS) * 1_000);
        clock.advance(waitMs);
        expect((await whole()).type).toBe('taken');
      }
    });

  test('[L2] a lease of a process that died before the clock of Redis was set back is ended', async () => {
    const { clock, wall, limiters } = limitersOf(client, 2);
    const [dead, other] = limiters as [RedisRateLimiter, RedisRateLimiter];
    wall.aheadMs = 3_600_000;
    for (let count = 0; count < 10; count++) await dead.draw({ key: 'ann', rate, cost: 1 });
    dead.stop();
    wall.aheadMs = 0;
    const whole = () => other.draw({ key: 'ann', rate, cost: rate.burst });
    const refused = await whole();
    if (refused.type !== 'refused') throw new Error('the lease was used');
    expect(refused.retryAfterMs).toBeLessThanOrEqual((rate.burst / rate.perS) * 1_000);
    clock.advance(refused.retryAfterMs);
    expect((await whole()).type).toBe('taken');
  });

  test('[L8] a bucket that is full again is forgotten, also where its last question brought no lease', async () => {
    const { clock, limiters } = limitersOf(client, 1);
    const [limiter] = limiters as [RedisRateLimiter];
    // Questions lease 0, 1, 1, 1, and there is nothing left for the fifth.
    const small = { perS: 10, burst: 8 };
    for (let key = 0; key < 50; key++)
      for (let count = 0; count < 10; count++) await limiter.draw({ key: `k${key}`, rate: small, cost: 1 });
    expect(limiter.size).toBe(50);
    clock.advance(10_000);
    await until(
      () => {
        clock.advance(1_000);
        return limiter.size === 0;
      },
      { what: 'all buckets to be forgotten' },
    );
  });
}

describeWith(['redis'], 'limiter on one Redis', ({ redis }) => limiterTests([redis.address], 'limiter on one Redis'));
describeWith(['redisCluster'], 'limiter on a Redis Cluster', ({ redisCluster }) =>
  limiterTests(redisCluster.addresses, 'limiter on a Redis Cluster'),
);

describeWith(['redis'], 'limiter without its Redis', () => {
  let services: Awaited<ReturnType<typeof ownServices>>;
  const closing: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    services = await ownServices({ parts: ['redis'] });
  });
  afterAll(() => services.down());
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    services.server('redis').resume();
    await services.server('redis').start();
  });

  async function openLimiter(clock: Clock): Promise<RedisRateLimiter> {
    const client = await openTestClient(testOptions([`127.0.0.1:${services.server('redis').port}`]));
    const limiter = new RedisRateLimiter({
      ...{ client, clock, log: silentLog, name: 'n', holder: 'h' },
      bucketsMax: 100,
    });
    closing.push(async () => {
      limiter.stop();
      await client.close();
    });
    return limiter;
  }

  /** The answer, with as much time passing as it takes. */
  async function answerOf(limiter: RedisRateLimiter, { clock, draw }: { clock: ManualClock; draw: Draw }) {
    let taken: Taken | undefined;
    void Promise.resolve(limiter.draw(draw)).then((answer) => {
      taken = answer;
    });
    await until(() => {
      clock.advance(20);
      return taken !== undefined;
    });
    return taken?.type;
  }

  for (const how of ['kill', 'pause'] as const)
    test(`[L9] without Redis (${how}) draws are decided by local knowledge, none rejects, and they are charged when Redis is back`, async () => {
      const server = services.server('redis');
      // Slow enough that nothing comes again meanwhile.
      const slow = { perS: 0.01, burst: 20 };
      const limiter = await openLimiter(systemClock);
      const draw = async (key: string) => (await limiter.draw({ key, rate: slow, cost: 1 })).type;
      const draws = (key: string, count: number) => Promise.all(Array.from({ length: count }, () => draw(key)));
      expect(await draws('ann', 5)).toEqual(Array(5).fill('taken'));
      await server[how]();
      expect((await draws('ann', 20)).filter((type) => type === 'taken')).toHaveLength(15);
      expect((await draws('bob', 30)).filter((type) => type === 'taken')).toHaveLength(20);
      server.resume();
      await server.start();
      let others = 0;
      await until(
        async () => {
          await draw(`other ${others++}`);
          return !limiter.isAlone;
        },
        { what: 'the limiter to ask again' },
      );
      expect(await draw('bob')).toBe('refused');
      expect(await draw('fresh')).toBe('taken');
    });

  test('[L9] units that refilled while Redis was unavailable are not charged afterwards', async () => {
    const server = services.server('redis');
    const clock = new ManualClock();
    const limiter = await openLimiter(clock);
    const draw: Draw = { key: 'ann', rate: { perS: 50, burst: 10 }, cost: 1 };
    await server.kill();
    for (let count = 0; count < 150; count++) expect(await answerOf(limiter, { clock, draw })).toBe('taken');
    await server.start();
    let others = 0;
    await until(
      async () => {
        await answerOf(limiter, { clock, draw: { ...draw, key: `other ${others++}` } });
        return !limiter.isAlone;
      },
      { what: 'the limiter to ask again' },
    );
    expect(await answerOf(limiter, { clock, draw })).toBe('taken');
  });

  test('[L9] a bucket that is full again is forgotten while Redis is away', async () => {
    const clock = new ManualClock();
    const limiter = await openLimiter(clock);
    const draw: Draw = { key: 'ann', rate, cost: 1 };
    // So close together that the question which fails wants a lease.
    for (let count = 0; count < 3; count++) await answerOf(limiter, { clock, draw });
    await services.server('redis').kill();
    for (let count = 0; count < 20; count++) await answerOf(limiter, { clock, draw });
    expect(limiter.isAlone).toBe(true);
    expect(limiter.size).toBe(1);
    clock.advance(10_000);
    expect(limiter.size).toBe(0);
  });
});

// A cluster whose Redis breaks: devices that write through it all lose, double and reorder nothing, and everything comes back by itself.

import { afterAll, afterEach, expect, test } from 'bun:test';
import { signUp } from '@hongyan/testing/http-client';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { describeWith, ownServices } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import { WireClient } from '@hongyan/testing/wire-client';
import { Redis } from 'ioredis';
import { ClusterUnderTest } from '../cluster-server.ts';
import { killServers, removeDataFolders } from '../server-process.ts';
import { check } from './checker.ts';
import { Crowd } from './crowd.ts';

const random = createRandom(testSeed('cluster redis'));
const testMs = 120_000;

describeWith(['redis', 'kafka', 'mysql'], 'a cluster whose Redis breaks', () => {
  let closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await killServers();
    for (const close of closing.splice(0)) await close();
  });
  afterAll(removeDataFolders);

  /** Two gateways and a core on a Redis of their own. */
  async function start() {
    const services = await ownServices({ parts: ['redis'] });
    closing = [() => services.down()];
    const redis = services.server('redis');
    const env = { HONGYAN_REDIS_URLS: `redis://127.0.0.1:${redis.port}` };
    const cluster = await ClusterUnderTest.start({ gateways: 2, env });
    const [url = '', other = ''] = cluster.gateways.map((gateway) => gateway.url);
    return { redis, url, other };
  }

  async function flush(port: number): Promise<void> {
    const client = new Redis({ host: '127.0.0.1', port });
    await client.flushall();
    client.disconnect();
  }

  test(
    '[D1][D2][D3][D4][R2] Redis killed, paused and flushed under load: nothing is lost, doubled or reordered',
    async () => {
      const { redis, url } = await start();
      const crowd = await Crowd.gather({ url, name: 'r', random });
      await crowd.connect();
      const faults = [
        async () => {
          await redis.kill();
          await Bun.sleep(300);
          await redis.start();
        },
        async () => {
          redis.pause();
          await Bun.sleep(4_000);
          redis.resume();
        },
        () => flush(redis.port),
      ];
      for (const fault of faults) {
        const load = crowd.load(150);
        await Bun.sleep(random() * 300);
        await fault();
        await load;
        await crowd.comeBack();
        await crowd.settle();
        expect(crowd.openCount).toBe(0);
        expect(check(crowd.events, await crowd.aftermath()).slice(0, 3)).toEqual([]);
      }
      await crowd.leave();
    },
    testMs,
  );

  test(
    '[R4] who is online is known again after Redis was flushed',
    async () => {
      const { redis, url, other } = await start();
      const [ann, bob] = [await signUp(url, 'ann'), await signUp(url, 'bob')];
      const open = (at: string, { token, userId }: typeof ann) =>
        WireClient.open({ url: at, token, userId, deviceId: 'phone' });
      const [watcher, watched] = [await open(url, ann), await open(other, bob)];
      const isOnline = async () => {
        const answer = await watcher.request({ type: 'presence', user_ids: ['bob'] });
        return (answer?.users as readonly { readonly online: boolean }[] | undefined)?.[0]?.online;
      };
      expect(await isOnline()).toBe(true);
      await flush(redis.port);
      expect(await isOnline()).toBe(false);
      await until(async () => (await isOnline()) === true, {
        withinMs: 25_000,
        what: 'the gateway to renew its sessions',
      });
      await watched.close();
      expect(await watcher.next(({ type }) => type === 'presence')).toMatchObject({ user_id: 'bob', online: false });
      await watcher.close();
    },
    testMs,
  );
});

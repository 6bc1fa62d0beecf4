// A graceful stop under load: everyone is told to come back, what was acknowledged stands, and the process leaves with 0.

import { afterAll, expect, test } from 'bun:test';
import { createRandom, testSeed } from '@hongyan/base/seed';
import { dataFolder, killServers, removeDataFolders, startServer } from '../server-process.ts';
import { check } from './checker.ts';
import { Crowd } from './crowd.ts';
import { signUp } from './http-client.ts';
import { WireClient } from './wire-client.ts';

const random = createRandom(testSeed('stop'));
const rounds = 5;

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

test('[D1][D2][D3][D4] stops under load lose nothing, and say so to every connection', async () => {
  const dataDir = await dataFolder('stop');
  let server = await startServer({ dataDir });
  const { url, port } = server;
  const eve = await signUp(url, 'eve');
  const crowd = await Crowd.gather({ url, name: 'stop', random });
  await crowd.connect();
  for (let round = 0; round < rounds; round++) {
    const witness = await WireClient.open({ url, token: eve.token, userId: 'eve', deviceId: 'witness' });
    const told = witness.next(({ type }) => type === 'going_away');
    const load = crowd.load(2000);
    await Bun.sleep(random() * 200);
    expect(await server.stop()).toBe(0);
    expect(Number((await told).reconnect_after_ms)).toBeGreaterThan(0);
    expect((await witness.closed).code).toBe(4000);
    await load;
    server = await startServer({ dataDir, port });
    crowd.events.push({ type: 'restarted' });
    await crowd.connect();
    await crowd.settle();
    expect(check(crowd.events, await crowd.aftermath()).slice(0, 3)).toEqual([]);
  }
}, 60_000);

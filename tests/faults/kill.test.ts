// kill -9 at random moments under load, again and again on the same data: what was acknowledged must stand.

import { afterAll, expect, test } from 'bun:test';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import {
  dataFolder,
  killServers,
  removeDataFolders,
  type ServerProcess,
  spawnServer,
  startServer,
} from '../server-process.ts';
import { check } from './checker.ts';
import { Crowd } from './crowd.ts';
import { checkUnread } from './unread-check.ts';

const seed = testSeed('kill');
const random = createRandom(seed);
const rounds = Number(process.env.HONGYAN_FAULT_ROUNDS ?? 50);
/** A fresh crowd every so often keeps the full reads short; the crowds before are checked again at the end. */
const roundsPerCrowd = 10;
const sendsPerDeviceMax = 600;
const loadMsMax = 300;
/** Every so often the restart is killed too, before or while it is ready. */
const roundsPerSecondKill = 5;
const startMsMax = 300;
const crowds: Crowd[] = [];
let openAtKill = 0;
let server: ServerProcess;

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

test(`[D1][D2][D3][D4][D7][E3] ${rounds} kills under load lose, double, reorder and invent nothing`, async () => {
  const dataDir = await dataFolder('kill');
  server = await startServer({ dataDir });
  let crowd: Crowd | undefined;
  for (let round = 0; round < rounds; round++) {
    if (!crowd || round % roundsPerCrowd === 0) {
      await crowd?.leave();
      crowd = await Crowd.gather({ url: server.url, name: `c${crowds.length}`, random });
      crowds.push(crowd);
      await crowd.connect();
    }
    const load = crowd.load(sendsPerDeviceMax);
    await Bun.sleep(random() * loadMsMax);
    await server.kill();
    await load;
    const { openCount } = crowd;
    openAtKill += openCount;
    const { port } = server;
    if (round % roundsPerSecondKill === roundsPerSecondKill - 1) {
      const interrupted = spawnServer({ dataDir, port });
      await Bun.sleep(random() * startMsMax);
      await interrupted.kill();
    }
    server = await startServer({ dataDir, port });
    crowd.events.push({ type: 'restarted' });
    await crowd.connect();
    await crowd.settle();
    const aftermath = await crowd.aftermath();
    const violations = [...check(crowd.events, aftermath), ...checkUnread(aftermath.reads)];
    if (violations.length > 0) console.error(`round ${round}, ${openCount} sends were open at the kill`);
    expect(crowd.openCount).toBe(0);
    expect(violations.slice(0, 5)).toEqual([]);
  }
}, 240_000);

test('[D1] what crowds wrote before many later kills is still all there', async () => {
  for (const crowd of crowds) expect(check(crowd.events, await crowd.aftermath()).slice(0, 5)).toEqual([]);
  const sendCount = crowds.reduce((sum, crowd) => sum + crowd.sendCount, 0);
  console.log(`kill: ${rounds} kills, ${sendCount} messages, ${openAtKill} without an outcome at a kill`);
}, 60_000);

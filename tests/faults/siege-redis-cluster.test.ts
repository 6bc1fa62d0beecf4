// A whole cluster on a Redis Cluster of three masters with a replica each, of which masters are killed under load: what was acknowledged
// is there, once and in order, who missed something is told so, and a replica takes over without a hand.

import { afterAll, beforeAll, setDefaultTimeout, test } from 'bun:test';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { describeWith } from '@hongyan/testing/services';
import { Siege } from './siege.ts';

setDefaultTimeout(180_000);

const random = createRandom(testSeed('siege of a Redis Cluster'));
/** What each round checks. */
const title = '[D1][D2][D3][D4][D5][D7][R2][R3]';

describeWith(['mysql', 'kafka', 'redis'], 'a cluster under siege, on a Redis Cluster', () => {
  let siege: Siege;
  beforeAll(async () => {
    siege = await Siege.start({ name: 'r', random, hasRedisCluster: true });
  });
  afterAll(() => siege?.end());

  test(`${title} a Redis master is killed`, () => siege.strike('redis-master'));
  test(`${title}[N7] a Redis master and a core are killed`, () => siege.strike('redis-master', 'core'));
});

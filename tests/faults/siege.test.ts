// A whole cluster whose processes and servers are killed, alone and in pairs, under load: what was acknowledged is there, once and in
// order, whoever cannot be served is told so, and everything comes back without a hand.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { openDirect, signUp } from '@hongyan/testing/http-client';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { describeWith } from '@hongyan/testing/services';
import { WireClient } from '@hongyan/testing/wire-client';
import { type Kind, processKinds, Siege, serverKinds } from './siege.ts';

setDefaultTimeout(500_000);

const random = createRandom(testSeed('siege'));
/** Pairs of the seed's choice, beside the ones below. */
const pairs = Number(process.env.HONGYAN_FAULT_PAIRS ?? 1);
/** Longer than a core's session at Kafka, so that its partitions have other owners when it goes on. */
const pausedMs = 8_000;
/** What each round checks. */
const title = '[D1][D2][D3][D4][D5][D7][T1]';

describeWith(['mysql', 'kafka', 'redis'], 'a cluster under siege', () => {
  let siege: Siege;
  beforeAll(async () => {
    siege = await Siege.start({ name: 's', random, workers: 1 });
  });
  afterAll(() => siege?.end());

  test('[K10] while the database stands still, a sender is told that the log has its message', async () => {
    const [gateway] = siege.cluster.gateways;
    const mariadb = siege.services.server('mariadb');
    const url = gateway?.url ?? '';
    const [ann, bob] = [await signUp(url, 'held.ann'), await signUp(url, 'held.bob')];
    const conversationId = await openDirect(url, ann, bob.userId);
    const sender = await WireClient.open({ url, ...ann, deviceId: 'phone' });
    const send = (clientMsgId: string) =>
      sender.send({ conversationId, clientMsgId, content: { type: 'text', text: clientMsgId } });
    expect(await send('before')).toMatchObject({ type: 'acked' });
    mariadb.pause();
    const outcome = send('held');
    try {
      const told = await sender.next(({ type }) => type === 'sent');
      expect(told).toEqual({ type: 'sent', conversation_id: conversationId, client_msg_id: 'held' });
    } finally {
      mariadb.resume();
    }
    expect(await outcome).toMatchObject({ type: 'acked' });
    await sender.close();
  });

  test(`${title}[N7] a core is killed`, () => siege.strike('core'));
  test(`${title} a gateway is killed: its clients are back on the other one`, () => siege.strike('gateway'));

  test(`${title}[K3] a core stands still past its session, and goes on: it stores nothing of what it lost`, () =>
    siege.fault(
      'a core, paused',
      async (mended) => {
        const paused = siege.oneOf(siege.cluster.cores);
        process.kill(paused.pid, 'SIGSTOP');
        mended();
        await Bun.sleep(pausedMs);
        process.kill(paused.pid, 'SIGCONT');
      },
      { isLossReported: true },
    ));

  test(`${title} MariaDB and a worker are killed`, () => siege.strike('mariadb', 'worker'));
  test(`${title}[K1] Kafka is killed`, () => siege.strike('kafka-1'));
  test(`${title} a core and MariaDB are killed`, () => siege.strike('core', 'mariadb'));
  test(`${title}[R2] a gateway and Redis are killed`, () => siege.strike('gateway', 'redis'));
  test(`${title}[K1] Kafka and a core are killed`, () => siege.strike('kafka-1', 'core'));

  test(`${title}[K1] Kafka is killed while its partitions are shared out anew`, () =>
    siege.fault('kafka-1, during a rebalance', async (mended) => {
      const { cluster, services } = siege;
      // Its leaving begins the rebalance, its successor's joining the next one.
      const leaving = siege.oneOf(cluster.cores).stop();
      await siege.moment(800);
      await services.server('kafka-1').kill();
      await services.server('kafka-1').start();
      mended();
      await leaving;
      await cluster.startCore();
    }));

  for (let pair = 0; pair < pairs; pair++) {
    const kinds: readonly Kind[] = [...processKinds, ...serverKinds];
    const one = pickFrom(kinds);
    const other = pickFrom(kinds.filter((kind) => kind !== one));
    test(`${title} of any two: ${one} and ${other} are killed`, () => siege.strike(one, other));
  }
});

function pickFrom<T>(items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

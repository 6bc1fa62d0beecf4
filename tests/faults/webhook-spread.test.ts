// Workers of a cluster that share several endpoints, under load: one joins, one is killed, one leaves. Each endpoint is sent everything, in
// the order of each conversation, and nothing twice but for a kill.

import { afterEach, expect, test } from 'bun:test';
import { signUp } from '@hongyan/testing/http-client';
import { askOperator } from '@hongyan/testing/operator';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { describeWith } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import { WebhookReceiver } from '@hongyan/testing/webhook-receiver';
import { WireClient } from '@hongyan/testing/wire-client';
import { ClusterUnderTest } from '../cluster-server.ts';
import { killServers, removeDataFolders, type ServerProcess } from '../server-process.ts';
import { expectAllDelivered, peers, senderOf, write } from './webhook-load.ts';

const endpointCount = 6;
const env = {
  HONGYAN_WEBHOOK_PRIVATE_ADDRESSES: 'true',
  HONGYAN_WEBHOOK_RETRY_MS: '10',
  HONGYAN_WEBHOOK_ATTEMPTS_MAX: '100',
};

interface Endpoint {
  readonly id: string;
  readonly receiver: WebhookReceiver;
}

describeWith(['mysql', 'kafka', 'redis'], 'endpoints of several workers', () => {
  let endpoints: Endpoint[] = [];
  afterEach(async () => {
    await killServers();
    await removeDataFolders();
    await Promise.all(endpoints.map(({ receiver }) => receiver.stop()));
    endpoints = [];
  });

  test('[W1][W4][W5] each worker has its share; one that joins gets some, one that is killed or stopped gives all', async () => {
    const random = createRandom(testSeed('webhook spread'));
    const cluster = await ClusterUnderTest.start({ env, workers: 1 });
    const url = cluster.gateways[0]?.url ?? '';
    const ann = await signUp(url, 'ann');
    for (const peer of peers) await signUp(url, peer);
    for (let number = 0; number < endpointCount; number++) {
      const receiver = new WebhookReceiver(() => (random() < 0.05 ? 500 : 200));
      const wanted = { url: receiver.url, types: ['message.created'] };
      const { body } = await askOperator(cluster.dataDir, 'POST', '/admin/v1/webhooks', wanted);
      receiver.secrets = [String(body.secret)];
      endpoints.push({ id: String(body.id), receiver });
    }
    const shares = async (): Promise<readonly number[]> => {
      const senders = await Promise.all(endpoints.map(({ id }) => senderOf(cluster, id)));
      return cluster.workers.map((worker) => senders.filter((sender) => sender === worker).length);
    };
    /** Returns how long it took until each worker had so many endpoints, and each endpoint was sent something after that. */
    const untilShares = async (...expected: readonly number[]): Promise<number> => {
      const beganMs = performance.now();
      const isSo = async () => Bun.deepEquals(await shares(), expected);
      await until(isSo, { withinMs: 60_000, what: `shares of ${expected}` });
      const soMs = performance.now();
      const isSent = ({ receiver }: Endpoint) => receiver.received.some(({ atMs }) => atMs > soMs);
      await until(() => endpoints.every(isSent), { withinMs: 60_000, what: 'something for every endpoint' });
      return Math.round(performance.now() - beganMs);
    };
    /** Deliveries of what was delivered already, when everything that is acknowledged by now is delivered. */
    const repeats = async (): Promise<number> => {
      const keys = [...acked.keys()];
      const hasAll = ({ receiver }: Endpoint) => {
        const delivered = new Set(receiver.events.map(({ data }) => String(data.client_msg_id)));
        return keys.every((key) => delivered.has(key));
      };
      await until(() => endpoints.every(hasAll), { withinMs: 60_000, what: 'what was acknowledged to be delivered' });
      return endpoints.reduce((sum, { receiver }) => sum + repeatsOf(receiver), 0);
    };
    const acked = new Map<string, number>();
    const wire = await WireClient.open({ url, token: ann.token, userId: ann.userId, deviceId: 'phone' });
    const load = write(wire, { acked, random, round: 0, pauseMs: 50 });

    await untilShares(6);
    await cluster.startWorker();
    const joinedMs = await untilShares(3, 3);
    expect(await repeats()).toBe(0);

    await Bun.sleep(random() * 500);
    const victim = Math.floor(random() * 2);
    await cluster.workers[victim]?.kill();
    const takenMs = await untilShares(...(victim === 0 ? [0, 6] : [6, 0]));
    const repeatsByKill = await repeats();

    await cluster.startWorker();
    await untilShares(...(victim === 0 ? [0, 3, 3] : [3, 0, 3]));
    expect(await repeats()).toBe(repeatsByKill);
    const leaving = cluster.workers[1 - victim] ?? missing();
    const left = leaving.stop();
    const givenMs = await untilShares(0, 0, 6);
    expect(await left).toBe(0);
    expect(await repeats()).toBe(repeatsByKill);

    await wire.close();
    await load;
    for (const { receiver } of endpoints) await expectAllDelivered(receiver, acked);
    console.log(
      `webhook spread: ${acked.size} messages to ${endpointCount} endpoints; all had a sender ${joinedMs} ms after a join, ` +
        `${takenMs} ms after a kill (${repeatsByKill} repeats), ${givenMs} ms after a stop`,
    );
  }, 240_000);
});

function repeatsOf({ received, events }: WebhookReceiver): number {
  return received.filter(({ status }) => status === 200).length - events.length;
}

function missing(): ServerProcess {
  throw new Error('there is such a worker');
}

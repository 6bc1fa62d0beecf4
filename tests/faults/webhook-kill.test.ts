// kill -9 at random moments while messages are sent and delivered to a receiver that fails at random: no event is lost, each has one
// webhook-id, and in each conversation they come in their order. In a cluster the same of the workers.

import { afterEach, test } from 'bun:test';
import { signUp } from '@hongyan/testing/http-client';
import { askOperator } from '@hongyan/testing/operator';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { until } from '@hongyan/testing/until';
import { WebhookReceiver } from '@hongyan/testing/webhook-receiver';
import { WireClient } from '@hongyan/testing/wire-client';
import { ClusterUnderTest, clusterAddresses } from '../cluster-server.ts';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, startServer } from '../server-process.ts';
import { expectAllDelivered, peers, senderOf, write } from './webhook-load.ts';

const rounds = Number(process.env.HONGYAN_FAULT_ROUNDS ?? 12);
const loadMsMax = 250;
const env = {
  HONGYAN_WEBHOOK_PRIVATE_ADDRESSES: 'true',
  HONGYAN_WEBHOOK_RETRY_MS: '10',
  HONGYAN_WEBHOOK_ATTEMPTS_MAX: '100',
  HONGYAN_WEBHOOK_TIMEOUT_MS: '300',
};

let receiver: WebhookReceiver | undefined;
afterEach(async () => {
  await killServers();
  await removeDataFolders();
  await receiver?.stop();
});

test(`[W1][W4][W5] ${rounds} kills lose no event, invent none, and keep the order of each conversation`, async () => {
  const random = createRandom(testSeed('webhook kill'));
  const own = new WebhookReceiver(async () => {
    const share = random();
    // Now and then a receiver fails, and now and then it hangs for longer than it may.
    if (share < 0.02) await Bun.sleep(400);
    return share < 0.2 ? 500 : 200;
  });
  receiver = own;
  const dataDir = await dataFolder('webhook-kill');
  let server: ServerProcess = await startServer({ dataDir, env });
  const ann = await signUp(server.url, 'ann');
  for (const peer of peers) await signUp(server.url, peer);
  const added = await askOperator(dataDir, 'POST', '/admin/v1/webhooks', { url: own.url, types: ['message.created'] });
  own.secrets = [String(added.body.secret)];
  const acked = new Map<string, number>();
  for (let round = 0; round < rounds; round++) {
    const wire = await WireClient.open({ url: server.url, token: ann.token, userId: ann.userId, deviceId: 'phone' });
    const load = write(wire, { acked, random, round });
    const before = acked.size;
    await until(() => acked.size > before, { withinMs: 30_000, what: 'a message to be acknowledged' });
    await Bun.sleep(random() * loadMsMax);
    await server.kill();
    await load;
    server = await startServer({ dataDir, port: server.port, env });
  }
  await expectAllDelivered(own, acked);
  const repeats = own.received.filter(({ status }) => status === 200).length - own.events.length;
  console.log(
    `webhook kill: ${rounds} kills, ${acked.size} messages, ${own.received.length} requests, ${repeats} repeats`,
  );
}, 240_000);

const isThere = clusterAddresses() !== undefined;
if (!isThere && process.env.CI === 'true')
  throw new Error('MySQL, Kafka and Redis are not all up: run tools/services up');
if (!isThere)
  console.warn('SKIPPED: webhooks of a cluster: MySQL, Kafka and Redis are not all up; run tools/services up');

test.skipIf(!isThere)(
  '[W1][W4][W5] in a cluster a worker that sends is killed, and one stands still and goes on: another sends instead, and no event is lost',
  async () => {
    const random = createRandom(testSeed('webhook workers'));
    receiver = new WebhookReceiver(() => (random() < 0.1 ? 500 : 200));
    const own = receiver;
    const cluster = await ClusterUnderTest.start({ env });
    await Promise.all([cluster.startWorker(), cluster.startWorker()]);
    const url = cluster.gateways[0]?.url ?? '';
    const ann = await signUp(url, 'ann');
    for (const peer of peers) await signUp(url, peer);
    const wanted = { url: own.url, types: ['message.created'] };
    const added = await askOperator(cluster.dataDir, 'POST', '/admin/v1/webhooks', wanted);
    own.secrets = [String(added.body.secret)];
    const acked = new Map<string, number>();
    const wire = await WireClient.open({ url, token: ann.token, userId: ann.userId, deviceId: 'phone' });
    const load = write(wire, { acked, random, round: 0, pauseMs: 20 });
    const takeovers: number[] = [];
    for (const fault of ['kill', 'pause', 'kill'] as const) {
      const sender = await senderOf(cluster, String(added.body.id));
      await until(() => own.events.length > 20, { what: 'events under way' });
      await Bun.sleep(random() * 500);
      const beganMs = performance.now();
      if (fault === 'kill') await sender.kill();
      else process.kill(sender.pid, 'SIGSTOP');
      await until(() => own.received.some(({ atMs }) => atMs > beganMs + 1_000), {
        withinMs: 60_000,
        what: 'another worker to send',
      });
      takeovers.push(Math.round(performance.now() - beganMs));
      if (fault === 'kill') await cluster.startWorker();
      else process.kill(sender.pid, 'SIGCONT');
    }
    await wire.close();
    await load;
    await expectAllDelivered(own, acked);
    await until(async () => {
      const { body } = await askOperator(cluster.dataDir, 'GET', `/admin/v1/webhooks/${added.body.id}`);
      return body.behind === 0 && body.waiting === 0 && body.dead_letters === 0;
    });
    console.log(`webhook workers: ${acked.size} messages, another worker sent after ${takeovers.join(', ')} ms`);
  },
  240_000,
);

// kill -9 at random moments while messages are sent and delivered to a receiver that fails at random: no event is lost, each has one
// webhook-id, and in each conversation they come in their order. In a cluster the same of the workers.

import { afterEach, expect, test } from 'bun:test';
import { signUp } from '@hongyan/testing/http-client';
import { askOperator } from '@hongyan/testing/operator';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { until } from '@hongyan/testing/until';
import { WebhookReceiver } from '@hongyan/testing/webhook-receiver';
import { WireClient } from '@hongyan/testing/wire-client';
import { ClusterUnderTest, clusterAddresses } from '../cluster-server.ts';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, startServer } from '../server-process.ts';

const rounds = Number(process.env.HONGYAN_FAULT_ROUNDS ?? 12);
const loadMsMax = 250;
const inFlightMax = 6;
const peers = ['bob', 'carol', 'dave', 'erin'];
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
    const senders = new Senders(cluster);
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
      const sender = await senders.next();
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

/** Who sends, by the logs of the workers. */
class Senders {
  readonly #cluster: ClusterUnderTest;
  readonly #known = new Map<ServerProcess, number>();

  constructor(cluster: ClusterUnderTest) {
    this.#cluster = cluster;
  }

  /** The one that has begun since the last time. */
  async next(): Promise<ServerProcess> {
    let found: ServerProcess | undefined;
    await until(
      () => {
        found = this.#cluster.workers.find(
          (worker) => worker.isAlive() && timesBegun(worker) > this.#timesKnown(worker),
        );
        return found !== undefined;
      },
      { withinMs: 30_000, what: 'a worker to send' },
    );
    if (!found) throw new Error('it was there a moment ago');
    for (const worker of this.#cluster.workers) this.#known.set(worker, timesBegun(worker));
    return found;
  }

  #timesKnown(worker: ServerProcess): number {
    return this.#known.get(worker) ?? 0;
  }
}

const timesBegun = (worker: ServerProcess): number =>
  worker.output().split('sending to a webhook endpoint begins').length - 1;

/** Each acknowledged message, in the order of its conversation, under one id, signed. */
async function expectAllDelivered(own: WebhookReceiver, acked: ReadonlyMap<string, number>): Promise<void> {
  await until(
    () => {
      const delivered = new Set(own.events.map(({ data }) => String(data.client_msg_id)));
      return [...acked.keys()].every((key) => delivered.has(key));
    },
    { withinMs: 60_000, what: 'every acknowledged message to be delivered' },
  );
  const lastSeq = new Map<string, number>();
  for (const { data } of own.events) {
    const [conversation, seq] = [String(data.conversation_id), Number(data.seq)];
    expect({ conversation, seq }).toEqual({ conversation, seq: (lastSeq.get(conversation) ?? 0) + 1 });
    lastSeq.set(conversation, seq);
    const key = String(data.client_msg_id);
    // What was not acknowledged may have been committed all the same.
    if (acked.has(key)) expect({ key, seq: acked.get(key) }).toEqual({ key, seq });
  }
  const idByPlace = new Map<string, string>();
  for (const { event, headers, validSecrets } of own.received) {
    const place = `${event.data.conversation_id} ${event.data.seq}`;
    const id = headers.get('webhook-id') ?? '';
    expect({ place, id: idByPlace.get(place) ?? id, validSecrets }).toEqual({ place, id, validSecrets: 1 });
    idByPlace.set(place, id);
  }
}

/** Until the connection ends. */
async function write(
  wire: WireClient,
  load: {
    readonly acked: Map<string, number>;
    readonly random: () => number;
    readonly round: number;
    /** Of each writer, between two messages. */
    readonly pauseMs?: number;
  },
): Promise<void> {
  let isOver = false;
  void wire.closed.then(() => {
    isOver = true;
  });
  let count = 0;
  const writer = async () => {
    while (!isOver) {
      const to = peers[Math.floor(load.random() * peers.length)] ?? 'bob';
      const client_msg_id = `${load.round} ${++count}`;
      const content = { type: 'text', text: client_msg_id };
      const ack = await wire.request({ type: 'send', to, client_msg_id, content });
      if (ack?.type === 'ack') load.acked.set(client_msg_id, Number(ack.seq));
      if (load.pauseMs !== undefined) await Bun.sleep(load.pauseMs);
    }
  };
  await Promise.all(Array.from({ length: inFlightMax }, writer));
}

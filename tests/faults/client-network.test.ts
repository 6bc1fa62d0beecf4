// The client library on a network that delays, splits, stalls and cuts, while clients are closed, crash and come back.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { type Client, type ClientStorage, createClient, createMemoryStorage, type SendTarget } from '@hongyan/client';
import { browserSignals } from '@hongyan/client/network-signals';
import { type Account, createGroup, readFully, signUp } from '@hongyan/testing/http-client';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { until } from '@hongyan/testing/until';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, startServer } from '../server-process.ts';
import { type ClientFacts, type ClientRun, checkClients, type SentMessage } from './client-checker.ts';
import { HostileProxy } from './hostile-proxy.ts';

/** How long the network is bad, and how long everyone has after that. */
const hostileMs = 9_000;
const calmMsMax = 15_000;
const requestTimeoutMs = 700;

let server: ServerProcess;
beforeAll(async () => {
  server = await startServer({ dataDir: await dataFolder('client-network') });
}, 30_000);
afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

test('[C1][C2][C4] on a network that cuts, stalls and delays nothing is lost, doubled or out of order', async () => {
  const seed = testSeed('client network');
  const random = createRandom(seed);
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', onUnhandled);
  const proxy = await HostileProxy.open({ targetPort: server.port, seed: seed + 1 });
  const accounts = await Promise.all(['ann', 'bob', 'cid'].map((name) => signUp(server.url, `${name}-${seed}`)));
  const devices = accounts.map((account, index) => new Device({ account, url: proxy.url, seed: seed + 2 + index }));
  try {
    await Promise.all(devices.map((device) => device.begin(server.url)));
    const targets = await targetsOf(accounts);
    const endMs = performance.now() + hostileMs;
    await Promise.all(
      devices.map(async (device, index) => {
        while (performance.now() < endMs) {
          for (let left = Math.ceil(random() * 8); left > 0; left--) device.send(pick(random, targets[index] ?? []));
          if (random() < 0.03) await device.reopen(random() < 0.5 ? 'closed' : 'crashed');
          await Bun.sleep(random() * 120);
        }
      }),
    );
    proxy.calm();
    proxy.cutAll();
    await Promise.all(devices.map((device) => device.untilIdle()));
    const reads = await Promise.all(
      targets.flatMap((ofUser, index) =>
        ofUser.map(({ conversationId }) => readFully(server.url, accounts[index] as Account, conversationId)),
      ),
    );
    await until(() => checkClients(factsOf(devices, reads)).length === 0, { withinMs: calmMsMax }).catch(() => {});
    const facts = factsOf(devices, reads);
    expect(checkClients(facts)).toEqual([]);
    expectCaught(facts);
    expect(facts.sent.length).toBeGreaterThan(300);
    expect(Math.min(...Object.values(proxy.done))).toBeGreaterThan(0);
    // What was acknowledged leaves the kept outbox with the next write, at the latest with the last one.
    await Promise.all(devices.map((device) => device.client.close()));
    for (const device of devices) expect(await device.leftInOutbox()).toEqual([]);
    console.log(`${facts.sent.length} sends, ${facts.runs.length} runs`, proxy.done);
  } finally {
    await Promise.all(devices.map((device) => device.client.close()));
    proxy.close();
    process.off('unhandledRejection', onUnhandled);
  }
  expect(unhandled).toEqual([]);
}, 40_000);

describe('the checker itself', () => {
  const entry = (seq: number) => ({
    ...{ msg_id: `m${seq}`, conversation_id: 'c', seq, from: 'ann', client_msg_id: `k${seq}`, content: {} },
  });
  const told = (...seqs: number[]) => seqs.map((seq) => ({ conversationId: 'c', seq, clientMsgId: `k${seq}` }));
  const run = (seqs: readonly number[], hasCrashed = false): ClientRun => ({
    ...{ userId: 'ann', deviceId: 'phone', told: told(...seqs), hasCrashed },
  });
  const facts = (runs: readonly ClientRun[], sent: readonly SentMessage[] = []): ClientFacts => ({
    runs,
    sent,
    reads: [{ userId: 'ann', conversationId: 'c', firstSeq: 1, lastSeq: 4, entries: [1, 2, 3, 4].map(entry) }],
  });
  const sent = (clientMsgId: string, seq?: number): SentMessage => ({
    ...{ userId: 'ann', clientMsgId, isKept: true },
    ...(seq === undefined ? {} : { resolved: { conversationId: 'c', seq } }),
  });
  const rulesOf = (given: ClientFacts) => checkClients(given).map(({ rule }) => rule);

  test('finds nothing where nothing is wrong, also where a crashed run is told again', () => {
    expect(rulesOf(facts([run([1, 2]), run([3, 4])], [sent('k1', 1), sent('k2')]))).toEqual([]);
    expect(rulesOf(facts([run([1, 2, 3], true), run([2, 3, 4])]))).toEqual([]);
    expect(rulesOf(facts([run([1, 2, 3, 4], true), run([]), run([2]), run([3, 4])]))).toEqual([]);
  });

  test.each([
    ['a loss in a run', [run([1, 2, 4])]],
    ['a loss between runs', [run([1]), run([3, 4])]],
    ['a double in a run', [run([1, 2, 2, 3, 4])]],
    ['a double after a clean close', [run([1, 2]), run([2, 3, 4])]],
    ['a wrong order', [run([1, 3, 2, 4])]],
    ['a loss after a crash', [run([1], true), run([3, 4])]],
    ['a double after a crash and a clean close', [run([1, 2, 3], true), run([2, 3]), run([3, 4])]],
  ])('[C1] finds %s', (_what, runs) => {
    expect(rulesOf(facts(runs))).toContain('C1');
  });

  test('[C2] finds a device that did not catch up', () => {
    expect(rulesOf(facts([run([1, 2, 3])]))).toEqual(['C2']);
  });

  test('[C4] finds a send that is lost, that took effect twice, that is elsewhere', () => {
    const runs = [run([1, 2, 3, 4])];
    expect(rulesOf(facts(runs, [sent('k9')]))).toEqual(['C4']);
    expect(rulesOf(facts(runs, [sent('k1', 2)]))).toEqual(['C4']);
    const doubled = facts(runs, [sent('k1', 1)]);
    const [read] = doubled.reads;
    const twice = { ...entry(5), client_msg_id: 'k1' };
    const reads = read ? [{ ...read, lastSeq: 4, entries: [...read.entries, twice] }] : [];
    expect(rulesOf({ ...doubled, reads })).toEqual(['C4']);
  });
});

/** The same facts with one message lost, or told twice: the check that found nothing must find these. */
function expectCaught(facts: ClientFacts): void {
  const index = facts.runs.findIndex(({ told }) => told.length > 2);
  const withTold = (change: (told: ClientRun['told']) => ClientRun['told']) => ({
    ...facts,
    runs: facts.runs.map((run, at) => (at === index ? { ...run, told: change(run.told) } : run)),
  });
  expect(checkClients(withTold((told) => told.toSpliced(1, 1)))).not.toEqual([]);
  expect(checkClients(withTold((told) => told.flatMap((one, at) => (at === 1 ? [one, one] : [one]))))).not.toEqual([]);
}

type Target = SendTarget & { readonly conversationId: string };

/** For each account: the group of all, and the direct conversations with the others. */
async function targetsOf(accounts: readonly Account[]): Promise<Target[][]> {
  const [owner, ...others] = accounts;
  if (!owner) return [];
  const memberIds = others.map(({ userId }) => userId);
  const group = await createGroup(server.url, owner, memberIds);
  return accounts.map(({ userId }) => [
    { conversationId: group } as Target,
    ...accounts
      .filter((other) => other.userId !== userId)
      .map((other) => ({
        to: other.userId as never,
        conversationId: `d:${[userId, other.userId].sort().join(':')}` as never,
      })),
  ]);
}

/** One device through all its runs, on one storage. */
class Device {
  readonly #account: Account;
  readonly #random: () => number;
  readonly #url: string;
  readonly #kept = createMemoryStorage();
  readonly runs: ClientRun[] = [];
  readonly sent: SentMessage[] = [];
  #cutStorage: () => void = () => {};
  client: Client;

  constructor({ account, url, seed }: { account: Account; url: string; seed: number }) {
    this.#account = account;
    this.#url = url;
    this.#random = createRandom(seed);
    this.client = this.#createClient(url);
  }

  /** Begins on a good network, so that the device has begun before the first message. */
  async begin(serverUrl: string): Promise<void> {
    const first = this.#createClient(serverUrl);
    await first.connect();
    await first.close();
    await this.reopen('closed');
  }

  /** A client that crashes keeps nothing from some moment on. */
  async reopen(how: 'closed' | 'crashed'): Promise<void> {
    const run = this.runs.at(-1);
    if (how === 'crashed') {
      this.#cutStorage();
      if (run) run.hasCrashed = true;
    }
    await this.client.close();
    this.client = this.#createClient(this.#url);
    this.client.connect().catch(() => 'closed before it was online');
  }

  send(target: Target): void {
    const clientMsgId = crypto.randomUUID() as never;
    const sent: SentMessage = { userId: this.#account.userId, clientMsgId, isKept: false };
    this.sent.push(sent);
    const content = { type: 'text', text: '鸿'.repeat(1 + Math.floor(this.#random() ** 4 * 1500)) };
    const { conversationId } = target;
    this.client
      .send('to' in target ? { to: target.to } : { conversationId: conversationId as never }, content, { clientMsgId })
      .then(
        ({ conversationId, seq }) => {
          sent.resolved = { conversationId, seq: Number(seq) };
        },
        (error: unknown) => {
          throw error;
        },
      );
  }

  /** Online, with nothing left to send. */
  async untilIdle(): Promise<void> {
    // Late hellos of several earlier runs look like another client that lives: then the user is asked, here the test.
    const { state } = this.client;
    if (state.type === 'closed' && state.reason === 'replaced') await this.client.connect();
    const isIdle = () => this.client.state.type === 'online' && this.client.outbox().length === 0;
    await until(isIdle, { withinMs: calmMsMax }).catch((cause: unknown) => {
      throw new Error(`still ${JSON.stringify(this.client.state)}, ${this.client.outbox().length} to send`, { cause });
    });
  }

  async leftInOutbox() {
    return (await this.#kept.load()).outbox;
  }

  #createClient(url: string): Client {
    const run: ClientRun = {
      userId: this.#account.userId,
      deviceId: this.#account.userId,
      told: [],
      hasCrashed: false,
    };
    this.runs.push(run);
    const client = createClient(
      { url, token: () => this.#account.token, storage: this.#storageOfRun(), requestTimeoutMs },
      // Shorter waits than a real client's: the time of a test is short.
      { clock: systemClock, random: () => this.#random() * 0.1, signals: browserSignals },
    );
    client.on('message', ({ conversationId, seq, clientMsgId }) =>
      run.told.push({ conversationId, seq: Number(seq), clientMsgId }),
    );
    return client;
  }

  /** The device's storage as one run sees it: once cut, nothing is written any more. */
  #storageOfRun(): ClientStorage {
    let isCut = false;
    this.#cutStorage = () => {
      isCut = true;
    };
    const write =
      <A extends unknown[]>(call: (...args: A) => Promise<void>) =>
      async (...args: A) => {
        // Storages answer in their own time.
        await Bun.sleep(0);
        if (!isCut) await call(...args);
      };
    return {
      messageBytesMax: this.#kept.messageBytesMax,
      load: () => this.#kept.load(),
      messages: (range) => this.#kept.messages(range),
      saveMeta: write(this.#kept.saveMeta),
      putOutbox: write(async (item) => {
        await this.#kept.putOutbox(item);
        const sent = this.sent.find(({ clientMsgId }) => clientMsgId === item.message.clientMsgId);
        if (sent) sent.isKept = true;
      }),
      deleteOutbox: write(this.#kept.deleteOutbox),
      putConversations: write(this.#kept.putConversations),
      deleteConversation: write(this.#kept.deleteConversation),
      clear: write(this.#kept.clear),
    };
  }
}

const factsOf = (devices: readonly Device[], reads: ClientFacts['reads']): ClientFacts => ({
  runs: devices.flatMap(({ runs }) => runs),
  sent: devices.flatMap(({ sent }) => sent),
  reads,
});

function pick<T>(random: () => number, items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

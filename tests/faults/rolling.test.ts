// Restarts under load with real clients: nothing acknowledged is lost, and no client is told of an error.

import { afterAll, afterEach, expect, test } from 'bun:test';
import { type Client, createClient } from '@hongyan/client';
import { type Account, createGroup, readFully, signUp } from '@hongyan/testing/http-client';
import { until } from '@hongyan/testing/until';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, startServer } from '../server-process.ts';
import { type ClientRun, checkClients, type SentMessage } from './client-checker.ts';

const users = 8;
const boundMs = 40_000;

afterEach(killServers);
afterAll(removeDataFolders);

/** A few clients in one group, who write until they are stopped. */
class Chatters {
  readonly #url: string;
  readonly #accounts: readonly Account[];
  readonly #group: string;
  readonly #clients: readonly Client[];
  readonly #runs: readonly ClientRun[];
  readonly #sent: SentMessage[] = [];
  readonly errors: unknown[] = [];
  #isWriting = true;

  private constructor(url: string, accounts: readonly Account[], group: string) {
    this.#url = url;
    this.#accounts = accounts;
    this.#group = group;
    this.#runs = accounts.map(({ userId }) => ({ userId, deviceId: userId, told: [], hasCrashed: false }));
    this.#clients = accounts.map(({ token }) => createClient({ url, token: () => token }));
    this.#clients.forEach((client, index) => {
      client.on('message', ({ conversationId, seq, clientMsgId }) =>
        this.#runs[index]?.told.push({ conversationId, seq: Number(seq), clientMsgId }),
      );
      client.on('warning', (warning) => this.errors.push(warning));
    });
  }

  static async gather(url: string): Promise<Chatters> {
    const accounts = await Promise.all(Array.from({ length: users }, (_, index) => signUp(url, `user${index}`)));
    const [owner, ...others] = accounts;
    if (owner === undefined) throw new Error('there are users');
    const group = await createGroup(
      url,
      owner,
      others.map(({ userId }) => userId),
    );
    const chatters = new Chatters(url, accounts, group);
    await Promise.all(chatters.#clients.map((client) => client.connect()));
    return chatters;
  }

  get resolvedCount(): number {
    return this.#sent.filter(({ resolved }) => resolved !== undefined).length;
  }

  /** Until `finish`: each user sends, reads a page, and asks over HTTP. */
  async write(): Promise<void> {
    await Promise.all(this.#clients.map((client, index) => this.#writeOne(client, index)));
  }

  async finish(): Promise<void> {
    this.#isWriting = false;
    await until(() => this.#clients.every(({ state }) => state.type === 'online'), { withinMs: boundMs });
    await until(() => this.#clients.every((client) => client.outbox().length === 0), { withinMs: boundMs });
  }

  /** [C1][C2][C4] and nothing that resolved is missing. */
  async violations() {
    const facts = async () => {
      const reads = await Promise.all(this.#accounts.map((account) => readFully(this.#url, account, this.#group)));
      // What stood there before the clients came: the group's beginning.
      const beginning = (reads[0]?.entries ?? []).slice(0, 1).map(({ conversation_id, seq, client_msg_id }) => ({
        ...{ conversationId: conversation_id, seq, clientMsgId: client_msg_id },
      }));
      const runs = this.#runs.map((run) => ({ ...run, told: [...beginning, ...run.told] }));
      return { runs, sent: this.#sent, reads };
    };
    await until(async () => checkClients(await facts()).length === 0, { withinMs: boundMs }).catch(() => {});
    return checkClients(await facts());
  }

  async leave(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  async #writeOne(client: Client, index: number): Promise<void> {
    const conversationId = this.#group as never;
    for (let no = 0; this.#isWriting; no++) {
      const clientMsgId = `${index}-${no}` as never;
      const sent: SentMessage = { userId: this.#accounts[index]?.userId ?? '', clientMsgId, isKept: true };
      this.#sent.push(sent);
      try {
        const { seq } = await client.send({ conversationId }, { type: 'text', text: String(no) }, { clientMsgId });
        sent.resolved = { conversationId, seq: Number(seq) };
        await client.history({ conversationId, beforeSeq: (Number(seq) + 1) as never, limit: 5 });
        await client.getUser(`user${(index + 1) % users}` as never);
      } catch (error) {
        this.errors.push(error);
      }
      await Bun.sleep(5);
    }
  }
}

test('[O20][O21][D1][C4] one process is stopped and started again under load: no send is lost, no call of a client fails', async () => {
  const dataDir = await dataFolder('restart');
  const args = ['--drain-seconds', '2'];
  let server = await startServer({ dataDir, args });
  const { url, port } = server;
  const chatters = await Chatters.gather(url);
  const writing = chatters.write();
  for (let round = 0; round < 2; round++) {
    const before = chatters.resolvedCount;
    await until(() => chatters.resolvedCount > before + 50, { withinMs: boundMs });
    expect(await server.stop()).toBe(0);
    server = await startServer({ dataDir, port, args });
  }
  const after = chatters.resolvedCount;
  await until(() => chatters.resolvedCount > after + 50, { withinMs: boundMs });
  await chatters.finish();
  await writing;
  expect(chatters.errors.slice(0, 3)).toEqual([]);
  expect(await chatters.violations()).toEqual([]);
  await chatters.leave();
  expect(await server.stop()).toBe(0);
}, 120_000);

test('[O22][D1][C4] gateways are replaced one after another under load: no send is lost, no call of a client fails', async () => {
  const args = ['--gateways', '3', '--drain-seconds', '2'];
  const server = await startServer({ dataDir: await dataFolder('rolling'), args });
  await until(() => startsOf(server) === 3, { withinMs: boundMs });
  const chatters = await Chatters.gather(server.url);
  const writing = chatters.write();
  await until(() => chatters.resolvedCount > 50, { withinMs: boundMs });
  process.kill(server.pid, 'SIGUSR2');
  await until(() => server.output().includes('gateway processes replaced'), { withinMs: boundMs });
  expect(startsOf(server)).toBe(6);
  const after = chatters.resolvedCount;
  await until(() => chatters.resolvedCount > after + 50, { withinMs: boundMs });
  await chatters.finish();
  await writing;
  expect(chatters.errors.slice(0, 3)).toEqual([]);
  expect(await chatters.violations()).toEqual([]);
  expect(server.output()).not.toContain('gateway process died');
  await chatters.leave();
  expect(await server.stop()).toBe(0);
}, 120_000);

test('[O20] a second signal ends a stop at once, with 130, and what was acknowledged is there', async () => {
  const dataDir = await dataFolder('impatient');
  let server = await startServer({ dataDir, args: ['--drain-delay-seconds', '60'] });
  const ann = await signUp(server.url, 'ann');
  const group = await createGroup(server.url, ann, []);
  process.kill(server.pid, 'SIGTERM');
  await until(async () => (await fetch(`${server.url}/readyz`)).status === 503, { withinMs: boundMs });
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  process.kill(server.pid, 'SIGTERM');
  expect(await server.left()).toBe(130);
  server = await startServer({ dataDir, port: server.port });
  expect((await readFully(server.url, ann, group)).conversationId).toBe(group);
});

/** Gateway processes that became ready so far. */
const startsOf = (server: ServerProcess): number => server.output().split('gateway process is ready').length - 1;

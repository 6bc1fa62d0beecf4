// Rate limits against real servers: one bucket per user behind every door and gateway, others not held up, clients that wait.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type Client, type ConversationId, createClient, createMemoryStorage, type UserId } from '@hongyan/client';
import { call } from '@hongyan/testing/http-client';
import { operatorUrlOf } from '@hongyan/testing/operator';
import { killServers, removeDataFolders, type ServerProcess } from '../server-process.ts';
import { Person, text } from './people.ts';
import { profiles } from './profiles.ts';

setDefaultTimeout(120_000);

const free = { perS: 10, burst: 20 };

describe.each(profiles)('limits on $name', (profile) => {
  let server: ServerProcess;
  let count = 0;
  const clients: Client[] = [];
  beforeAll(async () => {
    server = await profile.start({ HONGYAN_DEFAULT_TIER: 'free', HONGYAN_TIERS: 'free=10/20/1,paid=100/200/1000' });
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await killServers();
    await removeDataFolders();
  });
  /** As the back end does, at the operator listener. */
  async function setTier(userId: string, tier: string): Promise<number> {
    const url = await operatorUrlOf(server.dataDir);
    const token = (await Bun.file(`${server.dataDir}/operator-token`).text()).trim();
    const init = { method: 'PUT', headers: { authorization: `Bearer ${token}` }, body: JSON.stringify({ tier }) };
    return (await fetch(`${url}/admin/v1/users/${userId}/tier`, init)).status;
  }
  const join = () => Person.join(server.url, `user-${++count}`);
  const toSelf = ({ account: { userId } }: Person) => `d:${userId}:${userId}`;

  test('[L2] connections on any gateway and HTTP draw on one bucket: never more than burst + rate × time', async () => {
    const ann = await join();
    const devices = await Promise.all(['phone', 'laptop', 'tablet', 'watch'].map((id) => ann.device(id)));
    const startedMs = performance.now();
    let accepted = 0;
    let key = 0;
    while (performance.now() - startedMs < 3_000) {
      const sends = devices.map((device) =>
        device.send({ conversationId: toSelf(ann), clientMsgId: `k${++key}`, content: text('x') }),
      );
      const { token } = ann.account;
      const [me, ...outcomes] = await Promise.all([call(server.url, '/v1/me', { token }), ...sends]);
      accepted += me.status === 200 ? 1 : 0;
      // Slower than what closes a connection.
      await Bun.sleep(30);
      for (const outcome of outcomes) {
        if (outcome.type === 'acked') accepted++;
        else expect(outcome).toEqual({ type: 'refused', code: 'rate_limited' });
      }
    }
    const elapsedS = (performance.now() - startedMs) / 1000;
    expect(accepted).toBeLessThanOrEqual(free.burst + free.perS * elapsedS + 1);
    expect(accepted).toBeGreaterThanOrEqual(free.burst + free.perS * 2);
    await Promise.all(devices.map((device) => device.close()));
  });

  test('[L2] while one user floods, each request of another is served, and the flood is closed with 4101', async () => {
    const [flooder, other] = [await join(), await join()];
    const [flood, quiet] = [await flooder.device('phone'), await other.device('phone')];
    let isFlooding = true;
    const flooding = (async () => {
      for (let key = 0; isFlooding; key++) {
        flood.raw(
          JSON.stringify({
            type: 'send',
            id: key,
            conversation_id: toSelf(flooder),
            client_msg_id: `f${key}`,
            content: text('x'),
          }),
        );
        if (key % 50 === 0) await Bun.sleep(1);
      }
    })();
    for (let key = 0; key < 30; key++) {
      const outcome = await quiet.send({ conversationId: toSelf(other), clientMsgId: `q${key}`, content: text('x') });
      expect(outcome.type).toBe('acked');
      await Bun.sleep(1000 / free.perS);
    }
    expect(await flood.closed).toMatchObject({ code: 4101 });
    isFlooding = false;
    await flooding;
    await quiet.close();
  });

  test('[C12] the client library sends more than its rate by waiting: all of it, in order, on one connection', async () => {
    const ann = await join();
    const { userId, token } = ann.account;
    const states: string[] = [];
    const client = createClient({ url: server.url, token: () => token, storage: createMemoryStorage() });
    clients.push(client);
    client.on('state', ({ type }) => states.push(type));
    await client.connect();
    const conversationId = toSelf(ann) as ConversationId;
    const sent = await Promise.all(
      Array.from({ length: 50 }, (_, index) => client.send({ to: userId as UserId }, text(`message ${index}`))),
    );
    expect(new Set(sent.map(({ seq }) => seq)).size).toBe(50);
    const bySeq = sent.toSorted((a, b) => (a.seq ?? 0) - (b.seq ?? 0)).map(({ content }) => content.text);
    // What was under way together when the bucket ran dry may be stored later; everything else keeps its place.
    expect(bySeq.slice(0, 16)).toEqual(Array.from({ length: 16 }, (_, index) => `message ${index}`));
    expect(states.filter((state) => state === 'reconnecting')).toEqual([]);
    // Requests over HTTP wait too: the bucket is empty now.
    expect((await client.getUser(userId as UserId)).user_id).toBe(userId as UserId);
    for (let more = 0; more < 30; more++) await client.searchUsers('user');
    expect((await client.history({ conversationId })).messages.length).toBeGreaterThan(0);
  });

  test('[L3] a tier that the back end sets holds for a user at once', async () => {
    const ann = await join();
    const { userId, token } = ann.account;
    const passed = async () => {
      const answers = await Promise.all(Array.from({ length: 100 }, () => call(server.url, '/v1/me', { token })));
      return answers.filter(({ status }) => status === 200).length;
    };
    expect(await passed()).toBeLessThan(60);
    expect(await setTier(userId, 'gold')).toBe(404);
    expect(await setTier(userId, 'unlimited')).toBe(204);
    expect(await passed()).toBe(100);
  });

  test('[L4] one address makes twenty accounts, another still makes its own, and guesses at one account are bounded', async () => {
    const post = (path: string, from: string, body: object) => {
      const headers = { 'x-forwarded-for': from };
      return fetch(server.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    };
    const password = 'correct horse battery';
    const signUp = async (from: string) => {
      const body = { user_id: `user-${++count}`, password };
      return (await post('/v1/auth/signup', from, body)).status;
    };
    const statuses: number[] = [];
    for (let more = 0; more < 22; more++) statuses.push(await signUp('192.0.2.1'));
    expect(statuses.filter((status) => status === 201).length).toBeWithin(20, 22);
    expect(statuses).toContain(429);
    expect(await signUp('192.0.2.2')).toBe(201);
    const body = { user_id: `user-${count}`, password: 'a wrong guess' };
    const guesses: number[] = [];
    for (let more = 0; more < 15; more++) guesses.push((await post('/v1/auth/login', '192.0.2.3', body)).status);
    expect(guesses.filter((status) => status === 401).length).toBeWithin(10, 14);
    expect(guesses).toContain(429);
    expect((await post('/v1/auth/login', '192.0.2.2', { ...body, password })).status).toBe(200);
  });

  test('[L6] a user that stores its part of the day is refused before the disk is full, and others go on', async () => {
    const [ann, bob] = [await join(), await join()];
    const [large, other] = [await ann.device('phone'), await bob.device('phone')];
    const content = text('x'.repeat(30_000));
    const outcomes: string[] = [];
    for (let key = 0; key < 20; key++) {
      const outcome = await large.send({ conversationId: toSelf(ann), clientMsgId: `k${key}`, content });
      outcomes.push(outcome.type);
    }
    // Half of 1 MiB at once.
    expect(outcomes.filter((type) => type === 'acked').length).toBeWithin(15, 18);
    const refused = await large.request({ type: 'send', conversation_id: toSelf(ann), client_msg_id: 'k', content });
    expect(refused).toMatchObject({ code: 'rate_limited', retry_after_ms: expect.any(Number) });
    const outcome = await other.send({ conversationId: toSelf(bob), clientMsgId: 'k', content });
    expect(outcome.type).toBe('acked');
    await Promise.all([large.close(), other.close()]);
  });
});

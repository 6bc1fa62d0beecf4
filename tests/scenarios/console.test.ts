// What the console asks a running server: how it is, who is where, how far a message came; and what it changes: who stays connected.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { call } from '@hongyan/testing/http-client';
import { askOperator } from '@hongyan/testing/operator';
import { until } from '@hongyan/testing/until';
import { killServers, removeDataFolders, type ServerProcess } from '../server-process.ts';
import { messageWith, Person, text } from './people.ts';
import { profiles } from './profiles.ts';

setDefaultTimeout(60_000);
const secretWords = 'what nobody but bob may read';

describe.each(profiles)('the console on $name', (profile) => {
  let server: ServerProcess;
  let alice: Person;
  let bob: Person;
  const operator = (method: string, path: string, body?: unknown) => askOperator(server.dataDir, method, path, body);
  const overview = async () => (await operator('GET', '/admin/v1/overview')).body as unknown as Overview;

  beforeAll(async () => {
    server = await profile.start({
      HONGYAN_TRACE_URL: 'http://me:secret@127.0.0.1:1/v1/traces',
      HONGYAN_TRACE_ONE_IN: '1',
    });
    [alice, bob] = [await Person.join(server.url, 'alice'), await Person.join(server.url, 'bob')];
  });
  afterAll(async () => {
    await killServers();
    await removeDataFolders();
  });

  test('[O30] the overview has this moment, and points of the time before in all processes together', async () => {
    const device = await alice.device('a1');
    await until(
      async () => {
        await device.request({ type: 'send', to: 'bob', client_msg_id: crypto.randomUUID(), content: text('x') });
        return (await overview()).points.some((point) => point.messages_per_s > 0 && point.ack_p99_ms !== null);
      },
      { withinMs: 20_000 },
    );
    const found = await overview();
    expect(found.status).toBe('ready');
    expect(found.checks.disk).toEqual({ status: 'ok' });
    expect(found.processes.every(({ is_up, memory_bytes }) => is_up && memory_bytes > 1024 * 1024)).toBe(true);
    expect(found.processes.reduce((sum, { connections }) => sum + connections, 0)).toBe(1);
    expect(found.queues.map(({ queue }) => queue)).toContain('commands');
    const point = found.points.find(({ messages_per_s }) => messages_per_s > 0);
    expect(point?.ack_p50_ms).toBeLessThanOrEqual(point?.ack_p99_ms ?? 0);
    expect(point?.entries_per_commit).toBeGreaterThanOrEqual(1);
    await device.close();
  });

  test('[O31] users are found and shown with their devices and conversations', async () => {
    const device = await bob.device('b1');
    await device.request({ type: 'send', to: 'alice', client_msg_id: crypto.randomUUID(), content: text('x') });
    expect((await operator('GET', '/admin/v1/users?query=ali')).body.users).toMatchObject([{ user_id: 'alice' }]);
    const first = await operator('GET', '/admin/v1/users?limit=1');
    expect(first.body).toMatchObject({ users: [{ user_id: 'alice' }], next: 'alice' });
    const second = await operator('GET', '/admin/v1/users?limit=5&after=alice');
    expect(second.body.users).toMatchObject([{ user_id: 'bob', online: true }]);
    const one = await operator('GET', '/admin/v1/users/bob');
    expect(one.body).toMatchObject({ tier: null, conversations: 1, devices: [{ device_id: 'b1', online: true }] });
    const conversations = await operator('GET', '/admin/v1/users/bob/conversations');
    expect(conversations.body.conversations).toMatchObject([{ conversation_id: 'd:alice:bob', kind: 'direct' }]);
    const members = await operator('GET', '/admin/v1/conversations/d:alice:bob/members');
    expect(members.body.members).toMatchObject([{ user_id: 'alice' }, { user_id: 'bob' }]);
    for (const path of ['users/nobody', 'users/nobody/conversations', 'conversations/d:x:y', 'messages/none'])
      expect(await operator('GET', `/admin/v1/${path}`)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await operator('GET', '/admin/v1/users?limit=many')).toMatchObject({ status: 400 });
    await device.close();
  });

  test('[O31] conversations are listed, and found by id, title or member, in pages', async () => {
    const carl = await Person.join(server.url, 'carl');
    const ids = await Promise.all(
      ['Climbing at weekends', 'Weekend walks', 'Climbers'].map(async (title) => {
        const body = { kind: 'group', title, members: ['alice'] };
        const { token } = carl.account;
        const answer = await call(server.url, '/v1/conversations', { method: 'POST', token, body });
        return String(answer.body.conversation_id);
      }),
    );
    const asked = async (query: string) => (await operator('GET', `/admin/v1/conversations?${query}`)).body;
    const titles = async (query: string) =>
      ((await asked(query)).conversations as readonly { readonly title: string }[]).map(({ title }) => title);
    expect(await titles('query=climb')).toEqual(['Climbers', 'Climbing at weekends']);
    expect(await asked('query=CLIMB&limit=1')).toMatchObject({ conversations: [{ title: 'Climbers' }], is_cut: true });
    const found: unknown[] = [];
    for (let after = ''; ; ) {
      const page = await asked(`query=g:&limit=2${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`);
      found.push(...(page.conversations as readonly { readonly conversation_id: string }[]));
      if (page.next === undefined) break;
      after = String(page.next);
    }
    expect(found.map((one) => (one as { readonly conversation_id: string }).conversation_id)).toEqual(ids.toSorted());
    expect((await titles('member=CARL')).toSorted()).toEqual(['Climbers', 'Climbing at weekends', 'Weekend walks']);
    expect(await titles('member=nobody')).toEqual([]);
    expect(await asked('query=d:alice:bob')).toMatchObject({ conversations: [{ kind: 'direct', member_count: 2 }] });
    expect(await operator('GET', '/admin/v1/conversations?query=a&member=b')).toMatchObject({ status: 400 });
  });

  test('[O32] a message is followed to each member and device, and nothing tells what it says', async () => {
    const [sending, receiving] = [await alice.device('a1'), await bob.device('b1')];
    const send = { type: 'send', to: 'bob', client_msg_id: 'followed', content: text(secretWords) };
    const ack = (await sending.request(send)) as unknown as { readonly msg_id: string; readonly seq: number };
    await receiving.next(messageWith('followed'));
    receiving.receipt('read', 'd:alice:bob', ack.seq);
    const journey = async (id: string) => (await operator('GET', `/admin/v1/messages/${id}`)).body;
    await until(async () => JSON.stringify(await journey(ack.msg_id)).includes('"read_count":1'));
    const found = await journey('followed');
    expect(found).toEqual(await journey(ack.msg_id));
    expect(found.messages).toMatchObject([
      {
        message: { msg_id: ack.msg_id, from: 'alice', seq: ack.seq, content_type: 'text' },
        members: [
          { user_id: 'alice' },
          { user_id: 'bob', status: 'read', devices: [{ device_id: 'b1', status: 'read' }] },
        ],
      },
    ]);
    const conversation = (await operator('GET', '/admin/v1/conversations/d:alice:bob')).body;
    expect(conversation).toMatchObject({ last_seq: ack.seq, messages: ack.seq, member_count: 2 });
    expect(JSON.stringify([found, conversation])).not.toContain(secretWords);
    await Promise.all([sending.close(), receiving.close()]);
  });

  test('[O34] a session is closed in the process that has it, and another process knows nothing of it', async () => {
    const device = await alice.device('kicked');
    const places = (await overview()).processes.map(({ name }) => name);
    const closed = await Promise.all(
      places.map(async (name) => {
        const { body } = await operator('GET', `/debug/connections?process=${name}&user_id=alice`);
        const [found] = body.connections as readonly { readonly session_id: string }[];
        const id = found?.session_id ?? 'not-here';
        return (await operator('POST', `/debug/sessions/${id}/close?process=${name}`)).status;
      }),
    );
    expect(closed.filter((status) => status === 204)).toHaveLength(1);
    expect(closed.filter((status) => status === 404)).toHaveLength(places.length - 1);
    expect((await device.closed).code).toBe(4000);
  });

  test('[O34] a user is signed out on one device or everywhere', async () => {
    const carol = await Person.join(server.url, 'carol');
    const [one, unknown] = [await carol.device('c1'), 'c9'];
    const path = '/admin/v1/users/carol/sign-out';
    expect(await operator('POST', path, { device_id: unknown })).toMatchObject({ status: 404 });
    expect(await operator('POST', '/admin/v1/users/nobody/sign-out', {})).toMatchObject({ status: 404 });
    expect((await operator('POST', path, { device_id: 'c1' })).status).toBe(204);
    expect((await one.closed).code).toBe(4201);
    const dan = await Person.join(server.url, 'dan');
    const devices = await Promise.all([dan.device('d1'), dan.device('d2')]);
    expect((await operator('POST', '/admin/v1/users/dan/sign-out', {})).status).toBe(204);
    for (const device of devices) expect((await device.closed).code).toBe(4201);
  });

  test('[O33] the configuration in force names the source of each value, and no password of an address', async () => {
    const { body } = await operator('GET', '/admin/v1/configuration');
    const options = body.options as readonly { readonly name: string }[];
    const named = (name: string) => options.find((option) => option.name === name);
    expect(named('data')).toMatchObject({ value: server.dataDir, source: 'flag' });
    expect(named('default-tier')).toMatchObject({ value: 'unlimited', source: 'environment', default: 'free' });
    expect(named('page-max')).toMatchObject({ source: 'default', unit: 'entries' });
    expect(named('trace-url')).toMatchObject({ value: 'http://…@127.0.0.1:1/v1/traces' });
    expect(JSON.stringify(body)).not.toContain('secret@');
  });
});

interface Overview {
  readonly status: string;
  readonly checks: Readonly<Record<string, unknown>>;
  readonly processes: readonly {
    readonly name: string;
    readonly is_up: boolean;
    readonly memory_bytes: number;
    readonly connections: number;
  }[];
  readonly queues: readonly { readonly queue: string }[];
  readonly points: readonly {
    readonly messages_per_s: number;
    readonly ack_p50_ms: number | null;
    readonly ack_p99_ms: number | null;
    readonly entries_per_commit: number | null;
  }[];
}

// Events out, as an application's back end receives them: what is sent for what happens, signed, in order, and again after a failure.

import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { eventSchemas, isEventType } from '@hongyan/protocol/events';
import { checkShape } from '@hongyan/protocol/parse';
import { call, createGroup } from '@hongyan/testing/http-client';
import { askOperator } from '@hongyan/testing/operator';
import { until } from '@hongyan/testing/until';
import { type ReceivedEvent, WebhookReceiver } from '@hongyan/testing/webhook-receiver';
import type { WireClient } from '@hongyan/testing/wire-client';
import { Registrar } from '../registrar.ts';
import { killServers, removeDataFolders, type ServerProcess } from '../server-process.ts';
import { Person, text } from './people.ts';
import { profiles } from './profiles.ts';

setDefaultTimeout(60_000);

const env = {
  HONGYAN_WEBHOOK_PRIVATE_ADDRESSES: 'true',
  HONGYAN_WEBHOOK_RETRY_MS: '20',
  HONGYAN_WEBHOOK_ATTEMPTS_MAX: '4',
  HONGYAN_WEBHOOK_TIMEOUT_MS: '2000',
};
const webhooksPath = '/admin/v1/webhooks';

async function newKey(dataDir: string, scope: string): Promise<string> {
  const made = await askOperator(dataDir, 'POST', '/admin/v1/keys', { name: 'of the test', scopes: [scope] });
  expect(made.status).toBe(200);
  return String(made.body.key);
}

/** Empty when the event has the shape that is declared for its type. */
function shapeProblem(event: ReceivedEvent): string {
  if (!isEventType(event.type)) return `unknown type ${event.type}`;
  const checked = checkShape(eventSchemas[event.type], event, 'event');
  return checked.type === 'ok' ? '' : checked.message;
}

describe.each(profiles)('webhooks on $name', (profile) => {
  let server: ServerProcess;
  let alice: Person;
  let bob: Person;
  let receiver: WebhookReceiver;
  let endpointId: string;
  const opened: WireClient[] = [];
  const receivers: WebhookReceiver[] = [];

  const operator = (method: string, path: string, body?: unknown) => askOperator(server.dataDir, method, path, body);
  async function listen(more: object = {}, answering?: ConstructorParameters<typeof WebhookReceiver>[0]) {
    const own = new WebhookReceiver(answering);
    receivers.push(own);
    const added = await operator('POST', webhooksPath, { url: own.url, ...more });
    expect(added).toMatchObject({ status: 200 });
    own.secrets = [String(added.body.secret)];
    return { own, id: String(added.body.id) };
  }
  async function device(person: Person, id: string): Promise<WireClient> {
    const wire = await person.device(id);
    opened.push(wire);
    return wire;
  }
  let keys = 0;
  const send = async (wire: WireClient, to: string, value: string, more: object = {}) => {
    const target = to.includes(':') ? { conversation_id: to } : { to };
    const frame = {
      type: 'send',
      ...target,
      client_msg_id: `${profile.name} ${++keys}`,
      content: text(value),
      ...more,
    };
    const ack = await wire.request(frame);
    expect(ack).toMatchObject({ type: 'ack' });
    return ack as unknown as { readonly msg_id: string; readonly conversation_id: string; readonly seq: number };
  };

  beforeAll(async () => {
    server = await profile.start(env);
    alice = await Person.join(server.url, 'alice');
    bob = await Person.join(server.url, 'bob');
    ({ own: receiver, id: endpointId } = await listen());
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((wire) => wire.close()));
  });
  afterAll(async () => {
    await killServers();
    await removeDataFolders();
    await Promise.all(receivers.map((own) => own.stop()));
  });

  test('[W1][W3] a message, its edit, reaction, pin and recall arrive signed, in order, in the declared shape', async () => {
    const a = await device(alice, 'a');
    const ack = await send(a, 'bob', 'first');
    const target = { conversation_id: ack.conversation_id, target_seq: ack.seq };
    const change = (type: string, more: object = {}) =>
      a.request({ type, ...target, client_msg_id: `${type} ${ack.seq}`, ...more });
    await change('edit', { content: text('second') });
    await change('react', { key: '👍', op: 'add' });
    await change('pin');
    const reply = await send(a, ack.conversation_id, 'a reply', { reply_to: { seq: ack.seq }, mentions: ['bob'] });
    await receiver.next(({ data }) => data.msg_id === reply.msg_id);
    await change('recall', { reason: 'a slip' });
    await receiver.next(({ type }) => type === 'message.recalled');
    const own = receiver.events.filter(({ type }) => !type.startsWith('user.'));
    expect(own.map(({ type }) => type)).toEqual([
      ...['conversation.created', 'message.created', 'message.edited', 'message.reacted', 'message.pinned'],
      ...['message.created', 'message.recalled'],
    ]);
    expect(own[0]?.data).toMatchObject({ kind: 'direct', from: 'alice', user_ids: ['bob'] });
    expect(own[1]?.data).toMatchObject({ msg_id: ack.msg_id, from: 'alice', to: 'bob', content: text('first') });
    expect(own[2]?.data).toMatchObject({ target_seq: ack.seq, target_msg_id: ack.msg_id, content: text('second') });
    expect(own[3]?.data).toMatchObject({ changes: [{ user_id: 'alice', key: '👍', op: 'add' }] });
    expect(own[4]?.data).toMatchObject({ pinned: true });
    expect(own[5]?.data).toMatchObject({ reply_to: { seq: ack.seq }, mentions: ['bob'] });
    expect(own[6]?.data).toMatchObject({ target_msg_id: ack.msg_id, reason: 'a slip' });
    // [E5] The log of events never had the text that was recalled.
    if (profile.name !== 'cluster')
      for (const name of ['events.db', 'events.db-wal'])
        expect(await Bun.file(join(server.dataDir, name)).text()).not.toContain('"first"');
    for (const { event, headers, validSecrets } of receiver.received) {
      expect({ type: event.type, problem: shapeProblem(event), validSecrets }).toEqual({
        ...{ type: event.type, problem: '', validSecrets: 1 },
      });
      expect(headers.get('webhook-id')).toBe(event.id);
    }
  });

  test('[W7][W8] receipts and presence arrive: coming, what was received and read, going', async () => {
    const a = await device(alice, 'a');
    const ack = await send(a, 'bob', 'to be read');
    const b = await bob.device('b');
    await receiver.next(({ type, data }) => type === 'user.online' && data.user_id === 'bob');
    b.raw(JSON.stringify({ type: 'read', conversation_id: ack.conversation_id, seq: ack.seq }));
    const isBobs = ({ data }: ReceivedEvent) => data.user_id === 'bob' && data.conversation_id === ack.conversation_id;
    const read = await receiver.next((event) => event.type === 'message.read' && isBobs(event));
    expect(read.data).toMatchObject({ delivered_seq: ack.seq, read_seq: ack.seq });
    await receiver.next((event) => event.type === 'message.delivered' && isBobs(event));
    await b.close();
    await receiver.next(({ type, data }) => type === 'user.offline' && data.user_id === 'bob');
    for (const { event } of receiver.received)
      expect({ type: event.type, problem: shapeProblem(event) }).toEqual({ type: event.type, problem: '' });
  });

  test('[W1] a device that was registered arrives, and again with a new firmware', async () => {
    const registrar = Registrar.of(server.url, await newKey(server.dataDir, 'devices:register'));
    const device_token = 'a-device-of-the-webhooks';
    for (const firmware of ['1.0', '1.0', '1.1']) {
      const answer = await registrar.post('register', { device_token, model: 'P1', firmware });
      expect(answer.status).toBe(202);
    }
    await receiver.next(({ type, data }) => type === 'device.registered' && data.firmware === '1.1');
    const own = receiver.events.filter(({ type }) => type === 'device.registered');
    expect(own.at(-1)?.data).toMatchObject({ device_token, model: 'P1' });
    for (const event of own) expect(shapeProblem(event)).toBe('');
  });

  test('[W1] a group is told from its creation to its changes', async () => {
    const conversationId = await createGroup(server.url, alice.account, ['bob']);
    const path = `/v1/conversations/${conversationId}`;
    const { token } = alice.account;
    const carol = await Person.join(server.url, 'carol');
    for (const [method, at, body] of [
      ['PUT', `${path}/members/${carol.account.userId}`, {}],
      ['PATCH', `${path}/members/bob`, { role: 'admin' }],
      ['PATCH', path, { title: 'renamed', rules: { post: 'admins' } }],
      ['DELETE', `${path}/members/carol`, undefined],
    ] as const)
      expect((await call(server.url, at, { method, token, body })).status).toBeLessThan(300);
    await receiver.next(
      ({ type, data }) => type === 'conversation.member_left' && data.conversation_id === conversationId,
    );
    const own = receiver.events.filter(({ data }) => data.conversation_id === conversationId);
    expect(own.map(({ type }) => type)).toEqual([
      ...['conversation.created', 'conversation.member_joined', 'conversation.role_changed'],
      ...['conversation.updated', 'conversation.updated', 'conversation.member_left'],
    ]);
    expect(own[0]?.data).toMatchObject({ kind: 'group', title: 'group under test', user_ids: ['bob'], user_count: 1 });
    for (const event of own) expect(shapeProblem(event)).toBe('');
  });

  test('[W4] an endpoint gets the types that it asked for, from its adding on', async () => {
    const { own } = await listen({ types: ['message.created'] });
    const a = await device(alice, 'a');
    const ack = await send(a, 'bob', 'of one type');
    await a.request({
      type: 'pin',
      conversation_id: ack.conversation_id,
      target_seq: ack.seq,
      client_msg_id: 'pin of one type',
    });
    const last = await send(a, 'bob', 'the last');
    await own.next(({ data }) => data.msg_id === last.msg_id);
    expect(own.events.map(({ data }) => data.msg_id)).toEqual([ack.msg_id, last.msg_id]);
    const unknown = await operator('POST', webhooksPath, { url: own.url, types: ['message.sent'] });
    expect(unknown).toMatchObject({ status: 400, body: { detail: expect.stringContaining('message.created') } });
  });

  test('[W4][W5] a failing conversation is tried again in its order and does not hold up the others', async () => {
    const failures = new Map<string, number>();
    const isBad = ({ data }: ReceivedEvent) => String(data.conversation_id) === 'd:alice:bob';
    const { own } = await listen({ types: ['message.created'] }, (event) => {
      if (!isBad(event)) return 200;
      const count = failures.get(event.id) ?? 0;
      failures.set(event.id, count + 1);
      return count < 2 ? new Response('', { status: 503, headers: count === 0 ? { 'retry-after': '0' } : {} }) : 200;
    });
    const a = await device(alice, 'a');
    const bad = [await send(a, 'bob', 'bad 1'), await send(a, 'bob', 'bad 2')];
    const good = await send(a, 'carol', 'good');
    await own.next(({ data }) => data.msg_id === bad[1]?.msg_id);
    const inOrder = own.events.filter(isBad).map(({ data }) => data.msg_id);
    expect(inOrder).toEqual(bad.map(({ msg_id }) => msg_id));
    const goodAt = own.received.findIndex(({ event }) => event.data.msg_id === good.msg_id);
    const doneAt = own.received.findIndex(
      ({ event, status }) => event.data.msg_id === bad[1]?.msg_id && status === 200,
    );
    expect(goodAt).toBeLessThan(doneAt);
    expect(
      new Set(own.received.filter(({ event }) => isBad(event)).map(({ headers }) => headers.get('webhook-id'))).size,
    ).toBe(2);
  });

  test('[W5][W9] after the last attempt an event is a dead letter, which is replayed', async () => {
    let isBroken = true;
    const { own, id } = await listen({ types: ['message.created'] }, () => (isBroken ? 500 : 200));
    const a = await device(alice, 'a');
    const ack = await send(a, 'bob', 'to a dead end');
    const deadLetters = async () =>
      (await operator('GET', `${webhooksPath}/${id}/dead-letters`)).body.dead_letters as unknown[];
    await until(async () => (await deadLetters()).length === 1);
    expect(own.received.map(({ event }) => event.data.msg_id)).toEqual(Array(4).fill(ack.msg_id));
    const { body } = await operator('GET', `${webhooksPath}/${id}/attempts`);
    expect(body.attempts).toMatchObject(Array(4).fill({ status: 500, error: 'HTTP 500', type: 'message.created' }));
    isBroken = false;
    expect((await operator('POST', `${webhooksPath}/${id}/replay`, { dead: true })).body).toEqual({ replayed: 1 });
    await own.next(({ data }) => data.msg_id === ack.msg_id);
    expect(await deadLetters()).toEqual([]);
  });

  test('[W9] a replay from a position delivers what came after it, with the same ids', async () => {
    const { own, id } = await listen({ types: ['message.created'] });
    const a = await device(alice, 'a');
    for (const word of ['one', 'two', 'three']) await send(a, 'bob', word);
    await until(() => own.received.length === 3);
    const [first] = own.received;
    await operator('POST', `${webhooksPath}/${id}/replay`, { after: first?.event.position });
    await until(() => own.received.length === 5);
    const ids = own.received.map(({ headers }) => headers.get('webhook-id'));
    expect(ids.slice(3)).toEqual(ids.slice(1, 3));
    // Half of a request for something else is no request for everything.
    const position = first?.event.position;
    for (const wrong of [{ after: 'x.1' }, { position }, { after: position, dead: true }])
      expect(await operator('POST', `${webhooksPath}/${id}/replay`, wrong)).toMatchObject({ status: 400 });
  });

  test('[E5][W9] what is delivered again after a recall has no text any more, of the message and of its edits', async () => {
    const { own, id } = await listen({ types: ['message.created', 'message.edited'] });
    const a = await device(alice, 'a');
    const { conversation_id, seq: target_seq } = await send(a, 'bob', 'to be forgotten');
    const change = (type: string, more: object = {}) =>
      a.request({ type, conversation_id, target_seq, client_msg_id: `${type} ${++keys}`, ...more });
    expect(await change('edit', { content: text('forgotten too') })).toMatchObject({ type: 'ack' });
    await until(() => own.received.length === 2);
    const before = own.received.splice(0);
    expect(before.map(({ event }) => event.data.content)).toEqual([text('to be forgotten'), text('forgotten too')]);
    expect(await change('recall')).toMatchObject({ type: 'ack' });
    await operator('POST', `${webhooksPath}/${id}/replay`, {});
    const again = () => own.received.filter(({ event }) => before.some((one) => one.event.id === event.id));
    await until(() => again().length === 2);
    for (const { body } of again()) expect(body).not.toContain('forgotten');
    expect(again()[0]?.event.data.content).toEqual({ type: 'hongyan.recalled' });
  });

  test('[W5] 410 disables an endpoint, and it goes on where it was when it is enabled', async () => {
    let isGone = true;
    const { own, id } = await listen({ types: ['message.created'] }, () => (isGone ? 410 : 200));
    const a = await device(alice, 'a');
    const ack = await send(a, 'bob', 'to nobody');
    const view = async () => (await operator('GET', `${webhooksPath}/${id}`)).body;
    await until(async () => (await view()).enabled === false);
    expect(await view()).toMatchObject({ disabled_reason: expect.stringContaining('410') });
    isGone = false;
    await operator('PATCH', `${webhooksPath}/${id}`, { enabled: true });
    await own.next(({ data }) => data.msg_id === ack.msg_id);
  });

  test('[W3] while its secret rotates, an endpoint gets both signatures', async () => {
    const { own, id } = await listen({ types: ['message.created'] });
    const { body } = await operator('POST', `${webhooksPath}/${id}/rotate`, {});
    own.secrets.push(String(body.secret));
    expect((await operator('POST', `${webhooksPath}/${id}/test`)).body).toMatchObject({
      outcome: 'delivered',
      status: 200,
    });
    expect(own.received[0]).toMatchObject({
      validSecrets: 2,
      event: { type: 'webhook.test', data: { endpoint_id: id } },
    });
    const again = await operator('POST', `${webhooksPath}/${id}/rotate`, { overlap_hours: 0 });
    own.secrets = [String(again.body.secret), String(body.secret)];
    await operator('POST', `${webhooksPath}/${id}/test`);
    expect(own.received[1]).toMatchObject({ validSecrets: 1 });
  });

  test('[W4] what happened while no server ran or its deliveries failed arrives after a restart', async () => {
    let isBroken = true;
    const { own } = await listen({ types: ['message.created'] }, () => (isBroken ? 500 : 200));
    const wire = await alice.device('a');
    const ack = await send(wire, 'bob', 'before the kill');
    await until(() => own.received.length > 0);
    await server.kill();
    isBroken = false;
    server = await profile.restart(server, env);
    await own.next(({ data }) => data.msg_id === ack.msg_id);
  });

  test('[W10] pulled events are those that a webhook gets, page by page, and the next one is waited for', async () => {
    const pulling = await profile.start({ ...env, HONGYAN_EVENTS_PULL: 'true' });
    const pull = (query: string) => askOperator(pulling.dataDir, 'GET', `/admin/v1/events?${query}`);
    const dave = await Person.join(pulling.url, 'dave');
    await Person.join(pulling.url, 'erin');
    const wire = await dave.device('d');
    opened.push(wire);
    for (const word of ['one', 'two', 'three']) await send(wire, 'erin', word);
    const words: unknown[] = [];
    let position = '';
    await until(async () => {
      const query = `types=message.created&limit=2${position === '' ? '' : `&after=${position}`}`;
      const { body } = await pull(query);
      for (const event of body.events as ReceivedEvent[]) {
        expect(shapeProblem(event)).toBe('');
        words.push((event.data.content as { readonly text: string }).text);
      }
      position = String(body.position);
      return words.length === 3 && body.has_more === false;
    });
    expect(words).toEqual(['one', 'two', 'three']);
    const waiting = pull(`types=message.created&wait_s=20&after=${position}`);
    await send(wire, 'erin', 'four');
    expect((await waiting).body.events).toMatchObject([{ data: { content: text('four') } }]);
    const key = await newKey(pulling.dataDir, 'events:read');
    const { status, body } = await call(pulling.url, '/v1/events?types=message.created&limit=1', { token: key });
    expect([status, body]).toMatchObject([200, { events: [{ data: { content: text('one') } }], has_more: true }]);
    for (const query of ['after=x.1', 'limit=0', 'limit=501', 'wait_s=31', 'types=nothing'])
      expect([query, (await pull(query)).status]).toEqual([query, 400]);
    expect(await operator('GET', '/admin/v1/events')).toMatchObject({ status: 409 });
  });

  test('[W4] a removed endpoint gets nothing more', async () => {
    expect((await operator('DELETE', `${webhooksPath}/${endpointId}`)).status).toBe(204);
    const { own } = await listen({ types: ['message.created'] });
    const count = receiver.received.length;
    const a = await device(alice, 'a');
    const ack = await send(a, 'bob', 'after the removal');
    await own.next(({ data }) => data.msg_id === ack.msg_id);
    expect(receiver.received.length).toBe(count);
  });
});

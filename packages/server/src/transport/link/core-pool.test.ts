// Several cores as one: which core receives a request, which requests are retried, and authentication.

import { afterEach, expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { ok } from '@hongyan/base/result';
import type { ClientMsgId, ConversationId, MsgId } from '@hongyan/protocol/ids';
import type { Output } from '@hongyan/protocol/operations/operations';
import { failure, type Result } from '@hongyan/protocol/refusals';
import { until } from '@hongyan/testing/until';
import type { Core } from '../../ports/core/core.ts';
import { caller, codeOf, deviceCaller, seq, user } from '../../ports/core/testing/gateway-side.ts';
import { MemoryEventBus } from '../../ports/event-bus/memory-event-bus.ts';
import { type CorePlace, CorePool } from './core-pool.ts';
import { type CoreServer, serveCore } from './core-server.ts';
import type { LinkSecurity } from './security.ts';
import { SilentProxy } from './testing/silent-proxy.ts';

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const one of cleanUp.splice(0).reverse()) await one();
});

const secretOf = (text: string): Uint8Array => new TextEncoder().encode(text.padEnd(32, '.'));
const security: LinkSecurity = { secret: secretOf('of the cluster') };
type Sent = Result<Output<'send'>>;

/** Records the requests; answers sends while `isAnswering`. */
class CoreUnderTest {
  readonly sent: string[] = [];
  readonly created: string[] = [];
  readonly sessions = new Set<string>();
  isAnswering = true;
  answer: (key: ClientMsgId) => Sent = answer;
  readonly #held = new Map<string, (sent: Sent) => void>();
  #server: CoreServer | undefined;

  constructor(readonly name: string) {}

  get place(): CorePlace {
    return { name: this.name, address: `127.0.0.1:${this.#server?.port}`, isDraining: false };
  }

  async serve(linkSecurity: LinkSecurity = security): Promise<this> {
    const core = {
      send: (_caller, { client_msg_id }) => {
        this.sent.push(client_msg_id);
        return this.isAnswering
          ? Promise.resolve(this.answer(client_msg_id))
          : new Promise((resolve) => this.#held.set(client_msg_id, resolve));
      },
      createConversation: () => {
        this.created.push('one');
        return new Promise(() => {});
      },
      openSession: async ({ caller: { sessionId } }) => {
        this.sessions.add(sessionId);
        return ok({ conversationIds: [], epoch: this.name });
      },
      closeSession: async ({ caller: { sessionId } }) => void this.sessions.delete(sessionId),
    } as Partial<Core> as Core;
    this.#server = await serveCore({
      ...{ core, bus: new MemoryEventBus(), clock: systemClock, log: silentLog },
      listen: { type: 'tcp', address: { hostname: '127.0.0.1', port: 0 }, security: linkSecurity },
      backlogBytesMax: 1_000_000,
      sessionsOutliveLinks: true,
    });
    cleanUp.push(() => this.stop());
    return this;
  }

  /** Answers a send that was held. */
  finish(key: string): void {
    this.#held.get(key)?.(answer(key as ClientMsgId));
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }
}

const answer = (key: ClientMsgId): Sent =>
  ok({
    client_msg_id: key,
    msg_id: 'm' as MsgId,
    conversation_id: 'd:ann:bob' as ConversationId,
    seq: seq(1),
    timestamp: 1.7e12,
    status: 'ack',
  });

function openPool(linkSecurity: LinkSecurity = security): CorePool {
  const pool = new CorePool({
    ...{ node: 'gateway-1', security: linkSecurity, clock: systemClock, log: silentLog },
    ...{ timeoutMs: 10_000, inFlightMax: 1_000, onAnswered: () => {} },
  });
  cleanUp.push(() => pool.close());
  return pool;
}

async function poolOf(...cores: readonly CoreUnderTest[]): Promise<CorePool> {
  const pool = openPool();
  pool.follow(cores.map(({ place }) => place));
  await until(() => pool.upCount === cores.length);
  return pool;
}

const two = () => Promise.all([new CoreUnderTest('core-1').serve(), new CoreUnderTest('core-2').serve()]);
const send = ({ core }: CorePool, from: string, key: string) =>
  core.send(caller(from), { to: user('bob'), client_msg_id: key as ClientMsgId, content: { type: 'x' } });

test('[N6] users are spread over the cores, and each stays with one', async () => {
  const [one, other] = await two();
  const pool = await poolOf(one, other);
  for (let round = 0; round < 2; round++)
    for (let index = 0; index < 40; index++) await send(pool, `user-${index}`, `user-${index}`);
  const users = [new Set(one.sent), new Set(other.sent)] as const;
  expect(users[0].size + users[1].size).toBe(40);
  expect(Math.min(users[0].size, users[1].size)).toBeGreaterThan(5);
  expect([...users[0]].filter((id) => users[1].has(id))).toEqual([]);
});

test('[N6][D3] a send that a lost core left unanswered is sent to another one, in the order of its sender', async () => {
  const [one, other] = await two();
  const pool = await poolOf(one, other);
  one.isAnswering = false;
  other.isAnswering = false;
  const sending = ['1', '2', '3'].map((key) => send(pool, 'ann', key));
  await until(() => one.sent.length + other.sent.length === 3);
  const [had, next] = one.sent.length > 0 ? [one, other] : [other, one];
  next.isAnswering = true;
  await had.stop();
  expect((await Promise.all(sending)).map(codeOf)).toEqual(['ok', 'ok', 'ok']);
  expect(next.sent).toEqual(['1', '2', '3']);
  expect(pool.retriedCount).toBe(3);
});

test('[N6][D3] a request that a lost core may have executed is not reported as refused by another one', async () => {
  const [one, other] = await two();
  const pool = await poolOf(one, other);
  one.isAnswering = false;
  other.isAnswering = false;
  const sending = send(pool, 'ann', '1');
  await until(() => one.sent.length + other.sent.length === 1);
  const [had, next] = one.sent.length > 0 ? [one, other] : [other, one];
  next.answer = () => failure.overloaded('pending commands');
  next.isAnswering = true;
  await had.stop();
  expect(codeOf(await sending)).toBe('unknown_outcome');
  expect(codeOf(await send(pool, 'ann', '2'))).toBe('overloaded');
  expect(next.sent).toEqual(['1', '2']);
});

test('[N6] a request that is not idempotent is not retried: its outcome is unknown', async () => {
  const [one, other] = await two();
  const pool = await poolOf(one, other);
  const creating = pool.core.createConversation(caller('ann'), { kind: 'group', title: 'x', members: [] });
  await until(() => one.created.length + other.created.length === 1);
  await (one.created.length > 0 ? one : other).stop();
  expect(codeOf(await creating)).toBe('unknown_outcome');
  expect(one.created.length + other.created.length).toBe(1);
});

test('[N7] a core that is silent on an open connection is skipped', async () => {
  const [one, other] = await two();
  const proxies = [new SilentProxy(one.place.address), new SilentProxy(other.place.address)] as const;
  cleanUp.push(() => proxies.forEach((proxy) => void proxy.close()));
  const pool = openPool();
  pool.follow([
    { ...one.place, address: proxies[0].address },
    { ...other.place, address: proxies[1].address },
  ]);
  await until(() => pool.upCount === 2);
  await send(pool, 'ann', 'before');
  const isFirst = one.sent.length > 0;
  proxies[isFirst ? 0 : 1].silence();
  expect(codeOf(await send(pool, 'ann', 'after'))).toBe('ok');
  expect((isFirst ? other : one).sent).toEqual(['after']);
});

test('[N3] a draining core receives no new requests, unless it is the last one', async () => {
  const [one, other] = await two();
  const pool = await poolOf(one, other);
  pool.follow([{ ...one.place, isDraining: true }, other.place]);
  for (let index = 0; index < 20; index++) await send(pool, `user-${index}`, String(index));
  expect(one.sent).toEqual([]);
  pool.follow([one.place, { ...other.place, isDraining: true }]);
  await send(pool, 'ann', 'back');
  expect(one.sent).toEqual(['back']);
});

test('[N3] a request that a draining core refuses is sent to another one, after those that it accepted', async () => {
  const [one, other] = await two();
  const pool = await poolOf(one, other);
  one.isAnswering = false;
  other.isAnswering = false;
  const taken = send(pool, 'ann', '1');
  await until(() => one.sent.length + other.sent.length === 1);
  const [had, next] = one.sent.length > 0 ? [one, other] : [other, one];
  pool.follow([{ ...had.place, isDraining: true }, next.place]);
  had.answer = () => failure.stopping();
  had.isAnswering = true;
  next.isAnswering = true;
  const turnedAway = ['2', '3'].map((key) => send(pool, 'ann', key));
  await until(() => had.sent.length === 3);
  const later = send(pool, 'ann', '4');
  expect(next.sent).toEqual([]);
  had.finish('1');
  expect((await Promise.all([taken, ...turnedAway, later])).map(codeOf)).toEqual(['ok', 'ok', 'ok', 'ok']);
  expect(next.sent).toEqual(['2', '3', '4']);
});

test('without a core a request is unavailable, and a core that joins is used', async () => {
  const pool = openPool();
  expect(codeOf(await send(pool, 'ann', '1'))).toBe('unavailable');
  const core = await new CoreUnderTest('core-1').serve();
  pool.follow([core.place]);
  await until(() => pool.isUp);
  expect(codeOf(await send(pool, 'ann', '2'))).toBe('ok');
});

test('[N7] a core that is no longer listed keeps its link while it answers', async () => {
  const core = await new CoreUnderTest('core-1').serve();
  const pool = await poolOf(core);
  pool.follow([]);
  expect(codeOf(await send(pool, 'ann', '1'))).toBe('ok');
  await core.stop();
  await until(() => !pool.isUp);
  pool.follow([]);
  expect(codeOf(await send(pool, 'ann', '2'))).toBe('unavailable');
});

test('[N7] sessions stay open when the link ends, and are closed by any core', async () => {
  const [one, other] = await two();
  const pool = await poolOf(one, other);
  const opening = deviceCaller('ann', 'phone', 's1');
  const opened = await pool.core.openSession({ caller: opening, clientName: '', node: '' });
  expect(opened.type).toBe('ok');
  const [had, next] = one.sessions.size > 0 ? [one, other] : [other, one];
  await had.stop();
  expect(had.sessions.has('s1')).toBe(true);
  next.sessions.add('s1');
  await until(() => pool.upCount === 1);
  await pool.core.closeSession({ caller: opening, node: '' });
  expect(next.sessions.size).toBe(0);
});

test('[N8] a gateway with another secret gets no link, and neither does one that meets a core with another', async () => {
  const core = await new CoreUnderTest('core-1').serve();
  const stranger = openPool({ secret: secretOf('of nobody') });
  stranger.follow([core.place]);
  const known = await poolOf(core);
  expect(known.isUp).toBe(true);
  expect(codeOf(await send(stranger, 'eve', '1'))).toBe('unavailable');
  expect(core.sent).toEqual([]);
});

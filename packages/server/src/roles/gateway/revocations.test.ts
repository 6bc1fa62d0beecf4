// What a gateway knows of revocations: from the start, from the bus, and again after a loss.

import { afterEach, expect, test } from 'bun:test';
import { silentLog } from '@hongyan/base/log';
import { ok } from '@hongyan/base/result';
import type { UserId } from '@hongyan/protocol/ids';
import { failure, type Result } from '@hongyan/protocol/refusals';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { until } from '@hongyan/testing/until';
import type { Revocation } from '../../domain/revocation.ts';
import type { GatewayQuestions } from '../../ports/core/core.ts';
import { revocationsTopic } from '../../ports/event-bus/event-bus.ts';
import { MemoryEventBus } from '../../ports/event-bus/memory-event-bus.ts';
import { Revocations } from './revocations.ts';

const ofToken = (tokenId: string): Revocation => ({
  type: 'token',
  tokenId,
  userId: 'ann' as UserId,
  untilMs: 1e15,
});
const token = (tokenId: string) => ({ tokenId, userId: 'ann' as UserId, issuedAtMs: 5 });

let made: Revocations | undefined;
afterEach(() => made?.stop());

/** `stored`: what the core would tell. */
async function start(stored: Revocation[] = []) {
  const prepared = prepare(stored);
  await prepared.own.start();
  return prepared;
}

function prepare(stored: Revocation[]) {
  const clock = new ManualClock();
  const bus = new MemoryEventBus();
  const told: (readonly Revocation[] | undefined)[] = [];
  const answers: PromiseWithResolvers<void>[] = [];
  const state = { isHeld: false, isDown: false, asked: 0 };
  const core: Pick<GatewayQuestions, 'revocations'> = {
    async revocations({ after = 0, limit }) {
      state.asked++;
      if (state.isDown) return failure.coreUnreachable();
      const page = stored.slice(after, after + limit);
      if (state.isHeld) {
        const answer = Promise.withResolvers<void>();
        answers.push(answer);
        await answer.promise;
      }
      const next = after + limit;
      return ok({ revocations: page, ...(next < stored.length ? { next } : {}) });
    },
  };
  const own = new Revocations({ core, bus, clock, log: silentLog, onRevoked: (revoked) => told.push(revoked) });
  made = own;
  return { own, bus, clock, stored, told, state, answer: () => answers.shift()?.resolve() };
}

const codeOf = (result: Result<unknown>) => (result.type === 'ok' ? 'ok' : result.code);

test('[A13] what was revoked before the start is known at the start, however many pages it takes', async () => {
  const { own } = await start(Array.from({ length: 12_000 }, (_, index) => ofToken(`t${index}`)));
  expect(own.check(token('t11999'))).toMatchObject({ type: 'refused', code: 'token_revoked' });
  expect(own.check(token('other'))).toMatchObject({ type: 'ok' });
});

test('[A13] a loss during the start leaves no doubt: a token is let in when a read that began after it says so', async () => {
  const { own, bus, stored, state, answer } = prepare([]);
  state.isHeld = true;
  const started = own.start();
  await until(() => state.asked === 1);
  stored.push(ofToken('t1'));
  bus.reportLoss();
  answer();
  await started;
  const checked = own.check(token('t1'));
  expect(checked).toBeInstanceOf(Promise);
  answer();
  expect(codeOf(await checked)).toBe('token_revoked');
});

test('[A13] what the bus tells is in force at once, and connections are told', async () => {
  const { own, bus, told } = await start();
  await bus.publish([{ type: 'revoked', topic: revocationsTopic, revocations: [ofToken('t1')] }]);
  expect(own.check(token('t1'))).toMatchObject({ code: 'token_revoked' });
  expect(told).toEqual([[ofToken('t1')]]);
});

test('[A13] after a loss a token is let in or refused by what the core tells, not by what was known', async () => {
  const { own, bus, stored, told, state, answer } = await start();
  state.isHeld = true;
  bus.reportLoss();
  const waiting = own.check(token('t1'));
  expect(waiting).toBeInstanceOf(Promise);
  // The read under way may have passed it: a further loss means a further read.
  stored.push(ofToken('t1'));
  bus.reportLoss([revocationsTopic]);
  answer();
  expect(codeOf(await waiting)).toBe('unavailable');
  await Promise.resolve();
  const again = own.check(token('t1'));
  answer();
  expect(codeOf(await again)).toBe('token_revoked');
  expect(told).toEqual([undefined]);
});

test('[A13] while the core cannot tell, callers fail as unavailable, until it can', async () => {
  const { own, bus, stored, clock, state } = await start();
  state.isDown = true;
  bus.reportLoss();
  expect(codeOf(await own.check(token('t2')))).toBe('unavailable');
  expect(codeOf(await own.check(token('t2')))).toBe('unavailable');
  stored.push(ofToken('t1'));
  state.isDown = false;
  await clock.advance(500);
  expect(codeOf(await own.check(token('t2')))).toBe('ok');
  expect(codeOf(await own.check(token('t1')))).toBe('token_revoked');
});

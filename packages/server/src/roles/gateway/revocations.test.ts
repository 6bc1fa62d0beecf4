// The cache of revocations: after the start, after events of the bus, and after a loss.

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

let last: Revocations | undefined;
afterEach(() => last?.stop());

/** `stored`: the revocations of the core. */
async function start(stored: Revocation[] = []) {
  const prepared = prepare(stored);
  await prepared.revocations.start();
  return prepared;
}

function prepare(stored: Revocation[]) {
  const clock = new ManualClock();
  const bus = new MemoryEventBus();
  const notified: (readonly Revocation[] | undefined)[] = [];
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
  const revocations = new Revocations({
    core,
    bus,
    clock,
    log: silentLog,
    onRevoked: (revoked) => notified.push(revoked),
  });
  last = revocations;
  return { revocations, bus, clock, stored, notified, state, answer: () => answers.shift()?.resolve() };
}

const codeOf = (result: Result<unknown>) => (result.type === 'ok' ? 'ok' : result.code);

test('[A13] earlier revocations are cached at the start, over any number of pages', async () => {
  const { revocations } = await start(Array.from({ length: 12_000 }, (_, index) => ofToken(`t${index}`)));
  expect(revocations.check(token('t11999'))).toMatchObject({ type: 'refused', code: 'token_revoked' });
  expect(revocations.check(token('other'))).toMatchObject({ type: 'ok' });
});

test('[A13] after a loss during the start, a token is accepted only by a read that began after the loss', async () => {
  const { revocations, bus, stored, state, answer } = prepare([]);
  state.isHeld = true;
  const started = revocations.start();
  await until(() => state.asked === 1);
  stored.push(ofToken('t1'));
  bus.reportLoss();
  answer();
  await started;
  const checked = revocations.check(token('t1'));
  expect(checked).toBeInstanceOf(Promise);
  answer();
  expect(codeOf(await checked)).toBe('token_revoked');
});

test('[A13] a revocation on the bus applies at once, and connections are notified', async () => {
  const { revocations, bus, notified } = await start();
  await bus.publish([{ type: 'revoked', topic: revocationsTopic, revocations: [ofToken('t1')] }]);
  expect(revocations.check(token('t1'))).toMatchObject({ code: 'token_revoked' });
  expect(notified).toEqual([[ofToken('t1')]]);
});

test('[A13] after a loss a token is accepted or refused by the answer of the core, not by the stale cache', async () => {
  const { revocations, bus, stored, notified, state, answer } = await start();
  state.isHeld = true;
  bus.reportLoss();
  const waiting = revocations.check(token('t1'));
  expect(waiting).toBeInstanceOf(Promise);
  // The read in flight may have missed it: a further loss needs a further read.
  stored.push(ofToken('t1'));
  bus.reportLoss([revocationsTopic]);
  answer();
  expect(codeOf(await waiting)).toBe('unavailable');
  await Promise.resolve();
  const again = revocations.check(token('t1'));
  answer();
  expect(codeOf(await again)).toBe('token_revoked');
  expect(notified).toEqual([undefined]);
});

test('[A13] while the core cannot be read, callers fail as unavailable', async () => {
  const { revocations, bus, stored, clock, state } = await start();
  state.isDown = true;
  bus.reportLoss();
  expect(codeOf(await revocations.check(token('t2')))).toBe('unavailable');
  expect(codeOf(await revocations.check(token('t2')))).toBe('unavailable');
  stored.push(ofToken('t1'));
  state.isDown = false;
  await clock.advance(500);
  expect(codeOf(await revocations.check(token('t2')))).toBe('ok');
  expect(codeOf(await revocations.check(token('t1')))).toBe('token_revoked');
});

// Commands without an outcome at their deadline: the failure depends on whether they were sent.

import { expect, test } from 'bun:test';
import { ok } from '@hongyan/base/result';
import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { PendingOutcomes } from './pending-outcomes.ts';

const ann = { conversationId: 'g:1' as ConversationId, from: 'ann' as UserId };
const codeOf = (outcome: unknown): unknown => (outcome as { code?: string; type: string }).code ?? 'ok';

/** Timers may be late. */
class LateClock extends ManualClock {
  lateMs = 0;

  override monotonicMs(): number {
    return super.monotonicMs() + this.lateMs;
  }
}

function world({ timeoutMs = 1_000 } = {}) {
  const clock = new LateClock();
  const pending = new PendingOutcomes({ max: 10, perUserMax: 10, timeoutMs, onLate: () => {}, clock });
  return { clock, pending };
}

test('[K2] at its deadline a sent command fails as unknown, and one not sent fails as unavailable and is never sent', async () => {
  const { clock, pending } = world();
  const outcomes = [pending.open('1', ann), pending.open('2', ann)];
  expect(pending.leaves('1')).toBe(true);
  clock.advance(1_000);
  expect((await Promise.all(outcomes)).map(codeOf)).toEqual(['unknown_outcome', 'unavailable']);
  expect(pending.leaves('2')).toBe(false);
});

test('[K2] a process that was paused past the deadline of a command does not send it afterwards', () => {
  const { clock, pending } = world();
  void pending.open('1', ann);
  clock.lateMs = 1_000;
  expect(pending.leaves('1')).toBe(false);
});

test('[K2] an outcome settles its command once', async () => {
  const { pending } = world();
  const outcome = pending.open('1', ann);
  pending.settle('1', ok({ type: 'changed' }));
  pending.settle('1', ok({ type: 'changed' }));
  expect(codeOf(await outcome)).toBe('ok');
  expect(pending.size).toBe(0);
});

test('[K11] after a possible loss, sent commands fail soon as unknown, and later ones wait for their outcomes', async () => {
  const { clock, pending } = world({ timeoutMs: 10_000 });
  const codes: Record<string, unknown> = {};
  const open = (id: string) => pending.open(id, ann)?.then((outcome) => (codes[id] = codeOf(outcome)));
  for (const id of ['waiting', 'left', 'accepted', 'answered']) void open(id);
  for (const id of ['left', 'accepted', 'answered']) pending.leaves(id);
  for (const id of ['accepted', 'answered']) pending.accepted(id);
  pending.mayHaveLost();
  pending.leaves('waiting');
  void open('new');
  pending.leaves('new');
  clock.advance(900);
  // The outcome arrives late.
  pending.settle('answered', ok({ type: 'changed' }));
  await Promise.resolve();
  expect(codes).toEqual({ answered: 'ok' });
  clock.advance(100);
  await Promise.resolve();
  expect(codes).toEqual({ answered: 'ok', left: 'unknown_outcome', accepted: 'unknown_outcome' });
  clock.advance(8_000);
  expect(pending.size).toBe(2);
});

test('[K11] with several losses each command fails soon after the first one that affects it', async () => {
  const { clock, pending } = world({ timeoutMs: 10_000 });
  const [first, second] = ['1', '2'].map((id) => pending.open(id, ann));
  pending.leaves('1');
  pending.mayHaveLost();
  pending.leaves('2');
  for (let report = 0; report < 4; report++) {
    clock.advance(200);
    pending.mayHaveLost();
  }
  clock.advance(200);
  expect(codeOf(await first)).toBe('unknown_outcome');
  expect(pending.size).toBe(1);
  clock.advance(200);
  expect(codeOf(await second)).toBe('unknown_outcome');
});

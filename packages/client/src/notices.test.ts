import { expect, test } from 'bun:test';
import { ManualClock } from '@hongyan/testing/manual-clock';
import type { ServerNotice } from './api.ts';
import { Notices } from './notices.ts';

function start() {
  const clock = new ManualClock();
  const reported: (readonly string[])[] = [];
  const notices = new Notices({
    clock,
    onChange: (now: readonly ServerNotice[]) => reported.push(now.map(({ id }) => id)),
  });
  notices.start();
  const arrive = (id: string, more: { text?: string; forMs?: number } = {}) =>
    notices.arrived({
      notice_id: id,
      text: more.text ?? 'x',
      severity: 'info',
      until: clock.nowMs() + (more.forMs ?? 60_000),
    });
  return { clock, notices, reported, arrive };
}

test('[B2] a notice that is repeated is reported once, by another text again', () => {
  const { reported, arrive } = start();
  for (let times = 0; times < 3; times++) arrive('a');
  expect(reported).toEqual([['a']]);
  arrive('a', { text: 'y' });
  expect(reported).toEqual([['a'], ['a']]);
});

test('[B2] one that was dismissed stays away when it is repeated, and comes back with another text', () => {
  const { notices, reported, arrive } = start();
  arrive('a');
  notices.dismiss('a');
  arrive('a');
  expect(reported).toEqual([['a'], []]);
  arrive('a', { text: 'y' });
  expect(reported.at(-1)).toEqual(['a']);
});

test('[B1] one that is withdrawn or over goes', () => {
  const { clock, notices, reported, arrive } = start();
  arrive('a');
  arrive('b', { forMs: 1_000 });
  clock.advance(1_000);
  expect(reported.at(-1)).toEqual(['a']);
  notices.arrived({ notice_id: 'a', text: 'x', severity: 'info', until: 0 });
  expect([reported.at(-1), notices.list()]).toEqual([[], []]);
  notices.arrived({ notice_id: 'never seen', text: 'x', severity: 'info', until: 0 });
  expect(reported).toHaveLength(4);
});

test('[B1] one in force for longer than a timer can wait stays', () => {
  const { clock, notices, arrive } = start();
  arrive('a', { forMs: 2 ** 31 + 1_000 });
  clock.advance(2 ** 31 - 1);
  expect(notices.list()).toHaveLength(1);
  clock.advance(1_001);
  expect(notices.list()).toEqual([]);
});

test('[B1] one that was withdrawn while there was no connection is not named after the next welcome, and goes', () => {
  const { notices, reported, arrive } = start();
  for (const id of ['a', 'b', 'dismissed']) arrive(id);
  notices.dismiss('dismissed');
  const early = notices.welcomed();
  const named = notices.welcomed();
  arrive('b');
  arrive('dismissed');
  arrive('c');
  early();
  expect(notices.list().map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  named();
  expect(reported.at(-1)).toEqual(['b', 'c']);
});

test('[B1] one that is over while the client is closed goes when it is opened, and no timer of it is left meanwhile', () => {
  const { clock, notices, reported, arrive } = start();
  arrive('a');
  arrive('b', { forMs: 1_000 });
  notices.stop();
  notices.dismiss('a');
  expect(clock.nextInMs).toBeUndefined();
  clock.advance(1_000);
  notices.start();
  expect(reported.at(-1)).toEqual([]);
});

// One send at a time is measured up to its receivers.

import { expect, test } from 'bun:test';
import { SendTrace } from './send-trace.ts';

const frameOf = (key: string) => `{"type":"message","client_msg_id":"${key}","content":{}}`;
const countOf = (trace: SendTrace) => trace.seconds.cumulative().at(-1);

test('[O4] a send is measured from its arrival to the turn in which its message was sent', () => {
  const trace = new SendTrace();
  trace.sent('k1', 1_000);
  trace.queued(frameOf('other'));
  trace.flushed(1_001);
  expect(countOf(trace)).toBe(0);
  trace.queued(frameOf('k1'));
  trace.flushed(1_004);
  expect([countOf(trace), trace.seconds.sum]).toEqual([1, 0.004]);
});

test('[O4] while one is measured others are not, and a pause follows it', () => {
  const trace = new SendTrace();
  trace.sent('k1', 0);
  trace.sent('k2', 1);
  trace.queued(frameOf('k2'));
  expect(trace.isSeen).toBe(false);
  trace.queued(frameOf('k1'));
  trace.flushed(5);
  trace.sent('k3', 6);
  trace.queued(frameOf('k3'));
  expect(trace.isSeen).toBe(false);
  trace.sent('k4', 25);
  trace.queued(frameOf('k4'));
  expect(trace.isSeen).toBe(true);
});

test('[O4] a send whose message is never pushed is abandoned; one whose key is escaped in frames is not measured', () => {
  const trace = new SendTrace();
  trace.sent('refused', 0);
  trace.sent('too early', 9_999);
  trace.sent('a "key"', 10_000);
  trace.sent('k2', 10_001);
  trace.queued(frameOf('k2'));
  trace.flushed(10_003);
  expect([countOf(trace), trace.seconds.sum]).toEqual([1, 0.002]);
});

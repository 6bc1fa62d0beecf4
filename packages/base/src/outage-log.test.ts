// The lines that a lasting failure writes to the log.

import { expect, test } from 'bun:test';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { createLog } from './log.ts';
import { OutageLog } from './outage-log.ts';

function open() {
  const lines: Record<string, unknown>[] = [];
  const clock = new ManualClock();
  const log = createLog({ level: 'info', write: (line) => lines.push(JSON.parse(line)) });
  return { lines, clock, outage: new OutageLog({ failing: 'not sent', over: 'sent again', clock, log }) };
}

test('one line when it begins, a count every ten seconds, and one when nothing has failed for a while', () => {
  const { lines, clock, outage } = open();
  outage.worked();
  for (let ms = 0; ms < 25_000; ms += 100) {
    outage.failed(new Error('away'));
    // Another server takes what is sent to it all the while.
    outage.worked();
    clock.advance(100);
  }
  expect(lines.map(({ message, times, seconds }) => ({ message, times, seconds }))).toEqual([
    { message: 'not sent', times: undefined, seconds: undefined },
    { message: 'not sent, still', times: 101, seconds: 10 },
    { message: 'not sent, still', times: 201, seconds: 20 },
  ]);
  outage.worked();
  clock.advance(5_000);
  outage.worked();
  outage.worked();
  expect(lines.slice(3)).toMatchObject([{ message: 'sent again', failures: 250, seconds: 25 }]);
  outage.failed(new Error('away'));
  expect(lines.at(-1)).toMatchObject({ message: 'not sent' });
});

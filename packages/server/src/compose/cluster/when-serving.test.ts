// What a start waits for, and how long.

import { expect, test } from 'bun:test';
import { type Log, silentLog } from '@hongyan/base/log';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { rejectionOf } from '@hongyan/testing/rejection';
import { ServerTrouble, whenServing } from './when-serving.ts';

const away = (mayPass = true) => new ServerTrouble('Redis cannot be used: start it', { mayPass, cause: undefined });

class Waiting {
  readonly clock = new ManualClock();
  readonly lines: string[] = [];
  readonly stopping = new AbortController();
  tries = 0;
  readonly result: Promise<unknown>;

  constructor(open: (tries: number) => Promise<unknown>) {
    const note = (message: string, fields?: object) => void this.lines.push(`${message} ${JSON.stringify(fields)}`);
    const log: Log = { ...silentLog, info: note, warn: note };
    this.result = whenServing(() => open(++this.tries), {
      ...{ server: 'Redis', clock: this.clock, log },
      signal: this.stopping.signal,
    });
    this.result.catch(() => {});
  }

  async pass(seconds: number): Promise<void> {
    for (let ms = 0; ms < seconds * 1000; ms += 100) {
      this.clock.advance(100);
      await Bun.sleep(0);
    }
  }
}

test('a server that serves makes no line', async () => {
  const waiting = new Waiting(() => Promise.resolve('open'));
  expect(await waiting.result).toBe('open');
  await waiting.pass(60);
  expect(waiting).toMatchObject({ tries: 1, lines: [] });
});

test('one that serves late is waited for, with a line that says what is wrong, and one when it serves', async () => {
  let isThere = false;
  const waiting = new Waiting(() => (isThere ? Promise.resolve('open') : Promise.reject(away())));
  await waiting.pass(12);
  isThere = true;
  await waiting.pass(1);
  expect(await waiting.result).toBe('open');
  const line = 'waiting for a server {"server":"Redis","error":"Redis cannot be used: start it"}';
  expect(waiting.lines).toEqual([line, line, 'the server is available {"server":"Redis","seconds":12}']);
});

test('one that answers nothing at all is named too, while the first try still waits', async () => {
  const waiting = new Waiting(() => new Promise(() => {}));
  await waiting.pass(1);
  expect(waiting.lines).toEqual(['waiting for a server {"server":"Redis","error":"it has not answered yet"}']);
});

test('one that never serves ends the start after half a minute, with what to do', async () => {
  const waiting = new Waiting(() => Promise.reject(away()));
  await waiting.pass(31);
  expect(String(await rejectionOf(waiting.result))).toMatch(
    /Redis cannot be used: start it \(after (29|30) s of retries\)/,
  );
  expect(waiting.clock.nextInMs).toBeUndefined();
});

test('[O20] a signal ends the wait, between two tries as during one', async () => {
  for (const [open, tries] of [
    [() => Promise.reject(away()), 2],
    [() => new Promise(() => {}), 1],
  ] as const) {
    const waiting = new Waiting(open);
    await waiting.pass(0.7);
    waiting.stopping.abort(new Error('stopped'));
    expect(String(await rejectionOf(waiting.result))).toBe('Error: stopped');
    expect(waiting.tries).toBe(tries);
    expect(waiting.clock.nextInMs).toBeUndefined();
  }
});

test('what does not pass is not waited for', async () => {
  for (const error of [away(false), new Error('a bug')]) {
    const waiting = new Waiting(() => Promise.reject(error));
    expect(await rejectionOf(waiting.result)).toBe(error);
    expect(waiting.tries).toBe(1);
  }
});

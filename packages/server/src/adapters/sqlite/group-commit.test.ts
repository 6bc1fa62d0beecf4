// Group commit through its public interface: batches form, are atomic and bounded, and survive disk failures.

import { afterEach, beforeEach, expect, mock, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreFailure } from '@hongyan/base/result';
import { rejectionOf } from '@hongyan/testing/rejection';
import { until } from '@hongyan/testing/until';
import { Metrics } from '../../metrics/metrics.ts';
import { StoreMeter } from '../../metrics/store-meter.ts';
import { SqliteBug } from './failure.ts';
import { GroupCommit } from './group-commit.ts';
import { openReader } from './open.ts';
import type { NoteOp, NoteResult } from './testing/notes.worker.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hongyan-group-commit-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function open(
  more: {
    maxBytes?: number;
    queueMax?: number;
    batchMax?: number;
    asJson?: boolean;
    onFatal?: (error: Error) => void;
    meter?: StoreMeter;
  } = {},
) {
  const { maxBytes, queueMax = 10_000, batchMax = 1_000, asJson = false, onFatal, meter } = more;
  return new GroupCommit<NoteOp, NoteResult>({
    worker: new URL('./testing/notes.worker.ts', import.meta.url),
    init: { path: join(dir, 'notes.db'), ...(maxBytes !== undefined ? { maxBytes } : {}) },
    queueMax,
    batchMax,
    asJson,
    meter,
    ...(onFatal !== undefined ? { onFatal } : {}),
  });
}

function stored(): { text: string; batch: number }[] {
  const db = openReader(join(dir, 'notes.db'));
  try {
    return db.query<{ text: string; batch: number }, []>('SELECT text, batch FROM note ORDER BY no').all();
  } finally {
    db.close();
  }
}

const add = (text: string): NoteOp => ({ type: 'add', text });

test.each([false, true])('ops of one turn commit in one batch, in order; as JSON: %p', async (asJson) => {
  const writer = open({ asJson });
  await writer.ready();
  expect(
    await Promise.all([writer.submit(add('a')), writer.submitAll([add('b'), add('c')]), writer.submit(add('d'))]),
  ).toEqual([1, [2, 3], 4]);
  await writer.close();
  expect(stored()).toEqual(['a', 'b', 'c', 'd'].map((text) => ({ text, batch: 1 })));
});

test('while a batch commits the next one collects, bounded by batchMax, and submitAll is never parted', async () => {
  const writer = open({ batchMax: 2 });
  await writer.ready();
  await Promise.all([
    writer.submit(add('a')),
    writer.submitAll([add('b'), add('c')]),
    writer.submitAll([add('d'), add('e'), add('f')]),
    writer.submit(add('g')),
  ]);
  await writer.close();
  expect(stored().map((note) => note.batch)).toEqual([1, 2, 2, 3, 3, 3, 4]);
});

test.each([false, true])(
  'an op that throws undoes its whole batch, and the next batch works; as JSON: %p',
  async (asJson) => {
    const writer = open({ asJson });
    await writer.ready();
    const outcomes = await Promise.allSettled([writer.submit(add('a')), writer.submit({ type: 'fail' })]);
    expect(outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason instanceof SqliteBug)).toEqual([
      true,
      true,
    ]);
    expect(await writer.submit(add('b'))).toBe(1);
    await writer.close();
    expect(stored().map((note) => note.text)).toEqual(['b']);
  },
);

test('beyond queueMax a submit is rejected at once, and accepted again when there is room', async () => {
  const writer = open({ queueMax: 2 });
  const accepted = writer.submitAll([add('a'), add('b')]);
  expect(await rejectionOf(writer.submit(add('c')))).toHaveProperty('code', 'overloaded');
  await accepted;
  expect(await writer.submit(add('d'))).toBe(3);
  await writer.close();
});

test('a full disk rejects the batch and stores nothing of it; with room it works again', async () => {
  const meter = new StoreMeter(new Metrics({ process: 'core' }), 'notes');
  const small = open({ maxBytes: 64 * 1024, meter });
  const big = 'x'.repeat(10_000);
  expect(await small.submit(add('first'))).toBe(1);
  const refusal = await rejectionOf(small.submitAll(Array.from({ length: 20 }, () => add(big))));
  expect(refusal).toBeInstanceOf(StoreFailure);
  expect(refusal).toMatchObject({ code: 'unavailable', sqliteCode: 'SQLITE_FULL' });
  expect(meter.lastFailure?.error).toBe(refusal);
  expect(stored().map((note) => note.text)).toEqual(['first']);
  expect(await small.submit(add('second'))).toBe(2);
  await small.close();
  const large = open();
  expect((await large.submitAll(Array.from({ length: 20 }, () => add(big)))).at(-1)).toBe(22);
  await large.close();
});

test('close commits accepted ops and rejects later ones', async () => {
  const writer = open();
  const accepted = writer.submit(add('a'));
  const closed = writer.close();
  expect(await rejectionOf(writer.submit(add('b')))).toHaveProperty('code', 'unavailable');
  expect(await accepted).toBe(1);
  await closed;
  await writer.close();
  expect(stored()).toHaveLength(1);
});

test('when the worker dies everything pending and later rejects, and onFatal reports it', async () => {
  const fatal = Promise.withResolvers<Error>();
  const writer = open({ onFatal: fatal.resolve });
  await writer.submit(add('a'));
  const pending = writer.submit({ type: 'die' });
  expect(await rejectionOf(pending)).toHaveProperty('code', 'unknown_outcome');
  expect(await fatal.promise).toHaveProperty('code', 'unknown_outcome');
  expect(await rejectionOf(writer.submit(add('b')))).toHaveProperty('code', 'unavailable');
  await writer.close();
});

test('a store that cannot be opened rejects ready and every submit, and that is all', async () => {
  const onFatal = mock();
  const writer = new GroupCommit<NoteOp, NoteResult>({
    worker: new URL('./testing/notes.worker.ts', import.meta.url),
    init: { path: join(dir, 'missing', 'notes.db') },
    queueMax: 1,
    batchMax: 1,
    onFatal,
  });
  const outcomes = await Promise.allSettled([writer.submit(add('a')), writer.ready()]);
  const reasons = outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason);
  expect(reasons).toEqual([reasons[0], reasons[0]]);
  expect(reasons[0]).toMatchObject({ code: 'unavailable', sqliteCode: 'SQLITE_CANTOPEN' });
  await writer.close();
  expect(onFatal).not.toHaveBeenCalled();
});

test('a bug in an op that cannot be sent to the thread rejects its batch alone', async () => {
  const writer = open();
  const uncloneable = { type: 'add', text: () => {} } as unknown as NoteOp;
  expect(await rejectionOf(writer.submit(uncloneable))).toBeInstanceOf(Error);
  expect(await writer.submit(add('a'))).toBe(1);
  await writer.close();
});

test('upkeep runs between batches until it is done', async () => {
  const writer = open();
  await writer.submit(add('upkeep 1'));
  await until(() => stored().filter(({ text }) => text === 'kept up').length === 3);
  expect(await writer.submit(add('a'))).toBe(5);
  await writer.close();
});

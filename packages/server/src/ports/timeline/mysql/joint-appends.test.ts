// Which appends share a transaction.

import { expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { entries } from '../testing/entries.ts';
import { JointAppends } from './joint-appends.ts';

/** The sizes of the appends of each transaction, for concurrent appends of `sizes` messages. */
async function transactionsOf(sizes: readonly number[], contentBytes: number): Promise<readonly number[][]> {
  const transactions: number[][] = [];
  const joint = new JointAppends(async (appends) => {
    transactions.push(appends.map(({ batch }) => batch.length));
    return appends.map(() => []);
  }, systemClock);
  const batches = sizes.map((size) => entries(size).map((one) => ({ ...one, contentJson: 'x'.repeat(contentBytes) })));
  await Promise.all(batches.map((batch) => joint.append({ batch, fence: undefined })));
  return transactions;
}

test('concurrent appends share transactions with a bounded number of entries', async () => {
  expect(await transactionsOf([300, 300, 300, 300], 10)).toEqual([[300, 300, 300], [300]]);
  expect(await transactionsOf([10, 2_000, 10], 10)).toEqual([[10], [2_000], [10]]);
});

test('appends of long messages share transactions of a bounded number of bytes', async () => {
  // A database may reject a transaction of 100 MiB, as TiDB does, and all appends of a transaction wait for all of it.
  expect(await transactionsOf([20, 20, 20, 20], 65_536)).toEqual([[20, 20, 20], [20]]);
  expect(await transactionsOf([1, 200, 1], 65_536)).toEqual([[1], [200], [1]]);
});

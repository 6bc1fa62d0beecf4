// The SQLite timeline: the contract every timeline keeps, and what a disk and a kill may do to its files.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@hongyan/base/log';
import { timelineContract } from './contract.ts';
import { openSqliteTimeline } from './sqlite-timeline.ts';

const open = (dir: string, maxBytes?: number) =>
  openSqliteTimeline({ dir, log: silentLog, maxBytes, queueMax: 50_000, batchMax: 1_000 });

const newFolder = () => mkdtempSync(join(tmpdir(), 'hongyan-timeline-'));

timelineContract('sqlite timeline', async () => {
  const folder = newFolder();
  const timeline = await open(folder);
  let current = timeline;
  return {
    timeline,
    async reopen() {
      await current.close();
      current = await open(folder);
      return current;
    },
    async remove() {
      await current.close();
      rmSync(folder, { recursive: true });
    },
  };
});

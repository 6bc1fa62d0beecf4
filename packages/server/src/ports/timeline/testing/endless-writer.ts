// A process that appends until it is killed, one day later each time, and retains about two months. Its arguments are the folder and the
// first number. It prints the number of each batch when it resolves.

import { silentLog } from '@hongyan/base/log';
import { openSqliteTimeline } from '../sqlite-timeline.ts';
import { entry, inMonth } from './entries.ts';
import { tailOf } from './tail-of.ts';

const [folder = '', first = '1'] = process.argv.slice(2);
const timeline = await openSqliteTimeline({
  dir: folder,
  log: silentLog,
  queueMax: 10_000,
  batchMax: 1_000,
  tailLimits: tailOf(8),
});
const dayMs = 86_400_000;
for (let number = Number(first); ; number++) {
  const own = (name: string) => ({
    key: `${name} ${number}`,
    msgId: `${name} ${number}`,
    atMs: inMonth(0) + number * dayMs,
  });
  await timeline.append([
    entry({ in: 'g:1', ...own('a') }),
    entry({ in: 'g:2', ...own('b') }),
    entry({ in: 'g:1', ...own('c') }),
  ]);
  if (number % 10 === 0) await timeline.retain({ fromMs: inMonth(0) + (number - 60) * dayMs });
  process.stdout.write(`${number}\n`);
}

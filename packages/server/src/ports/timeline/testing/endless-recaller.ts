// A process that appends, edits and recalls until it is killed, half a day later each time. Its arguments are the folder, a name of one
// character, a seed and the first day. It prints the marks of recalled texts, one per line, when their recalls are acknowledged.

import { silentLog } from '@hongyan/base/log';
import { createRandom } from '@hongyan/testing/seed';
import { openSqliteTimeline } from '../sqlite-timeline.ts';
import { inMonth } from './entries.ts';
import { RecallTraffic } from './recall-traffic.ts';
import { tailOf } from './tail-of.ts';

const [folder = '', name = '', seed = '', firstDay = '0'] = process.argv.slice(2);
const timeline = await openSqliteTimeline({
  dir: folder,
  log: silentLog,
  queueMax: 10_000,
  batchMax: 1_000,
  tailLimits: tailOf(50),
});
const traffic = new RecallTraffic({ random: createRandom(Number(seed)), name, conversations: 10 });
const dayMs = 86_400_000;
for (let day = Number(firstDay); ; day += 0.5) {
  const { batch, recalled } = traffic.batch({ size: 50, recalls: 0.2, atMs: inMonth(0) + day * dayMs });
  await timeline.append(batch);
  for (const mark of recalled) process.stdout.write(`${mark}\n`);
  // Leaves time to sweep the files.
  await Bun.sleep(20);
}

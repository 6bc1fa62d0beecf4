// A process that owns a partition and appends the entries of its log until it is killed. The entry of offset n is the same for every owner.
// Its arguments are the database and the limits as JSON, the partition and a seed. It prints its epoch, and "fenced" when it has to stop.

import { StoreFailure } from '@hongyan/base/result';
import { createRandom } from '@hongyan/testing/seed';
import { Fenced } from '../../../../domain/fence.ts';
import { change, entry, inMonth } from '../../testing/entries.ts';
import type { NewEntry } from '../../timeline.ts';
import { openTimelineAt } from './timeline-database.ts';

const [database = '', limits = '', partition = '', seed = ''] = process.argv.slice(2);
const timeline = await openTimelineAt(JSON.parse(database), JSON.parse(limits));
const random = createRandom(Number(seed));
const position = await timeline.claim(Number(partition));
process.stdout.write(`${position.epoch}\n`);
for (let { offset } = position; ; ) {
  const size = 1 + Math.floor(random() * 50);
  await appendSurely(offset, size);
  offset += size;
}

/** Retries when the database ended its session, as it does with a session that is idle in a transaction. */
async function appendSurely(offset: number, size: number): Promise<void> {
  const batch = Array.from({ length: size }, (_, index) => entryAt(offset + index));
  try {
    await timeline.append(batch, { ...position, offset: offset + size, publishedOffset: offset });
  } catch (error) {
    if (error instanceof Fenced) {
      process.stdout.write('fenced\n');
      process.exit(0);
    }
    if (!(error instanceof StoreFailure)) throw error;
    await appendSurely(offset, size);
  }
}

/** One day later every hundred entries, over the borders of months. Every tenth entry is a duplicate of the one before it. */
function entryAt(offset: number): NewEntry {
  const own = offset % 10 === 9 ? offset - 1 : offset;
  const id = `${partition} ${own}`;
  const draft = {
    in: `g:${partition}:${own % 5}`,
    key: id,
    msgId: id,
    atMs: inMonth(0) + Math.floor(offset / 100) * 86_400_000,
  };
  return own % 10 === 7 && own > 50 ? change(1, draft) : entry(draft);
}

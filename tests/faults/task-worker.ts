// A process that does tasks of a Kafka queue until it is ended: each run of a task is written down with its begin and its end.
// Arguments: a broker, the prefix of the queue, the file to write to.

import { Database } from 'bun:sqlite';
import { systemClock } from '@hongyan/base/clock';
import { createLog } from '@hongyan/base/log';
import { startWorker } from '@hongyan/server/roles/worker/worker';
import { openTaskQueue } from './task-queue.ts';

const [broker = '', prefix = '', file = ''] = process.argv.slice(2);
const log = createLog({ level: 'warn' });
const db = new Database(file);
db.run('PRAGMA busy_timeout = 10000');
const began = db.prepare('INSERT INTO run(task, pid, began_at) VALUES(?, ?, ?) RETURNING no');
const ended = db.prepare('UPDATE run SET ended_at = ? WHERE no = ?');
const queue = await openTaskQueue({ broker, prefix, log });
const worker = startWorker({
  ...{ queue, log, clock: systemClock, random: Math.random },
  retry: { leaseMs: 30_000, failuresMax: 10, backOffBaseMs: 50, backOffMaxMs: 2_000 },
  works: [
    {
      ...{ kind: 'tally', batchMax: 5, payloadMax: 10_000, atOnceMax: 2 },
      async handle(tasks) {
        const runs = tasks.map(({ payload }) => began.get(Number(payload), process.pid, Date.now()) as { no: number });
        await Bun.sleep(10 + Math.random() * 30);
        for (const { no } of runs) ended.run(Date.now(), no);
      },
    },
  ],
});
process.once('SIGTERM', async () => {
  await worker.drain();
  await queue.close();
  process.exit(0);
});
process.stdout.write('working\n');

// A process that does tasks until it is killed: each adds its number to a tally in a file of its own, once however often it is
// done. Arguments: the folder, and how many tasks to add first.

import { Database } from 'bun:sqlite';
import { join } from 'node:path';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { openSqliteTaskQueue } from '../../../ports/task-queue/sqlite-task-queue.ts';
import { startWorker } from '../worker.ts';

const [folder = '', toAdd = '0'] = process.argv.slice(2);
const db = new Database(join(folder, 'tally.db'), { create: true });
db.run('PRAGMA journal_mode=WAL');
db.run('CREATE TABLE IF NOT EXISTS seen(no INTEGER PRIMARY KEY, sum INTEGER NOT NULL)');
const queue = await openSqliteTaskQueue({
  ...{ path: join(folder, 'tasks.db'), clock: systemClock, log: silentLog },
  ...{ tasksMax: 100_000, payloadMax: 1_000_000, deadLettersMax: 10 },
});
for (let no = 1; no <= Number(toAdd); no++)
  void queue.add([{ kind: 'tally', payload: String(no) }]).then(() => said(no));
startWorker({
  queue,
  clock: systemClock,
  log: silentLog,
  random: Math.random,
  retry: { leaseMs: 200, failuresMax: 1_000, backOffBaseMs: 1, backOffMaxMs: 5 },
  works: [
    {
      kind: 'tally',
      batchMax: 7,
      payloadMax: 1_000,
      atOnceMax: 3,
      async handle(tasks) {
        for (const { payload } of tasks)
          db.run('INSERT INTO seen(no, sum) VALUES(?, 1) ON CONFLICT DO NOTHING', [Number(payload)]);
        await Bun.sleep(1);
      },
    },
  ],
});

function said(no: number): void {
  process.stdout.write(`${no}\n`);
}

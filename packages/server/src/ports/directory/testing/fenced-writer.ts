// A process that adds members for partition 1 as of epoch 1 until it is rejected, and prints each added member.

import { systemClock } from '@hongyan/base/clock';
import { StoreFailure } from '@hongyan/base/result';
import { Fenced } from '../../../domain/fence.ts';
import { openMysqlDirectory } from '../mysql-directory.ts';
import { joining } from './builders.ts';

const directory = await openMysqlDirectory(JSON.parse(process.env.DIRECTORY_DATABASE ?? ''), {
  clock: systemClock,
  random: Math.random,
});
for (let number = 0; ; number++) {
  try {
    await directory.addMember(joining(`u${number}`, { fence: { partition: 1, epoch: 1 } }));
    process.stdout.write(`u${number}\n`);
  } catch (error) {
    if (error instanceof Fenced) {
      process.stdout.write('fenced\n');
      break;
    }
    // The process was stopped during a transaction, and the server has ended its session since.
    if (!(error instanceof StoreFailure)) throw error;
  }
}
await directory.close();

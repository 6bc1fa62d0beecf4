// A process that writes until it is killed and prints the number of each write once it resolved; its argument is the file.
// Receipts travel alone in every other batch: those commit without waiting for the disk.

import { silentLog } from '@hongyan/base/log';
import { openSqliteDirectory } from '../sqlite-directory.ts';
import { advance, group, newUser, seq } from './builders.ts';

const directory = await openSqliteDirectory({
  path: process.argv[2] ?? '',
  log: silentLog,
  queueMax: 10_000,
  batchMax: 1_000,
});
await directory.createConversation(group('g:1', ['ann']));
for (let number = 1; ; number++) {
  const receipt = directory.advanceReceipts([advance({ readSeq: seq(number) })]);
  await (number % 2 === 0 ? receipt : Promise.all([receipt, directory.createUser(newUser(`u${number}`))]));
  process.stdout.write(`${number}\n`);
}

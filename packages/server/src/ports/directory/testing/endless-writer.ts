// A process that writes until it is killed and prints the number of each write once it resolved; its argument is the file.

import { silentLog } from '@hongyan/base/log';
import type { ConversationId, DeviceId, Seq, UserId } from '@hongyan/protocol/ids';
import { openSqliteDirectory } from '../sqlite-directory.ts';

const directory = await openSqliteDirectory({
  path: process.argv[2] ?? '',
  log: silentLog,
  queueMax: 10_000,
  batchMax: 1_000,
});
const conversationId = 'g:1' as ConversationId;
const userId = 'ann' as UserId;
await directory.createConversation({
  conversationId,
  kind: 'group',
  title: '',
  members: [{ userId, role: 'owner' }],
  atMs: 1,
});
for (let number = 1; ; number++) {
  const readSeq = number as Seq;
  await Promise.all([
    directory.createUser({
      userId: `u${number}` as UserId,
      displayName: '',
      createdAtMs: 1,
      passwordHash: '',
    }),
    directory.advanceReceipts([
      { conversationId, userId, deviceId: 'phone' as DeviceId, deliveredSeq: readSeq, readSeq, atMs: 1 },
    ]),
  ]);
  process.stdout.write(`${number}\n`);
}

// hongyan user passwd: replaces the password of a user in the data folder.

import { createLog } from '@hongyan/base/log';
import { openDirectory, withDirectoryReader } from '@hongyan/server/compose/data-folder';
import type { Command } from './command.ts';
import { newPasswordOf } from './new-password.ts';
import { onlyUserId } from './user-id.ts';

export const userPasswd: Command = {
  name: 'user passwd',
  usage: 'user passwd <user_id>',
  summary: 'Replace the password of a user, while the server of the data folder runs or not',
  details:
    'The password is asked for on the terminal, or read as a line of standard input. Tokens that were issued before stay valid\nuntil they expire. Exits with status 1 if there is no such user.',
  examples: ['hongyan user passwd alice --random-password'],
  switches: {
    'random-password': 'Create a random password and print it',
    json: 'Print one JSON object for programs',
  },
  options: ['data'],
  async run({ config, words, switches }) {
    const userId = onlyUserId(words, 'user passwd');
    const unknown = `${config.data} has no user ${userId}; hongyan user list shows them`;
    // Checked before the password is typed, and before a folder would be created.
    const users = await withDirectoryReader(config, (directory) => directory.getUsers([userId]));
    if (!users.has(userId)) throw new Error(unknown);
    const { hash: passwordHash, created } = await newPasswordOf(userId, { isRandom: switches.has('random-password') });
    const directory = await openDirectory(config, createLog({ level: 'error' }));
    try {
      if (!(await directory.setPasswordHash({ userId, passwordHash }))) throw new Error(unknown);
    } finally {
      await directory.close();
    }
    const shown = { user_id: userId, ...(created === undefined ? {} : { password: created }) };
    if (switches.has('json')) console.log(JSON.stringify(shown));
    else console.log(`the password of ${userId} is replaced${created === undefined ? '' : `   password: ${created}`}`);
    return 0;
  },
};

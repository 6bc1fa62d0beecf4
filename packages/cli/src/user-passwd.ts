// hongyan user passwd: replaces the password of a user in the data folder, and logs out whoever knew the old one.

import { systemClock } from '@hongyan/base/clock';
import { createLog } from '@hongyan/base/log';
import type { UserId } from '@hongyan/protocol/ids';
import { openAccess, openDirectory, withDirectoryReader } from '@hongyan/server/compose/data-folder';
import type { Config } from '@hongyan/server/config/options';
import { readRunning } from '@hongyan/server/config/running-server';
import { ofAllTokens } from '@hongyan/server/domain/revocation';
import type { Command } from './command.ts';
import { newPasswordOf } from './new-password.ts';
import { OperatorClient } from './operator-client.ts';
import { onlyUserId } from './user-id.ts';

export const userPasswd: Command = {
  name: 'user passwd',
  usage: 'user passwd <user_id>',
  summary: 'Replace the password of a user, while the server of the data folder runs or not',
  details:
    'The password is asked for on the terminal, or read as a line of standard input. The user is logged out on every device: tokens\nthat were issued before are revoked, on a running server at once. Exits with status 1 if there is no such user.',
  examples: ['hongyan user passwd alice --random-password'],
  switches: {
    'random-password': 'Create a random password and print it',
    json: 'Print one JSON object for programs',
  },
  options: ['data', 'revocations-max'],
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
    await logOut(config, userId);
    const shown = { user_id: userId, ...(created === undefined ? {} : { password: created }) };
    if (switches.has('json')) console.log(JSON.stringify(shown));
    else
      console.log(
        `the password of ${userId} is replaced, and ${userId} logged out everywhere${created === undefined ? '' : `   password: ${created}`}`,
      );
    return 0;
  },
};

/** In the store, for every start to come; and by the running server, which tells its gateways. */
async function logOut(config: Config, userId: UserId): Promise<void> {
  const access = await openAccess(config, createLog({ level: 'error' }));
  try {
    if ((await access.revoke([ofAllTokens(userId, systemClock.nowMs())])) === 'full')
      throw new Error('the password is replaced, but there is no room to revoke tokens: raise revocations-max');
  } finally {
    await access.close();
  }
  if ((await readRunning(config.data)) === undefined) return;
  const path = `/admin/v1/users/${encodeURIComponent(userId)}/sign-out`;
  await OperatorClient.connect(config.data)
    .then((server) => server.request('POST', path, {}))
    .catch((error: unknown) =>
      console.error(
        `a running server refuses older tokens from its next start on, since it could not be told: ${textOf(error)}`,
      ),
    );
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

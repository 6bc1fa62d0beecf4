// hongyan user passwd: replaces the password of a user and revokes all of the user's tokens.

import type { UserId } from '@hongyan/protocol/ids';
import { openCommandStores } from '@hongyan/server/compose/commands/open-stores';
import { readRunning } from '@hongyan/server/compose/commands/running-file';
import type { CommandStores } from '@hongyan/server/compose/commands/stores';
import type { Config } from '@hongyan/server/config/options';
import type { Command } from './command.ts';
import { newPasswordOf } from './new-password.ts';
import { OperatorClient } from './operator-client.ts';
import { printLine } from './print-line.ts';
import { writeOptions } from './store-options.ts';
import { onlyUserId } from './user-id.ts';

export const userPasswd: Command = {
  name: 'user passwd',
  usage: 'user passwd <user_id>',
  summary: 'Replace the password of a user, also on a running server',
  details:
    'The password is read from a prompt on the terminal, or from a line of standard input. The user is logged out on every device: all\ntokens are revoked, on a running server at once. Exits with status 1 if there is no such user.',
  examples: ['hongyan user passwd alice --random-password'],
  switches: {
    'random-password': 'Create a random password and print it',
    json: 'Print one JSON object for programs',
  },
  options: [...writeOptions, 'revocations-max'],
  async run({ config, words, switches }) {
    const userId = onlyUserId(words, 'user passwd');
    const stores = await openCommandStores(config);
    const unknown = `${stores.place} has no user ${userId}; hongyan user list shows them`;
    // Checked before the password is typed, and before a folder would be created.
    const users = await stores.withDirectoryReader((directory) => directory.getUsers([userId]));
    if (!users.has(userId)) throw new Error(unknown);
    const { hash: passwordHash, created } = await newPasswordOf(userId, { isRandom: switches.has('random-password') });
    const change = { userId, passwordHash };
    if (!(await stores.withDirectory((directory) => directory.setPasswordHash(change)))) throw new Error(unknown);
    await logOut(config, stores, userId);
    const shown = { user_id: userId, ...(created === undefined ? {} : { password: created }) };
    if (switches.has('json')) printLine(JSON.stringify(shown));
    else
      printLine(
        `the password of ${userId} is replaced, and ${userId} logged out everywhere${created === undefined ? '' : `   password: ${created}`}`,
      );
    return 0;
  },
};

/** Revokes tokens in the store, and through the running server, which notifies its gateways. A cluster was notified by the store. */
async function logOut(config: Config, stores: CommandStores, userId: UserId): Promise<void> {
  if ((await stores.revokeTokens(userId)) === 'full')
    throw new Error(
      'the password is changed, but older tokens stay valid because the revocation list is full: raise revocations-max',
    );
  if (config.profile === 'cluster' || (await readRunning(config.data)) === undefined) return;
  const path = `/admin/v1/users/${encodeURIComponent(userId)}/sign-out`;
  await OperatorClient.connect(config.data)
    .then((server) => server.request('POST', path, {}))
    .catch((error: unknown) =>
      console.error(
        `the running server accepts older tokens until its next start, because it could not be notified: ${textOf(error)}`,
      ),
    );
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

// hongyan user add: creates a user in the server's stores, by the rules of sign-up, also where sign-up is switched off.

import { systemClock } from '@hongyan/base/clock';
import { isSystemUser } from '@hongyan/protocol/ids';
import { refusal } from '@hongyan/protocol/refusals';
import { openCommandStores } from '@hongyan/server/compose/commands/open-stores';
import { checkDisplayName } from '@hongyan/server/domain/names';
import { type Command, UsageError } from './command.ts';
import { newPasswordOf } from './new-password.ts';
import { printLine } from './print-line.ts';
import { writeOptions } from './store-options.ts';
import { onlyUserId } from './user-id.ts';

export const userAdd: Command = {
  name: 'user add',
  usage: 'user add <user_id>',
  summary: 'Add a user, also to a running server',
  details:
    'The password is read from a prompt on the terminal, or from a line of standard input.\nExits with status 1 if the user id is taken.',
  examples: ['hongyan user add alice --display-name "Alice Jones" --random-password'],
  values: { 'display-name': { placeholder: 'name', description: 'Name that other users see. Default: the user id' } },
  switches: {
    'random-password': 'Create a random password and print it',
    json: 'Print one JSON object for programs',
  },
  options: writeOptions,
  async run({ config, words, switches, values }) {
    const userId = onlyUserId(words, 'user add');
    if (isSystemUser(userId)) throw new UsageError(refusal.reservedUserId().message);
    const name = checkDisplayName(values.get('display-name') ?? userId);
    if (name.type !== 'ok') throw new UsageError(name.message);
    const stores = await openCommandStores(config);
    return stores.withDirectory(async (directory) => {
      const taken = refusal.taken(`the user id ${userId}`).message;
      // Checked before the password is typed, too.
      if ((await directory.getUsers([userId])).has(userId)) throw new Error(taken);
      const { hash: passwordHash, created } = await newPasswordOf(userId, {
        isRandom: switches.has('random-password'),
      });
      const user = { userId, displayName: name.value, createdAtMs: systemClock.nowMs(), passwordHash };
      if (!(await directory.createUser(user))) throw new Error(taken);
      const shown = {
        user_id: userId,
        display_name: name.value,
        ...(created === undefined ? {} : { password: created }),
      };
      if (switches.has('json')) printLine(JSON.stringify(shown));
      else printLine(`added ${userId} to ${stores.place}${created === undefined ? '' : `   password: ${created}`}`);
      return 0;
    });
  },
};

// hongyan user add: creates a user in the data folder, by the rules of sign-up, also where sign-up is switched off.

import { systemClock } from '@hongyan/base/clock';
import { createLog } from '@hongyan/base/log';
import { SignupBody } from '@hongyan/protocol/http';
import { type UserId, userIdPattern } from '@hongyan/protocol/ids';
import { openDirectory } from '@hongyan/server/compose/data-folder';
import { createAccounts } from '@hongyan/server/roles/core/accounts';
import { Compile } from 'typebox/compile';
import { type Command, UsageError } from './command.ts';
import { randomPassword, readNewPassword } from './password.ts';

export const userAdd: Command = {
  name: 'user add',
  usage: 'user add <user_id>',
  summary: 'Add a user, while the server of the data folder runs or not',
  details:
    'The password is asked for on the terminal, or read as a line of standard input. It has 8 to 256 characters.\nExits with status 1 if the user id is taken.',
  examples: ['hongyan user add alice --display-name "Alice Jones" --random-password'],
  values: { 'display-name': { placeholder: 'name', description: 'The name that others see. Default: the user id' } },
  switches: {
    'random-password': 'Create a random password and print it',
    json: 'Print one JSON object for programs',
  },
  options: ['data'],
  async run({ config, words, switches, values }) {
    const [userId = ''] = words;
    if (words.length !== 1 || !new RegExp(userIdPattern).test(userId))
      throw new UsageError('give one user id of 1 to 64 letters, digits, _ . @ -: hongyan user add alice');
    const directory = await openDirectory(config, createLog({ level: 'error' }));
    try {
      // Checked before the password is typed, too; sign-up checks again.
      if (await directory.getUser(userId as UserId)) throw new Error(`the user id ${userId} is taken`);
      const isRandom = switches.has('random-password');
      const password = isRandom ? randomPassword() : await readNewPassword(`Password of ${userId}`);
      const displayName = values.get('display-name') ?? userId;
      const body = { user_id: userId as UserId, password, display_name: displayName };
      check(body);
      const accounts = createAccounts({ directory, clock: systemClock });
      const added = await accounts.signup({ userId: body.user_id, password, displayName });
      if (added.type === 'refused') throw new Error(added.message);
      const user = { user_id: userId, display_name: displayName, ...(isRandom ? { password } : {}) };
      if (switches.has('json')) console.log(JSON.stringify(user));
      else console.log(`added ${userId} to ${config.data}${isRandom ? `   password: ${password}` : ''}`);
      return 0;
    } finally {
      await directory.close();
    }
  },
};

const signup = Compile(SignupBody);

/** The body that sign-up over HTTP would take, checked by the same schema. */
function check(body: SignupBody): void {
  const [first] = signup.Errors(body);
  if (!first) return;
  const field = first.instancePath.slice(1).replaceAll('_', ' ');
  throw new UsageError(`the ${field} ${first.message}`);
}

// hongyan token: an access token for a user, signed with the data folder's secret.

import { systemClock } from '@hongyan/base/clock';
import { type UserId, userIdPattern } from '@hongyan/protocol/ids';
import { withReaders } from '@hongyan/server/compose/data-folder';
import { readSecret } from '@hongyan/server/config/secret';
import { createTokens } from '@hongyan/server/roles/gateway/token';
import { type Command, UsageError } from './command.ts';

export const token: Command = {
  name: 'token',
  usage: 'token <user_id>',
  summary: "Print an access token for a user, signed with the data folder's secret",
  details: 'Exits with status 1 if no server has run on the data folder, or if it has no such user.',
  examples: ['curl -H "authorization: Bearer $(hongyan token alice)" http://127.0.0.1:8080/v1/me'],
  switches: { json: 'Print one JSON object for programs, with the seconds that the token lives' },
  options: ['data', 'token-ttl-s'],
  async run({ config, words, switches }) {
    const [userId = ''] = words;
    if (words.length !== 1 || !new RegExp(userIdPattern).test(userId))
      throw new UsageError('give one user id: hongyan token alice');
    const { data, tokenTtlS: ttlS } = config;
    const user = await withReaders(config, ({ directory }) => directory.getUser(userId as UserId));
    if (!user) throw new Error(`${data} has no user ${userId}: add it with hongyan user add ${userId}`);
    const signed = await createTokens({ secret: await readSecret(data), ttlS, clock: systemClock }).sign(user.userId);
    const answer = { user_id: user.userId, access_token: signed, expires_in: ttlS };
    console.log(switches.has('json') ? JSON.stringify(answer) : signed);
    return 0;
  },
};

// hongyan token: an access token for a user, made from the data folder's secret.

import { systemClock } from '@hongyan/base/clock';
import { type UserId, userIdPattern } from '@hongyan/protocol/ids';
import { readOrCreateSecret } from '@hongyan/server/config/secret';
import { createTokens } from '@hongyan/server/roles/gateway/token';
import { type Command, UsageError } from './command.ts';

export const token: Command = {
  name: 'token',
  usage: 'token <user_id>',
  summary: "Print an access token for a user, signed with the data folder's secret",
  options: ['data', 'token-ttl-s'],
  async run({ config, words: [userId = ''] }) {
    if (!new RegExp(userIdPattern).test(userId)) throw new UsageError('give a user id: hongyan token alice');
    const tokens = createTokens({
      secret: await readOrCreateSecret(config.data),
      ttlS: config.tokenTtlS,
      clock: systemClock,
    });
    console.log(await tokens.sign(userId as UserId));
    return 0;
  },
};

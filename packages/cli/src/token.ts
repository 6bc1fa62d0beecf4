// hongyan token: an access token for a user, signed with the data folder's secret.

import { systemClock } from '@hongyan/base/clock';
import { isSystemUser } from '@hongyan/protocol/ids';
import { openCommandStores } from '@hongyan/server/compose/commands/open-stores';
import { tokensOf } from '@hongyan/server/compose/roles/tokens';
import type { Command } from './command.ts';
import { printLine } from './print-line.ts';
import { readOptions } from './store-options.ts';
import { onlyUserId } from './user-id.ts';

export const token: Command = {
  name: 'token',
  usage: 'token <user_id>',
  summary: "Print an access token for a user, signed with the data folder's secret",
  details: 'Exits with status 1 if no server has run on the data folder, or if it has no such user.',
  examples: ['curl -H "authorization: Bearer $(hongyan token alice)" http://127.0.0.1:8080/v1/me'],
  switches: { json: 'Print one JSON object for programs, with the lifetime of the token in seconds' },
  options: [...readOptions, 'token-ttl-s'],
  async run({ config, words, switches }) {
    const userId = onlyUserId(words, 'token');
    const { data, tokenTtlS: ttlS } = config;
    const stores = await openCommandStores(config);
    const users = await stores.withReaders(({ directory }) => directory.getUsers([userId]));
    const user = users.get(userId);
    if (!user) throw new Error(`${stores.place} has no user ${userId}: add it with hongyan user add ${userId}`);
    if (user.isDisabled === true || isSystemUser(user.userId))
      throw new Error(`${user.userId} is disabled or reserved: no token can be issued`);
    const tokens = await tokensOf(data, { ttlS, clock: systemClock });
    const { accessToken, expiresInS } = await tokens.sign(user.userId);
    const answer = { user_id: user.userId, access_token: accessToken, expires_in: expiresInS };
    printLine(switches.has('json') ? JSON.stringify(answer) : accessToken);
    return 0;
  },
};

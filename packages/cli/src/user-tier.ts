// hongyan user tier: how much a user may ask, as the back end sets it.

import { openCommandStores } from '@hongyan/server/compose/commands/open-stores';
import { parseTiers } from '@hongyan/server/config/tiers';
import { type Command, UsageError } from './command.ts';
import { printLine } from './print-line.ts';
import { writeOptions } from './store-options.ts';
import { onlyUserId } from './user-id.ts';

/** Instead of a tier. */
const none = 'default';

export const userTier: Command = {
  name: 'user tier',
  usage: 'user tier <user_id> <tier>',
  summary: 'Set the tier of a user, which decides the rate limits, also on a running server',
  details: `The tiers are those of the option tiers, and "unlimited". The setting wins over the tier in the user's token; "${none}" removes
it, so that the token's tier, else default-tier, applies again. A running server follows within five seconds.
Exits with status 1 if there is no such user.`,
  examples: ['hongyan user tier alice paid'],
  switches: { json: 'Print one JSON object for programs' },
  options: [...writeOptions, 'tiers'],
  async run({ config, words, switches }) {
    const [id, tier, ...rest] = words;
    const userId = onlyUserId(id === undefined ? [] : [id], 'user tier');
    const tiers = [...parseTiers(config.tiers).keys()];
    if (tier === undefined || rest.length > 0 || (tier !== none && !tiers.includes(tier)))
      throw new UsageError(`give the user id and one of ${tiers.join(', ')}, ${none}`);
    const stores = await openCommandStores(config);
    const unknown = `${stores.place} has no user ${userId}; hongyan user list shows them`;
    // Before a folder would be created.
    if (!(await stores.withDirectoryReader((reader) => reader.getUsers([userId]))).has(userId))
      throw new Error(unknown);
    const change = { userId, tier: tier === none ? undefined : tier };
    if (!(await stores.withDirectory((directory) => directory.setTier(change)))) throw new Error(unknown);
    printLine(switches.has('json') ? JSON.stringify({ user_id: userId, tier }) : `${userId} has tier ${tier}`);
    return 0;
  },
};

// hongyan user tier: how much a user may ask, as the back end sets it.

import { createLog } from '@hongyan/base/log';
import { openDirectory, withDirectoryReader } from '@hongyan/server/compose/data-folder';
import { parseTiers } from '@hongyan/server/config/tiers';
import { type Command, UsageError } from './command.ts';
import { onlyUserId } from './user-id.ts';

/** Instead of a tier. */
const none = 'default';

export const userTier: Command = {
  name: 'user tier',
  usage: 'user tier <user_id> <tier>',
  summary: 'Set how much a user may ask, while the server of the data folder runs or not',
  details: `The tiers are those of the option tiers, and "unlimited"; "${none}" takes the setting away, so that the tier
of the user's token, else default-tier, holds again. It beats what a token names. A running server follows
within five seconds. Exits with status 1 if there is no such user.`,
  examples: ['hongyan user tier alice paid'],
  switches: { json: 'Print one JSON object for programs' },
  options: ['data', 'tiers'],
  async run({ config, words, switches }) {
    const [id, tier, ...rest] = words;
    const userId = onlyUserId(id === undefined ? [] : [id], 'user tier');
    const tiers = [...parseTiers(config.tiers).keys()];
    if (tier === undefined || rest.length > 0 || (tier !== none && !tiers.includes(tier)))
      throw new UsageError(`give the user id and one of ${tiers.join(', ')}, ${none}`);
    const unknown = `${config.data} has no user ${userId}; hongyan user list shows them`;
    // Before a folder would be created.
    if (!(await withDirectoryReader(config, (reader) => reader.getUsers([userId]))).has(userId))
      throw new Error(unknown);
    const directory = await openDirectory(config, createLog({ level: 'error' }));
    try {
      const isSet = await directory.setTier({ userId, tier: tier === none ? undefined : tier });
      if (!isSet) throw new Error(unknown);
      console.log(switches.has('json') ? JSON.stringify({ user_id: userId, tier }) : `${userId} has tier ${tier}`);
      return 0;
    } finally {
      await directory.close();
    }
  },
};

// hongyan restore: makes a data folder from a backup.

import { systemClock } from '@hongyan/base/clock';
import { restore as restoreBackup } from '@hongyan/server/compose/backup/restore';
import { type Command, UsageError } from './command.ts';
import { printLine } from './print-line.ts';
import { stopSignal } from './stop-signal.ts';
import { timeOf } from './text.ts';

export const restore: Command = {
  name: 'restore',
  usage: 'restore <backup> --data <folder>',
  summary: 'Restore a backup into a data folder',
  details:
    'The folder of --data must be empty or absent; --replace moves an existing one aside. Nothing is overwritten, and the folder\nof a running server is refused. Each file is compared with its SHA-256, and the stores are read back. Clients detect the older\nstore and resync; writes after the backup are not in it.',
  examples: ['hongyan restore /var/backups/hongyan-2026-11-26 --data /var/lib/hongyan-restored'],
  switches: {
    replace: 'Move what is in the data folder aside, to a folder beside it; delete that once it is not wanted',
    'without-webhooks':
      'Switch the webhook endpoints off, so that a drill sends nothing; hongyan webhook enable <id> ends it',
  },
  options: ['data'],
  async run({ config, words, switches }) {
    const [from] = words;
    if (from === undefined || words.length > 1)
      throw new UsageError('give one backup: hongyan restore <backup> --data <folder>');
    const { manifest, movedTo } = await restoreBackup({
      backup: from,
      data: config.data,
      replaces: switches.has('replace'),
      sendsNothing: switches.has('without-webhooks'),
      clock: systemClock,
      signal: stopSignal(),
    });
    const { counts, taken_at, has_secrets } = manifest;
    if (movedTo !== undefined)
      printLine(`What was in ${config.data} is in ${movedTo}: delete it once it is not wanted.`);
    printLine(
      `${config.data} has ${counts.users} users, ${counts.conversations} conversations and ${counts.entries} entries as of ${timeOf(taken_at)}`,
    );
    if (!has_secrets) printLine('The backup has no secrets: the next start makes new ones, and users log in again.');
    printLine(`Start it: hongyan start --data ${config.data}`);
    return 0;
  },
};

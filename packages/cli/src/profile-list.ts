// hongyan profile list: the profiles stored by the running server, with the hottest function of each.

import type { ProfileRecord } from '@hongyan/server/profiles/profile-files';
import { printable } from '@hongyan/terminal/printable';
import type { Command } from './command.ts';
import { OperatorClient } from './operator-client.ts';
import { printLine } from './print-line.ts';
import { table, timeOf } from './text.ts';

export const profileList: Command = {
  name: 'profile list',
  usage: 'profile list',
  summary: 'List the stored profiles, newest first: the reason for each, and its hottest function',
  switches: { json: 'Print a JSON object for each profile, a line each' },
  options: ['data'],
  async run({ config, switches }) {
    const server = await OperatorClient.connect(config.data);
    const { profiles, silent = [] } = (await server.request('GET', '/admin/v1/profiles')) as {
      readonly profiles: readonly ProfileRecord[];
      readonly silent?: readonly string[];
    };
    if (switches.has('json')) for (const profile of profiles) printLine(JSON.stringify(profile));
    else if (profiles.length === 0) printLine('No profiles are kept. Take one: hongyan profile take');
    else printLine(table(['id', 'taken', 's', 'why', 'hottest function'], profiles.map(rowOf)));
    if (silent.length > 0) console.error(`The profiles of ${silent.join(', ')} are missing: no answer`);
    return 0;
  },
};

function rowOf({ id, taken_at, seconds, reason, top }: ProfileRecord): readonly (string | number)[] {
  const [first] = top;
  const hottest = first ? `${first.name} ${Math.round(first.share * 100)} %` : '(idle)';
  return [id, timeOf(taken_at), seconds, `${reason.type}: ${printable(reason.detail)}`, printable(hottest)];
}

// hongyan profile take: takes, stores and shows a CPU profile and a heap summary of the running server.

import type { ProfileRecord } from '@hongyan/server/profiles/profile-files';
import { type Command, UsageError } from './command.ts';
import { OperatorClient } from './operator-client.ts';
import { printLine } from './print-line.ts';
import { functionLines, kindsOf } from './profile-show.ts';

const secondsDefault = 10;
const secondsMax = 300;
/** Time for processing after the recording. */
const answerTimeoutMs = 60_000;

export const profileTake: Command = {
  name: 'profile take',
  usage: 'profile take [process]',
  summary: 'Profile the running server now, store the profile and show its hottest functions',
  details:
    'The default is the process of the core. Gateway processes are named gateway-1 and so on; in a cluster hongyan nodes lists the names.\nExits with status 1 if the process is being profiled already.',
  examples: ['hongyan profile take --seconds 30', 'hongyan profile take gateway-1'],
  values: {
    seconds: { placeholder: 's', description: `Length of the recording. Default: ${secondsDefault}` },
  },
  options: ['data'],
  async run({ config, words, values }) {
    const [process] = words;
    if (words.length > 1) throw new UsageError('give at most one process: hongyan profile take gateway-1');
    const seconds = secondsOf(values.get('seconds'));
    const server = await OperatorClient.connect(config.data);
    const request = { seconds, ...(process === undefined ? {} : { process }) };
    const signal = AbortSignal.timeout(seconds * 1000 + answerTimeoutMs);
    const { id } = (await server.request('POST', '/admin/v1/profiles', request, signal)) as ProfileRecord;
    printLine(`Kept as ${id}\n`);
    printLine(await functionLines(server, { id, ...kindsOf(new Set()) }));
    return 0;
  },
};

function secondsOf(text: string | undefined): number {
  const seconds = text === undefined ? secondsDefault : Number(text);
  if (seconds > 0 && seconds <= secondsMax) return seconds;
  throw new UsageError(`--seconds must be a number above 0 and at most ${secondsMax}, not "${text}"`);
}

// hongyan log-level: how much the running server writes to its log.

import { logLevels } from '@hongyan/base/log';
import { type Command, UsageError } from './command.ts';
import { OperatorClient } from './operator-client.ts';
import { printLine } from './print-line.ts';
import { wholeNumber } from './whole-number.ts';

const secondsMax = 86_400;
const path = '/debug/log-level';

export const logLevel: Command = {
  name: 'log-level',
  usage: 'log-level [level]',
  summary: 'Show or change the log level of the running server, in all its processes',
  details: `Levels: ${logLevels.join(', ')}. Without --for it lasts until the server restarts.`,
  examples: ['hongyan log-level debug --for 300'],
  values: { for: { placeholder: 's', description: 'Duration, after which the previous level returns' } },
  options: ['data'],
  async run({ config, words, values }) {
    const [level] = words;
    const isOne = level === undefined || (logLevels as readonly string[]).includes(level);
    if (words.length > 1 || !isOne) throw new UsageError(`give one level: ${logLevels.join(', ')}`);
    const seconds = wholeNumber(values, 'for', { standard: undefined, min: 1, max: secondsMax });
    if (seconds !== undefined && level === undefined) throw new UsageError('--for requires a level');
    const server = await OperatorClient.connect(config.data);
    if (level === undefined) {
      const now = (await server.request('GET', path)) as { readonly level: string };
      printLine(now.level);
      return 0;
    }
    const body = { level, ...(seconds === undefined ? {} : { for_s: seconds }) };
    await server.request('PUT', path, body);
    printLine(
      `the log level is ${level}, ${seconds === undefined ? 'until the server is started again' : `for ${seconds} s`}`,
    );
    return 0;
  },
};

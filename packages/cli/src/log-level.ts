// hongyan log-level: how much the running server writes to its log.

import { logLevels } from '@hongyan/base/log';
import { type Command, UsageError } from './command.ts';
import { OperatorClient } from './operator-client.ts';

const path = '/debug/log-level';

export const logLevel: Command = {
  name: 'log-level',
  usage: 'log-level [level]',
  summary: "Show or change the running server's log level, in all its processes",
  details: `Levels: ${logLevels.join(', ')}. Without --for it stays until the server is started again.`,
  examples: ['hongyan log-level debug --for 300'],
  values: { for: { placeholder: 's', description: 'Then back to the level before' } },
  options: ['data'],
  async run({ config, words, values }) {
    const [level] = words;
    if (words.length > 1) throw new UsageError(`give one level of ${logLevels.join(', ')}`);
    const seconds = values.get('for');
    if (seconds !== undefined && level === undefined) throw new UsageError('--for goes with a level');
    const server = await OperatorClient.connect(config.data);
    if (level === undefined) {
      const now = (await server.request('GET', path)) as { readonly level: string };
      console.log(now.level);
      return 0;
    }
    const body = { level, ...(seconds === undefined ? {} : { for_s: Number(seconds) }) };
    await server.request('PUT', path, body);
    console.log(
      `the log level is ${level}, ${seconds === undefined ? 'until the server is started again' : `for ${seconds} s`}`,
    );
    return 0;
  },
};

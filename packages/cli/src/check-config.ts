// hongyan check-config: the effective values and where each comes from, without starting anything.

import { type Config, camelCase, options } from '@hongyan/server/config/options';
import { checkTls } from '@hongyan/server/config/tls';
import type { Command } from './command.ts';

export const checkConfig: Command = {
  name: 'check-config',
  usage: 'check-config',
  summary: 'Print the effective configuration and where each value comes from',
  async run({ config, sources }) {
    for (const { name } of options) {
      const value = config[camelCase(name) as keyof Config];
      console.log(`${name} = ${JSON.stringify(value)}  (${sources[name]})`);
    }
    await checkTls(config);
    return 0;
  },
};

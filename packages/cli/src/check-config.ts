// hongyan check-config: the effective values and where each comes from, without starting anything.

import { systemClock } from '@hongyan/base/clock';
import { type Config, camelCase, fileKey, options } from '@hongyan/server/config/options';
import { checkTls } from '@hongyan/server/config/tls';
import type { Command } from './command.ts';
import { printLine } from './print-line.ts';

export const checkConfig: Command = {
  name: 'check-config',
  usage: 'check-config',
  summary: 'Print the effective configuration and where each value comes from',
  details: 'The output is a file that --config takes. Exits with status 1 if a certificate or its key cannot be used.',
  examples: ['hongyan check-config > hongyan.toml'],
  switches: { json: 'Print one JSON object for programs' },
  async run({ config, sources, switches }) {
    const rows = options.map(({ name }) => ({
      key: fileKey(name),
      value: config[camelCase(name) as keyof Config],
      source: sources[name],
    }));
    const asObject = () => Object.fromEntries(rows.map(({ key, value, source }) => [key, { value, source }]));
    if (switches.has('json')) printLine(JSON.stringify(asObject()));
    else for (const { key, value, source } of rows) printLine(`${key} = ${JSON.stringify(value)}  # ${source}`);
    await checkTls(config, systemClock);
    return 0;
  },
};

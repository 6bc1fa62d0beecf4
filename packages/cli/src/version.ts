// hongyan version, also as --version and -v.

import { version } from '@hongyan/server/compose/version';
import type { Command } from './command.ts';
import { printLine } from './print-line.ts';

export const versionCommand: Command = {
  name: 'version',
  usage: 'version',
  summary: 'Print the version',
  switches: { json: 'Print one JSON object for programs' },
  options: [],
  async run({ switches }) {
    const versions = { version, bun: Bun.version };
    printLine(switches.has('json') ? JSON.stringify(versions) : `hongyan ${version} (bun ${Bun.version})`);
    return 0;
  },
};

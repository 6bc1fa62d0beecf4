// hongyan version.

import { version } from '@hongyan/server/compose/version';
import type { Command } from './command.ts';

export const versionCommand: Command = {
  name: 'version',
  usage: 'version',
  summary: 'Print the version',
  options: [],
  async run() {
    console.log(`hongyan ${version} (bun ${Bun.version})`);
    return 0;
  },
};

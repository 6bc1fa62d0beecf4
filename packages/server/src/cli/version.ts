// hongyan version.

import { version } from '../compose/version.ts';
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

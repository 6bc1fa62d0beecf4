// The profiles that every scenario runs on. A scenario knows a server only by its address.

import { dataFolder, type ServerProcess, startServer } from '../server-process.ts';

export interface Profile {
  readonly name: string;
  start(env?: Readonly<Record<string, string>>): Promise<ServerProcess>;
}

export const profiles: readonly Profile[] = [
  { name: 'embedded', start: async (env = {}) => startServer({ dataDir: await dataFolder('scenario'), env }) },
];

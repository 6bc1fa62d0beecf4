// The profiles that every scenario runs on. A scenario knows a server only by its address.

import { dataFolder, type ServerProcess, startServer } from '../server-process.ts';

export interface Profile {
  readonly name: string;
  start(env?: Readonly<Record<string, string>>): Promise<ServerProcess>;
  /** The same data at the same address, after it was stopped or killed. */
  restart(server: ServerProcess, env?: Readonly<Record<string, string>>): Promise<ServerProcess>;
}

const embedded = (name: string, ...args: readonly string[]): Profile => ({
  name,
  start: async (env = {}) => startServer({ dataDir: await dataFolder('scenario'), env, args }),
  restart: ({ dataDir, port }, env = {}) => startServer({ dataDir, port, env, args }),
});

export const profiles: readonly Profile[] = [embedded('embedded'), embedded('embedded, 2 gateways', '--gateways', '2')];

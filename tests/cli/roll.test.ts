// hongyan roll, as a process beside a running server.

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '@hongyan/testing/until';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, startServer } from '../server-process.ts';
import { hongyan } from './hongyan.ts';

/** Each test starts processes, on a machine that others may use too. */
setDefaultTimeout(60_000);

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

/** Gateway processes that became ready so far. */
const startsOf = (server: ServerProcess): number => server.output().split('gateway process is ready').length - 1;

test('[O22] hongyan roll replaces the gateways and names them; a server of one process has none to replace', async () => {
  const args = ['--gateways', '2', '--drain-seconds', '0'];
  const server = await startServer({ dataDir: await dataFolder('roll'), args });
  await until(() => startsOf(server) === 2, { withinMs: 40_000 });
  const rolled = await hongyan(['roll', '--data', server.dataDir]);
  expect(rolled).toEqual({ code: 0, stdout: 'replaced: gateway-1, gateway-2\n', stderr: '' });
  expect(startsOf(server)).toBe(4);
  expect(await server.stop()).toBe(0);
  const single = await startServer({ dataDir: await dataFolder('roll') });
  const refused = await hongyan(['roll', '--data', single.dataDir]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('no gateway processes to replace') });
  expect(await single.stop()).toBe(0);
});

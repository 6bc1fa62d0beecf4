// hongyan roll, as a process beside a running server.

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '@hongyan/testing/until';
import {
  dataFolder,
  killServers,
  removeDataFolders,
  type ServerProcess,
  spawnServer,
  startServer,
} from '../server-process.ts';
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

test('[O22] SIGUSR2 while the server starts does not end it: gateways are replaced when it has started', async () => {
  const args = ['--gateways', '2', '--drain-seconds', '0'];
  const server = spawnServer({ dataDir: await dataFolder('roll'), args });
  await until(() => startsOf(server) > 0 || !server.isAlive(), { withinMs: 40_000 });
  process.kill(server.pid, 'SIGUSR2');
  await until(() => startsOf(server) === 4 || !server.isAlive(), { withinMs: 40_000 });
  expect(await server.stop()).toBe(0);
});

test('[O22] SIGUSR2 to a process of a cluster that waits for its servers leaves it waiting', async () => {
  // It accepts connections, and says nothing.
  const silent = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  const place = `127.0.0.1:${silent.port}`;
  const env = { HONGYAN_REDIS_URLS: `redis://${place}`, HONGYAN_MYSQL_URL: `mysql://root@${place}` };
  const args = ['--profile', 'cluster', '--kafka-brokers', place];
  const server = spawnServer({ dataDir: await dataFolder('roll'), args, env });
  await until(() => server.output().includes('waiting for a server') || !server.isAlive(), { withinMs: 40_000 });
  process.kill(server.pid, 'SIGUSR2');
  // The lower number is delivered first.
  expect(await server.stop()).toBe(0);
  expect(server.output()).toContain('"message":"start cancelled","signal":"SIGTERM"');
  silent.stop(true);
});

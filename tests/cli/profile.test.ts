// The command line takes, lists and shows profiles of a running server.

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { decodePprof } from '@hongyan/profile/pprof';
import { operatorOf } from '../operator.ts';
import { dataFolder, killServers, removeDataFolders, startServer } from '../server-process.ts';
import { hongyan } from './hongyan.ts';

setDefaultTimeout(60_000);

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

test('[O13] hongyan profile takes, lists, shows and writes a profile', async () => {
  const server = await startServer({ dataDir: await dataFolder('profile'), args: ['--gateways', '2'] });
  await operatorOf(server.dataDir);
  const data = ['--data', server.dataDir];
  expect((await hongyan(['profile', 'list', ...data])).stdout).toContain('hongyan profile take');
  const taken = await hongyan(['profile', 'take', 'gateway-2', '--seconds', '1', ...data]);
  expect(taken).toMatchObject({ code: 0, stderr: '' });
  const id = taken.stdout.match(/^Kept as (\S+-gateway-2)$/m)?.[1] ?? '';
  const list = await hongyan(['profile', 'list', '--json', ...data]);
  expect(JSON.parse(list.stdout)).toMatchObject({ id, process: 'gateway-2', reason: { type: 'manual' } });
  expect((await hongyan(['profile', 'list', ...data])).stdout).toContain(id);
  const shown = await hongyan(['profile', 'show', id, '--limit', '3', ...data]);
  expect(shown.stdout).toMatch(/ ms in all\n\n +self +time +total +function +place\n/);
  const heap = await hongyan(['profile', 'show', id, '--heap', ...data]);
  expect(heap.stdout).toMatch(/KiB in all[\s\S]*\(string\)/);
  const file = join(server.dataDir, 'out.pb.gz');
  expect(await hongyan(['profile', 'show', id, '--out', file, ...data])).toEqual({ code: 0, stdout: '', stderr: '' });
  expect((await decodePprof(await Bun.file(file).bytes())).valueTypes).toMatchObject([
    { type: 'samples' },
    { type: 'cpu' },
  ]);
  await server.stop();
});

test('[O13] what cannot be taken or shown is said with what to do', async () => {
  const server = await startServer({ dataDir: await dataFolder('profile') });
  const data = ['--data', server.dataDir];
  const outcome = async (...args: readonly string[]) => {
    const { code, stderr } = await hongyan(['profile', ...args, ...data]);
    return [code, stderr];
  };
  expect(await outcome('take', 'gateway-1')).toEqual([1, expect.stringContaining('there are core')]);
  expect(await outcome('take', '--seconds', '0')).toEqual([2, expect.stringContaining('at most 300')]);
  expect(await outcome('show', 'x')).toEqual([1, expect.stringContaining('hongyan profile list')]);
  expect(await outcome('show')).toEqual([2, expect.stringContaining('give one id')]);
  await server.stop();
});

// A start on files that are gone, empty or full of something else: it says which, and makes nothing new in their place.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { cp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openDirect, readFully, signUp } from '@hongyan/testing/http-client';
import { WireClient } from '@hongyan/testing/wire-client';
import { dataFolder, killServers, removeDataFolders, startServer } from '../server-process.ts';

let whole: string;
let month: string;

beforeAll(async () => {
  whole = await dataFolder('damage');
  const server = await startServer({ dataDir: whole, args: ['--demo'] });
  const ann = await signUp(server.url, 'ann');
  const conversationId = await openDirect(server.url, ann, 'ann');
  const device = await WireClient.open({ url: server.url, ...ann, deviceId: 'phone' });
  await device.send({ conversationId, clientMsgId: 'k', content: { type: 'text', text: 'here' } });
  expect((await readFully(server.url, ann, conversationId)).lastSeq).toBe(1);
  await server.stop();
  month = (await readdir(join(whole, 'timeline'))).find((name) => name.startsWith('timeline-')) ?? '';
}, 30_000);

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

const fileNames = {
  month: () => join('timeline', month),
  directory: () => 'directory.db',
  heads: () => join('timeline', 'heads.db'),
  lock: () => 'server.lock.db',
  demo: () => 'demo-accounts.json',
} as const;
type Damage = (path: string) => Promise<void>;
const gone: Damage = async (path) => {
  for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true });
};
const empty: Damage = async (path) => {
  await gone(path);
  await writeFile(path, '');
};
const garbage: Damage = async (path) => {
  await gone(path);
  await writeFile(path, 'garbage'.repeat(3_000));
};

test.each<[keyof typeof fileNames, string, Damage, string]>([
  ['month', 'gone', gone, 'is missing or empty'],
  ['month', 'empty', empty, 'is missing or empty'],
  ['month', 'garbage', garbage, 'file is not a database'],
  ['directory', 'gone', gone, 'is missing or empty'],
  ['directory', 'empty', empty, 'is missing or empty'],
  ['directory', 'garbage', garbage, 'file is not a database'],
  ['heads', 'garbage', garbage, 'file is not a database'],
  ['lock', 'garbage', garbage, 'file is not a database'],
  ['demo', 'empty', empty, 'delete it'],
  ['demo', 'garbage', garbage, 'delete it'],
])('no start with the %s file %s', async (file, _how, damage, message) => {
  const dataDir = await dataFolder('damaged');
  await cp(whole, dataDir, { recursive: true });
  const path = join(dataDir, fileNames[file]());
  await damage(path);
  const refusal = await startServer({ dataDir, args: ['--demo'] }).then(
    async (server) => `it started: ${await server.kill()}`,
    (error: unknown) => String(error),
  );
  expect(refusal).toContain('left before it was ready');
  const told = refusal.split('\n').find((line) => line.startsWith('hongyan start: '));
  expect(told).toContain(path);
  expect(told).toContain(message);
});

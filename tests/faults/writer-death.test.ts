// A server whose store cannot be written any more ends, so that whatever watches over it starts one that can.

import { afterAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { openDirect, readFully, signUp } from '@hongyan/testing/http-client';
import { WireClient } from '@hongyan/testing/wire-client';
import { dataFolder, killServers, removeDataFolders, startServer } from '../server-process.ts';

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

test('a server that can record no more events leaves with 1', async () => {
  const env = { BUN_OPTIONS: `--preload=${join(import.meta.dir, 'end-writers.ts')}`, END_WRITERS: 'events.worker' };
  const args = ['--events-pull'];
  const server = await startServer({ dataDir: await dataFolder('writer-death'), args, env });
  process.kill(server.pid, 'SIGUSR2');
  expect(await server.left()).toBe(1);
  expect(server.output()).toContain('event log writer died');
}, 30_000);

test.each([[1], [2]])(
  '[D1] without its writers a server of %d gateways leaves with 1, and the next has everything',
  async (gateways) => {
    const env = { BUN_OPTIONS: `--preload=${join(import.meta.dir, 'end-writers.ts')}` };
    const dataDir = await dataFolder('writer-death');
    const args = ['--gateways', String(gateways)];
    const server = await startServer({ dataDir, args, env });
    const ann = await signUp(server.url, 'ann');
    const conversationId = await openDirect(server.url, ann, 'ann');
    const device = await WireClient.open({ url: server.url, ...ann, deviceId: 'phone' });
    const content = { type: 'text', text: 'x' };
    expect(await device.send({ conversationId, clientMsgId: 'k', content })).toMatchObject({ seq: 1 });
    process.kill(server.pid, 'SIGUSR2');
    expect((await device.closed).code).toBe(4000);
    expect(await server.left()).toBe(1);
    expect(server.output()).toContain('writer died');
    const next = await startServer({ dataDir, port: server.port, args });
    expect((await readFully(next.url, ann, conversationId)).lastSeq).toBe(1);
    await next.stop();
  },
  30_000,
);

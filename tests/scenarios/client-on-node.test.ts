// The client library as built, on Node: one file, no packages beside it.

import { afterAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { buildClient } from '../../tools/build-client.ts';
import { dataFolder, killServers, removeDataFolders, startServer } from '../server-process.ts';

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

const program = `
import { createClient, signup } from './hongyan-client.js';
const url = process.argv[2];
const join = async (userId) => {
  const { access_token } = await signup({ url, userId, password: 'correct horse' });
  return createClient({ url, token: () => access_token });
};
const [alice, bob] = [await join('alice'), await join('bob')];
await Promise.all([alice.connect(), bob.connect()]);
const heard = new Promise((resolve) => bob.on('message', resolve));
const sent = await alice.send({ to: 'bob' }, { type: 'text', text: 'from node' });
const { content, msgId } = await heard;
const { messages } = await bob.history({ conversationId: sent.conversationId });
console.log(JSON.stringify({ text: content.text, isSame: msgId === sent.msgId, stored: messages.length }));
await Promise.all([alice.close(), bob.close()]);
`;

test('the built library is less than 26 KB compressed by Brotli, as browsers take it over TLS', async () => {
  const folder = await dataFolder('client-size');
  await buildClient(folder);
  const built = await Bun.file(join(folder, 'hongyan-client.js')).bytes();
  expect(brotliCompressSync(built).length).toBeLessThan(26_000);
});

test('an error that nobody catches is shown with its line, not with the whole library', async () => {
  const folder = await dataFolder('client-error-on-node');
  await buildClient(folder);
  await Bun.write(
    join(folder, 'program.mjs'),
    "import { login } from './hongyan-client.js'; await login({ url: '' });",
  );
  const node = Bun.spawn(['node', 'program.mjs'], { cwd: folder, stderr: 'pipe', timeout: 20_000 });
  const errors = await new Response(node.stderr).text();
  expect(errors).toContain('ClientError');
  expect(errors.length).toBeLessThan(6_000);
});

test('two clients on Node write to each other, and the process ends when they are closed', async () => {
  const folder = await dataFolder('client-on-node');
  await buildClient(folder);
  await Bun.write(join(folder, 'program.mjs'), program);
  const server = await startServer({ dataDir: await dataFolder('scenario') });
  // Node has its WebSocket without the flag from version 22 on; later versions take the flag and ignore it.
  const node = Bun.spawn(['node', '--experimental-websocket', 'program.mjs', server.url], {
    cwd: folder,
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: 20_000,
  });
  const [out, errors, code] = await Promise.all([
    new Response(node.stdout).text(),
    new Response(node.stderr).text(),
    node.exited,
  ]);
  expect({ code, errors: code === 0 ? '' : errors }).toEqual({ code: 0, errors: '' });
  expect(JSON.parse(out)).toEqual({ text: 'from node', isSame: true, stored: 1 });
  expect(await server.stop()).toBe(0);
}, 40_000);

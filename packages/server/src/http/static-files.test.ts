import { afterAll, expect, test } from 'bun:test';
import { mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StaticFileServer, StaticFolder } from './static-files.ts';

const script = new Blob(['const goose = "鸿雁";\n'.repeat(500)], { type: 'text/javascript' });
const server = new StaticFileServer(new Map([['/assets/app.js', script]]));
const get = (address: string, accept?: string) =>
  server.serve(
    new Request('http://x/assets/app.js', { headers: accept === undefined ? {} : { 'accept-encoding': accept } }),
    '/assets/app.js',
    address,
  );
const encodingOf = async (address: string, accept?: string) =>
  (await get(address, accept))?.headers.get('content-encoding');

test('text is compressed for clients across a network, by the best encoding that they accept', async () => {
  expect(await encodingOf('192.0.2.7', 'gzip, deflate, br')).toBe('br');
  expect(await encodingOf('192.0.2.7', 'gzip, br;q=0')).toBe('gzip');
  expect(await encodingOf('192.0.2.7')).toBeNull();
  const response = await get('192.0.2.7', 'gzip');
  const bytes = new Uint8Array((await response?.arrayBuffer()) ?? new ArrayBuffer());
  expect(Buffer.from(Bun.gunzipSync(bytes)).toString()).toBe(await script.text());
});

test('over loopback files are not compressed', async () => {
  for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) expect(await encodingOf(address, 'br')).toBeNull();
});

test('a path without a file has no answer', async () => {
  expect(await server.serve(new Request('http://x/none'), '/none', '192.0.2.7')).toBeUndefined();
});

const folder = await mkdtemp(join(tmpdir(), 'hongyan-static-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
const inFolder = (name: string) => join(folder, name);

test('a folder that is rebuilt while the server runs is served in its new state to every client', async () => {
  const web = inFolder('web');
  const files = new StaticFileServer(new StaticFolder(web));
  const bodyOf = async (path: string, address: string) => {
    const request = new Request(`http://x${path}`, { headers: { 'accept-encoding': 'gzip' } });
    const answer = await files.serve(request, path, address);
    const bytes = new Uint8Array((await answer?.arrayBuffer()) ?? new ArrayBuffer());
    return (
      answer?.headers.has('content-encoding') ? Buffer.from(Bun.gunzipSync(bytes)) : Buffer.from(bytes)
    ).toString();
  };
  const [far, near] = ['192.0.2.7', '127.0.0.1'];
  expect(await files.serve(new Request('http://x/'), '/', near)).toBeUndefined();
  const build = async (version: string, to: string) => {
    await Bun.write(join(to, 'index.html'), `<script src="/assets/${version}.js">`.repeat(100));
    await Bun.write(join(to, `assets/${version}.js`), `"${version}";`.repeat(500));
  };
  await build('first', web);
  for (const address of [far, near]) expect(await bodyOf('/', address)).toContain('first');
  await build('the-second', inFolder('next'));
  await rename(web, inFolder('before'));
  await rename(inFolder('next'), web);
  for (const address of [far, near]) {
    expect(await bodyOf('/', address)).toBe(await Bun.file(join(web, 'index.html')).text());
    expect(await bodyOf('/assets/the-second.js', address)).toBe('"the-second";'.repeat(500));
  }
  expect(await files.serve(new Request('http://x/assets/first.js'), '/assets/first.js', far)).toBeUndefined();
});

test('nothing outside of the folder is served, nor the folder itself', async () => {
  await Bun.write(inFolder('secret'), 'x');
  await Bun.write(inFolder('open/index.html'), 'x');
  await symlink('index.html', inFolder('open/link.html'));
  const files = new StaticFileServer(new StaticFolder(inFolder('open')));
  const isServed = async (path: string) =>
    (await files.serve(new Request('http://x/'), path, '127.0.0.1')) !== undefined;
  for (const path of [
    '/../secret',
    '/x/../../secret',
    '//../secret',
    '/..',
    '/.',
    '/index.html/x',
    `/${'x'.repeat(5000)}`,
  ])
    expect([path, await isServed(path)]).toEqual([path, false]);
  for (const path of ['/', '/index.html', '/link.html']) expect([path, await isServed(path)]).toEqual([path, true]);
});

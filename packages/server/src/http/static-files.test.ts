import { expect, test } from 'bun:test';
import { StaticFileServer } from './static-files.ts';

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

test('text is compressed for clients across a network, by the best encoding they take', async () => {
  expect(await encodingOf('192.0.2.7', 'gzip, deflate, br')).toBe('br');
  expect(await encodingOf('192.0.2.7', 'gzip, br;q=0')).toBe('gzip');
  expect(await encodingOf('192.0.2.7')).toBeNull();
  const response = await get('192.0.2.7', 'gzip');
  const bytes = new Uint8Array((await response?.arrayBuffer()) ?? new ArrayBuffer());
  expect(Buffer.from(Bun.gunzipSync(bytes)).toString()).toBe(await script.text());
});

test('over loopback files leave as they are', async () => {
  for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) expect(await encodingOf(address, 'br')).toBeNull();
});

test('a path without a file has no answer', async () => {
  expect(await server.serve(new Request('http://x/none'), '/none', '192.0.2.7')).toBeUndefined();
});

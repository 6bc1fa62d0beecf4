// The declarations of the client library as built: a program that has nothing of this repository compiles against them, and its
// mistakes do not.

import { afterAll, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildClientTypes } from '../../tools/build-client-types.ts';
import { dataFolder, removeDataFolders } from '../server-process.ts';

afterAll(removeDataFolders);

const compiler = join(import.meta.dir, '../../node_modules/.bin/tsc');
const compileMs = 60_000;

const program = `
import { createIndexedDbStorage } from './hongyan-indexed-db.js';
import { type Client, ClientError, type ConversationView, createClient, createMemoryStorage, login, type Seq, type UserId } from './hongyan-client.js';

export async function greet(url: string, password: string): Promise<Seq | undefined> {
  const { access_token, expires_in } = await login({ url, userId: 'alice', password });
  const client: Client = createClient({ url, token: async () => access_token, storage: 'indexedDB' in globalThis ? createIndexedDbStorage('alice') : createMemoryStorage() });
  const stop: () => void = client.on('message', ({ from, content, seq }) => console.log(from, content.text, seq));
  client.on('gap', ({ from, to, isReset }) => console.log(from, to, isReset === true));
  client.on('state', (state) => {
    if (state.type === 'reconnecting') console.log(state.retryAtMs - expires_in);
  });
  await client.connect();
  try {
    return (await client.send({ to: 'bob' as UserId }, { type: 'text', text: 'hello' })).seq;
  } catch (error) {
    if (error instanceof ClientError && error.code === 'conflict') return undefined;
    throw error;
  } finally {
    stop();
    await client.close();
  }
}

export const unreadOf = (views: readonly ConversationView[]): number => views.reduce((sum, { unread }) => sum + unread, 0);
`;

/** What the page shows, as TypeScript: ids are branded there. */
const sample = `import type { UserId } from './hongyan-client.js';
declare const password: string;
${/^```js\n([\s\S]*?)^```/m
  .exec(readFileSync(join(import.meta.dir, '../../docs/client.md'), 'utf8'))?.[1]
  ?.replace("'bob'", "'bob' as UserId")}`;

const mistakes = `
import { type Client, createClient } from './hongyan-client.js';
export async function wrong(client: Client) {
  // @ts-expect-error no such event
  client.on('mesage', () => {});
  // @ts-expect-error a target is an object
  await client.send('bob', { type: 'text', text: 'hello' });
  // @ts-expect-error what is reported is the library's own, which keeps it
  client.on('message', ({ content }) => { content.text = 'other'; });
  // @ts-expect-error content has a type
  await client.send({ conversationId: client.conversations()[0]!.conversationId }, { text: 'hello' });
  // @ts-expect-error no such option
  createClient({ url: '', token: () => '', retries: 3 });
}
`;

test(
  "a program and the page's sample compile against the declarations, and mistakes are found",
  async () => {
    const folder = await dataFolder('client-types');
    await buildClientTypes(folder);
    await Bun.write(join(folder, 'program.ts'), program);
    await Bun.write(join(folder, 'sample.ts'), sample);
    await Bun.write(join(folder, 'mistakes.ts'), mistakes);
    expect(await compiled(folder, ['program.ts', 'sample.ts', 'mistakes.ts'])).toEqual({ code: 0, messages: '' });
    // A program for Node alone has no types of browsers.
    expect(await compiled(folder, ['mistakes.ts'], ['ES2022'])).toEqual({ code: 0, messages: '' });
  },
  2 * compileMs,
);

/** Strict, and with the declarations themselves checked. */
async function compiled(
  folder: string,
  files: readonly string[],
  lib: readonly string[] = ['ES2022', 'DOM'],
): Promise<{ code: number; messages: string }> {
  const compilerOptions = {
    ...{ strict: true, noEmit: true, skipLibCheck: false, exactOptionalPropertyTypes: false, types: [] },
    ...{ target: 'ES2022', module: 'ESNext', moduleResolution: 'Bundler', lib },
  };
  await Bun.write(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  const run = Bun.spawn([process.execPath, compiler, '-p', folder], { stdout: 'pipe', timeout: compileMs });
  const [messages, code] = await Promise.all([new Response(run.stdout).text(), run.exited]);
  return { code, messages };
}

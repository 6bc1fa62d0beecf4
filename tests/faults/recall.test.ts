// What was recalled leaves the disk: no file of the data folder holds it soon after, also when the server was killed in between.

import { afterAll, expect, test } from 'bun:test';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, call, createGroup, signUp } from '@hongyan/testing/http-client';
import { until } from '@hongyan/testing/until';
import { dataFolder, killServers, removeDataFolders, startServer } from '../server-process.ts';

const secret = 'carrier goose';
const messages = 40;
const cli = join(import.meta.dir, '../../packages/cli/src/main.ts');

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

test('[E5] recalled texts, and their edits, are in no file of the data folder while the server runs, and after it was killed', async () => {
  const dataDir = await dataFolder('recall');
  let server = await startServer({ dataDir });
  const ann = await signUp(server.url, 'ann');
  await signUp(server.url, 'bob');
  const group = await createGroup(server.url, ann, ['bob']);

  const recallAll = async (url: string, seqs: readonly number[]) => {
    for (const seq of seqs) {
      const at = `/v1/conversations/${encodeURIComponent(group)}/messages/${seq}`;
      await done(url, ann, 'PUT', at, { client_msg_id: `edit ${seq}`, content: textOf(`edited ${seq}`) });
      await done(url, ann, 'DELETE', `${at}?client_msg_id=recall-${seq}`);
    }
  };
  const seqs = await sendAll(server.url, ann, group);
  expect(await holdsSecret(dataDir)).toBe(true);
  await recallAll(server.url, seqs.slice(0, messages / 2));
  await recallAll(server.url, seqs.slice(messages / 2));
  await until(async () => !(await holdsSecret(dataDir)));

  await recallAll(server.url, await sendAll(server.url, ann, group, 'again '));
  await server.kill();
  expect(await holdsSecret(dataDir)).toBe(true);
  expect(await inspect(dataDir)).toContain('still being erased from the files');
  server = await startServer({ dataDir, port: server.port });
  await until(async () => !(await holdsSecret(dataDir)));
  expect(await inspect(dataDir)).not.toContain('still being erased');
  expect(await server.stop()).toBe(0);
  expect(await holdsSecret(dataDir)).toBe(false);
}, 60_000);

test('[E5][E22] drafts that were superseded or sent are in no file soon after, while the server runs, and after it was killed', async () => {
  const dataDir = await dataFolder('drafts');
  let server = await startServer({ dataDir });
  const ann = await signUp(server.url, 'ann');
  const group = await createGroup(server.url, ann, []);
  let revision = 0;
  const save = async (text: string) => {
    const change = { type: 'draft', conversation_id: group, text, base_revision: revision };
    const body = { client_msg_id: `draft after ${revision}`, change };
    revision = Number((await done(server.url, ann, 'PATCH', '/v1/me/private', body)).seq);
  };
  const write = async () => {
    for (let index = 0; index < messages; index++) await save(`${index}: ${secret}`);
    await save('');
  };
  await write();
  expect(await holdsSecret(dataDir)).toBe(true);
  await until(async () => !(await holdsSecret(dataDir)));
  await write();
  await server.kill();
  expect(await holdsSecret(dataDir)).toBe(true);
  server = await startServer({ dataDir, port: server.port });
  await until(async () => !(await holdsSecret(dataDir)));
}, 60_000);

const textOf = (what: string) => ({ type: 'text', text: `${what}: ${secret}` });

async function done(url: string, { token }: Account, method: string, path: string, body?: object) {
  const answer = await call(url, path, { token, method, body });
  expect(answer).toMatchObject({ status: method === 'POST' ? 201 : 200 });
  return answer.body;
}

async function sendAll(url: string, ann: Account, group: string, prefix = ''): Promise<number[]> {
  const seqs: number[] = [];
  for (let index = 0; index < messages; index++) {
    const content = textOf(`${prefix}${index}`);
    const body = { conversation_id: group, client_msg_id: `send ${prefix}${index}`, content };
    seqs.push(Number((await done(url, ann, 'POST', '/v1/messages', body)).seq));
  }
  return seqs;
}

/** What the command prints of the message that was recalled last. */
async function inspect(dataDir: string): Promise<string> {
  const command = [process.execPath, cli, 'inspect', `send again ${messages - 1}`, '--data', dataDir];
  return new Response(Bun.spawn(command, { stdout: 'pipe', stderr: 'inherit' }).stdout).text();
}

async function holdsSecret(dataDir: string): Promise<boolean> {
  const files = await readdir(dataDir, { recursive: true, withFileTypes: true });
  const contents = files.filter((file) => file.isFile()).map((file) => contentOf(join(file.parentPath, file.name)));
  return (await Promise.all(contents)).some((content) => content.includes(secret));
}

/** Empty for a file that the running server has removed or renamed since it was listed. */
async function contentOf(path: string): Promise<Buffer> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
}

// docs/embedding.md, as a reader would follow it: every snippet in its order, in an empty folder, against a real server.

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '@hongyan/testing/free-port';
import { until } from '@hongyan/testing/until';
import { buildClient } from '../../tools/build-client.ts';
import { dataFolder, removeDataFolders } from '../server-process.ts';

setDefaultTimeout(240_000);
afterAll(removeDataFolders);

const root = join(import.meta.dir, '../..');
/** What the page asks a reader to have. */
const programs = ['bash', 'curl', 'python3'];
const missing = programs.filter((program) => Bun.which(program) === null);
if (missing.length > 0) console.error(`SKIPPED: docs/embedding.md is not tried, for want of ${missing.join(', ')}`);

interface Snippet {
  readonly language: string;
  readonly text: string;
  /** Its first line names the file that it is. */
  readonly file: string | undefined;
}

function snippetsOf(page: string): Snippet[] {
  return [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({
    language,
    text,
    file: /^(?:\/\/|#) ([\w-]+\.\w+)\n/.exec(text)?.[1],
  }));
}

/** One shell for all of them, so that what one exports the next one has. It waits for a line before the last part. */
function scriptOf(snippets: readonly Snippet[]): string {
  const parts = snippets.map(({ text, file }, index) =>
    file === undefined ? text : `cat > ${file} <<'SNIPPET ${index}'\n${text}SNIPPET ${index}\n`,
  );
  const leaving = parts.findIndex((part) => part.includes('/v1/auth/logout-all'));
  expect(leaving).toBeGreaterThan(0);
  return [
    'set -euo pipefail',
    "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT",
    ...parts.slice(0, leaving),
    // Back ends are started again and again: here once more, and the one that serves ends when it does.
    "sed \"s/listen([0-9]*, '127.0.0.1')/listen(0, '127.0.0.1', () => process.exit())/\" backend.ts > backend-again.ts",
    'bun backend-again.ts',
    'python3 backend.py',
    'echo BEFORE LEAVING; read -r _',
    ...parts.slice(leaving),
    'echo AFTER LEAVING; read -r _',
  ].join('\n');
}

/** A process whose output is kept. */
function start(argv: string[], options: { readonly cwd: string; readonly env: Record<string, string> }) {
  const child = Bun.spawn(argv, { ...options, stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' });
  let output = '';
  const keep = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) output += decoder.decode(chunk, { stream: true });
  };
  const kept = Promise.all([keep(child.stdout), keep(child.stderr)]);
  return {
    child,
    output: () => output,
    async prints(text: string) {
      const withinMs = 200_000;
      await until(() => output.includes(text) || child.exitCode !== null, { withinMs, what: `${argv[0]}: ${text}` });
      if (!output.includes(text)) throw new Error(`it ended with ${child.exitCode} before "${text}":\n${output}`);
    },
    async end() {
      child.stdin.end();
      await child.exited;
      await kept;
    },
  };
}

test.skipIf(missing.length > 0)('every snippet of docs/embedding.md does what the page says', async () => {
  const folder = await dataFolder('embedding');
  const [port, backEndPort] = [freePort(), freePort()];
  const page = (await Bun.file(join(root, 'docs/embedding.md')).text())
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`)
    .replaceAll('127.0.0.1:3000', `127.0.0.1:${backEndPort}`)
    .replaceAll('listen(3000', `listen(${backEndPort}`);
  const snippets = snippetsOf(page);
  const named = snippets.flatMap(({ file }) => file ?? []);
  expect(named).toEqual(['backend.ts', 'backend.py', 'chat.js']);
  await buildClient(folder);
  const cli = join(root, 'packages/cli/src/main.ts');
  for (const [name, command] of [
    ['hongyan', `${process.execPath} ${cli}`],
    ['bun', process.execPath],
  ]) {
    await Bun.write(join(folder, name ?? ''), `#!/bin/sh\nexec ${command} "$@"\n`);
    await chmod(join(folder, name ?? ''), 0o755);
  }
  const env = {
    PATH: `${folder}:${process.env.PATH}`,
    HONGYAN_LISTEN: `127.0.0.1:${port}`,
    HONGYAN_OPERATOR_LISTEN: '127.0.0.1:0',
  };
  const reader = start(['bash', '-c', scriptOf(snippets)], { cwd: folder, env });
  const browser: ReturnType<typeof start>[] = [];
  try {
    await reader.prints('BEFORE LEAVING');
    // What curl and Python were answered.
    for (const shown of [
      '"display_name":"Alice Jones"',
      '"created":true',
      '"status":"ack"',
      '"access_token"',
      'Bearer\nBEFORE',
    ])
      expect(reader.output()).toContain(shown);
    const chat = start([process.execPath, 'chat.js'], { cwd: folder, env });
    browser.push(chat);
    await chat.prints('alice: Is it still there?');
    for (const title of ['Order 4711', 'Support', 'Trip']) expect(chat.output()).toContain(`${title}: `);
    reader.child.stdin.write('\n');
    reader.child.stdin.flush();
    await reader.prints('AFTER LEAVING');
    await chat.prints('signed out');
    expect(reader.output()).toContain('"disabled":true');
  } finally {
    for (const each of browser) {
      each.child.kill();
      await each.end();
    }
    await reader.end();
  }
});

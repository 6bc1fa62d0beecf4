// The operator listener of a server under test, found as the command line finds it: by the data folder.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Answer } from './http-client.ts';

export async function askOperator(dataDir: string, method: string, path: string, body?: unknown): Promise<Answer> {
  const running = JSON.parse(await readFile(join(dataDir, 'running.json'), 'utf8')) as Record<string, unknown>;
  const token = (await readFile(join(dataDir, 'operator-token'), 'utf8')).trim();
  const url = running.operatorUrl;
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

// The operator listener of a server under test, found as the command line finds it: by the data folder.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Answer } from './http-client.ts';

export async function askOperator(dataDir: string, method: string, path: string, body?: unknown): Promise<Answer> {
  const token = (await readFile(join(dataDir, 'operator-token'), 'utf8')).trim();
  const url = await operatorUrlOf(dataDir);
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

interface RunningFile {
  readonly operatorUrl?: string;
  readonly roles?: readonly string[];
}

/** Of the server on the data folder, or of a core of a cluster there. */
export async function operatorUrlOf(dataDir: string): Promise<string> {
  const nodes = join(dataDir, 'nodes');
  const names = await readdir(nodes).catch(() => []);
  const folders = [dataDir, ...names.map((name) => join(nodes, name))];
  const running = (await Promise.all(folders.map(readRunningFile))).filter((file) => file !== undefined);
  const found = running.find(({ roles = ['core'] }) => roles.includes('core')) ?? running[0];
  if (found?.operatorUrl === undefined) throw new Error(`no server on ${dataDir} listens to operators`);
  return found.operatorUrl;
}

const readRunningFile = async (folder: string): Promise<RunningFile | undefined> => {
  const text = await readFile(join(folder, 'running.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as RunningFile);
};

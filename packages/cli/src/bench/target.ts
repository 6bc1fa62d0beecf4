// The server that hongyan bench measures: one that it starts in a temporary folder, or one that runs already.

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { login } from '@hongyan/client';
import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import { openDirectory } from '@hongyan/server/compose/commands/folder-stores';
import { tokensOf } from '@hongyan/server/compose/roles/tokens';
import { readOrCreateSecrets } from '@hongyan/server/config/secret';
import { readPasswords } from '../password.ts';
import { program } from '../program.ts';
import { stopSignal } from '../stop-signal.ts';

export interface BenchTarget {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly pairs: readonly (readonly [sender: UserId, receiver: UserId])[];
  tokenOf(userId: UserId): Promise<string>;
  /** What the conversation holds already. */
  lastSeq(conversationId: ConversationId): Promise<number>;
  /** undefined where the cost of the server cannot be seen: elsewhere, or without /proc. */
  readonly serverPid: number | undefined;
}

const tokenLifeS = 86_400;
const stopTimeoutMs = 20_000;

export interface ServerUnderLoad {
  readonly url: string;
  readonly data: string;
  readonly pid: number;
}

/** Starts a server on a free port and a new data folder, after `prepare`. Both are gone when `work` settles, or a signal ends it. */
export async function withServer<T>(
  { parent, prepare }: { readonly parent: string; readonly prepare: (data: string) => Promise<void> },
  work: (server: ServerUnderLoad) => Promise<T>,
): Promise<T> {
  const stopping = stopSignal();
  const stopped = Promise.withResolvers<never>();
  stopping.addEventListener('abort', () => stopped.reject(stopping.reason));
  const data = await mkdtemp(join(parent, '.hongyan-bench-'));
  let child: ServerProcess | undefined;
  const run = async (): Promise<T> => {
    await prepare(data);
    stopping.throwIfAborted();
    child = spawnServer(data);
    return work({ url: await urlOf(child), data, pid: child.pid });
  };
  try {
    return await Promise.race([run(), stopped.promise]);
  } finally {
    if (child) await stop(child);
    await rm(data, { recursive: true, force: true });
  }
}

/** Its users have tokens and no password. */
export async function withOwnServer<T>(
  { parent, pairCount }: { readonly parent: string; readonly pairCount: number },
  work: (target: BenchTarget) => Promise<T>,
): Promise<T> {
  const pairs = Array.from({ length: pairCount }, (_, index) => [`sender${index}`, `receiver${index}`] as const);
  const prepare = (data: string) => createUsers(data, pairs.flat());
  return withServer({ parent, prepare }, async ({ url, data, pid }) => {
    await readOrCreateSecrets(data);
    const tokens = await tokensOf(data, { ttlS: tokenLifeS, clock: systemClock });
    return work({
      ...addressOf(url),
      pairs: pairs as unknown as BenchTarget['pairs'],
      tokenOf: async (userId) => (await tokens.sign(userId)).accessToken,
      lastSeq: async () => 0,
      serverPid: existsSync('/proc/self/stat') ? pid : undefined,
    });
  });
}

/** Reads the passwords of the two accounts. */
export async function ofRunningServer(url: string, pair: readonly [UserId, UserId]): Promise<BenchTarget> {
  const tokens = new Map<UserId, string>();
  const passwords = await readPasswords(pair.map((userId) => `Password of ${userId}: `));
  for (const [index, userId] of pair.entries()) {
    tokens.set(userId, (await login({ url, userId, password: passwords[index] ?? '' })).access_token);
  }
  const tokenOf = async (userId: UserId) => tokens.get(userId) ?? '';
  return {
    ...addressOf(url),
    pairs: [pair],
    tokenOf,
    async lastSeq(conversationId) {
      const headers = { authorization: `Bearer ${await tokenOf(pair[0])}` };
      const answer = await fetch(`${url}/v1/conversations/${conversationId}`, { headers });
      // Two users who have never written to each other have no conversation.
      return answer.ok ? ((await answer.json()) as { last_seq: number }).last_seq : 0;
    },
    serverPid: undefined,
  };
}

async function createUsers(data: string, userIds: readonly string[]): Promise<void> {
  const directory = await openDirectory({ data }, silentLog);
  const createdAtMs = systemClock.nowMs();
  const passwordHash = '';
  for (const userId of userIds) {
    await directory.createUser({ userId: userId as UserId, displayName: userId, createdAtMs, passwordHash });
  }
  await directory.close();
}

type ServerProcess = Bun.Subprocess<'ignore', 'pipe', 'inherit'>;

/** Runs this program again as a process of its own: the generator must not share its event loop. */
function spawnServer(data: string): ServerProcess {
  return Bun.spawn(
    [
      ...[...program, 'start', '--listen', '127.0.0.1:0', '--operator-listen', '', '--data', data],
      // What the server can do is measured, not what a user may.
      ...['--default-tier', 'unlimited', '--log-level', 'warn'],
    ],
    {
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'inherit',
      env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HONGYAN_'))),
    },
  );
}

/** The address that the server prints when it is ready. */
async function urlOf({ stdout }: ServerProcess): Promise<string> {
  let output = '';
  for await (const chunk of stdout) {
    output += new TextDecoder().decode(chunk);
    const url = output.match(/is ready: open (\S+)\n/)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error('the server under test did not start; its log is above');
}

async function stop(child: ServerProcess): Promise<void> {
  child.kill('SIGTERM');
  const timer = systemClock.after(stopTimeoutMs, () => child.kill('SIGKILL'));
  await child.exited;
  timer.cancel();
}

function addressOf(url: string) {
  const { hostname, port, protocol } = new URL(url);
  const isTls = protocol === 'https:';
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (isTls ? 443 : 80)), isTls };
}

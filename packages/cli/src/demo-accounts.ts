// Two accounts to try the chat with. There is no default password: each data folder gets random ones, once.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrivateFile } from '@hongyan/server/files/private-file';
import { randomPassword } from './password.ts';

const fileName = 'demo-accounts.json';

export interface DemoAccount {
  readonly userId: string;
  readonly password: string;
}

/**
 * Through the server's own sign-up; existing accounts are left as they are, also where nobody may sign up any more. Resolves with a
 * line to show for each.
 */
export async function signUpDemoAccounts(url: string, accounts: readonly DemoAccount[]): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const account of accounts) {
    const { userId, password } = account;
    const isTheirs = (await signUp(url, account)) || (await logsIn(url, account));
    lines.push(
      isTheirs
        ? `demo account: ${userId}   password: ${password}`
        : `demo account: ${userId}   its password is not the one in ${fileName}: hongyan user passwd ${userId} sets another`,
    );
  }
  return lines;
}

/** False where the account may be there already. */
async function signUp(url: string, { userId, password }: DemoAccount): Promise<boolean> {
  const displayName = userId.replace(/^./, (letter) => letter.toUpperCase());
  const { ok, status } = await post(`${url}/v1/auth/signup`, { user_id: userId, password, display_name: displayName });
  if (ok || status === 409) return ok;
  const why = status === 403 ? 'signup-enabled is false' : `HTTP ${status}; see the log`;
  if (status !== 403 || !(await logsIn(url, { userId, password })))
    throw new Error(`the demo account ${userId} could not be created: ${why}`);
  return true;
}

const logsIn = async (url: string, { userId, password }: DemoAccount): Promise<boolean> =>
  (await post(`${url}/v1/auth/login`, { user_id: userId, password })).ok;

const post = (url: string, body: object): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    tls: { rejectUnauthorized: false }, // our own server, over loopback; its certificate may name another host
  });

/** The accounts of this data folder. */
export async function readDemoAccounts(dataFolder: string): Promise<readonly DemoAccount[]> {
  const path = join(dataFolder, fileName);
  try {
    return JSON.parse(await readFile(path, 'utf8')) as DemoAccount[];
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new Error(`${path} is not JSON: restore it from a backup, or delete it and start without --demo`);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const accounts = ['alice', 'bob'].map((userId) => ({ userId, password: randomPassword() }));
  await writePrivateFile(path, `${JSON.stringify(accounts, null, 2)}\n`);
  return accounts;
}

// Two accounts to try the chat with. There is no default password: each data folder gets random ones, once.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrivateFile } from '@hongyan/server/config/private-file';
import { randomPassword } from './password.ts';

export interface DemoAccount {
  readonly userId: string;
  readonly password: string;
}

/** Through the server's own sign-up; existing accounts are left as they are. */
export async function signUpDemoAccounts(url: string, accounts: readonly DemoAccount[]): Promise<void> {
  for (const { userId, password } of accounts) {
    const response = await fetch(`${url}/v1/auth/signup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        user_id: userId,
        password,
        display_name: userId.replace(/^./, (letter) => letter.toUpperCase()),
      }),
      tls: { rejectUnauthorized: false }, // our own server, over loopback; its certificate may name another host
    });
    if (!response.ok && response.status !== 409)
      throw new Error(`the demo account ${userId} could not be created: HTTP ${response.status}; see the log`);
  }
}

/** The accounts of this data folder. */
export async function readDemoAccounts(dataFolder: string): Promise<readonly DemoAccount[]> {
  const path = join(dataFolder, 'demo-accounts.json');
  try {
    return JSON.parse(await readFile(path, 'utf8')) as DemoAccount[];
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new Error(`${path} is not JSON: put it back from a backup, or delete it and start without --demo`);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const accounts = ['alice', 'bob'].map((userId) => ({ userId, password: randomPassword() }));
  await writePrivateFile(path, `${JSON.stringify(accounts, null, 2)}\n`);
  return accounts;
}

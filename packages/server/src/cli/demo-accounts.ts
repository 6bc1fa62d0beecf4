// Two accounts to try the chat with. No default password: each data folder makes its own, once.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomPassword } from './password.ts';

interface DemoAccount {
  readonly userId: string;
  readonly password: string;
}

/** The accounts of this data folder; created through the server's own sign-up when they are not there yet. */
export async function readyDemoAccounts(url: string, dataFolder: string): Promise<readonly DemoAccount[]> {
  const path = join(dataFolder, 'demo-accounts.json');
  const accounts = await readAccounts(path);
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
      throw new Error(`the demo account ${userId} could not be made: HTTP ${response.status}`);
  }
  return accounts;
}

async function readAccounts(path: string): Promise<readonly DemoAccount[]> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as DemoAccount[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const accounts = ['alice', 'bob'].map((userId) => ({ userId, password: randomPassword() }));
  await writeFile(path, `${JSON.stringify(accounts, null, 2)}\n`, { mode: 0o600 });
  return accounts;
}

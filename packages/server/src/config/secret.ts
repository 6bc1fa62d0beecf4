// The server's secret: made on first start, kept in the data folder. Whoever reads it can sign tokens for every user.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Log, silentLog } from '@hongyan/base/log';
import { readPrivateFile, writePrivateFile } from './private-file.ts';

const bytes = 32;

/** As readSecret, of a folder that may have no secret yet. */
export async function readOrCreateSecret(dataFolder: string, log?: Log): Promise<Uint8Array> {
  const path = secretPath(dataFolder);
  const fresh = Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('hex');
  if (!existsSync(path)) await writePrivateFile(path, `${fresh}\n`);
  return readSecret(dataFolder, log);
}

/** Rejects, with what to do, when the secret is missing or weak, or when every user of the machine may read or change it. */
export async function readSecret(dataFolder: string, log: Log = silentLog): Promise<Uint8Array> {
  const path = secretPath(dataFolder);
  const text = await readPrivateFile(path, log);
  const secret = Uint8Array.from(Buffer.from(text, 'hex'));
  const isWeak = secret.length < bytes || secret.every((byte) => byte === secret[0]);
  if (isWeak)
    throw new Error(
      `${path} does not hold ${bytes} random bytes as hex: delete it and start again; every user then has to log in again`,
    );
  return secret;
}

const secretPath = (dataFolder: string): string => join(dataFolder, 'secret');

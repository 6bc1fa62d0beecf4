// The server's secret: made on first start, kept in the data folder. Whoever reads it can sign tokens for every user.

import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Log, silentLog } from '@hongyan/base/log';
import { writePrivateFile } from './private-file.ts';

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
  const mode = await modeOf(path);
  if ((mode & 0o007) !== 0) throw new Error(`every user may read or change ${path}: run chmod 600 ${path}`);
  // Volumes of an orchestrator are often given to a group at each mount (fsGroup): its members are the operator's choice.
  if ((mode & 0o070) !== 0) log.warn('the secret is open to its group', { path, mode: mode.toString(8) });
  const text = (await readFile(path, 'utf8')).trim();
  const secret = Uint8Array.from(Buffer.from(text, 'hex'));
  const isWeak = secret.length < bytes || secret.every((byte) => byte === secret[0]);
  if (isWeak)
    throw new Error(
      `${path} does not hold ${bytes} random bytes as hex: delete it and start again; every user then has to log in again`,
    );
  return secret;
}

const secretPath = (dataFolder: string): string => join(dataFolder, 'secret');

async function modeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).mode & 0o777;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new Error(`${path} is missing: start the server once, which creates it`, { cause });
  }
}

// The server's secret: made on first start, kept in the data folder for its owner alone.

import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrivateFile } from './private-file.ts';

const bytes = 32;

/** The secret of this data folder. Rejects, with what to do, when it is too short or others may read it. */
export async function readOrCreateSecret(dataFolder: string): Promise<Uint8Array> {
  const path = join(dataFolder, 'secret');
  const fresh = Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('hex');
  if (!existsSync(path)) await writePrivateFile(path, `${fresh}\n`);
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) throw new Error(`${path} can be read by others: run chmod 600 ${path}`);
  const text = (await readFile(path, 'utf8')).trim();
  const secret = Uint8Array.from(Buffer.from(text, 'hex'));
  const isWeak = secret.length < bytes || secret.every((byte) => byte === secret[0]);
  if (isWeak)
    throw new Error(
      `${path} does not hold ${bytes} random bytes as hex: delete it and start again; everyone has to log in anew`,
    );
  return secret;
}

// The bearer token of the operator listener: made on first start, kept in the data folder, read by the command line.

import { existsSync } from 'node:fs';
import { type Log, silentLog } from '@hongyan/base/log';
import { createPrivateFile, readPrivateFile } from '../files/private-file.ts';
import { dataLayout } from './data-layout.ts';

const bytes = 32;
/** A token that an operator wrote there has at least so many characters. */
const charsMin = 32;

export async function readOrCreateOperatorToken(data: string, log: Log): Promise<string> {
  const path = dataLayout(data).operatorToken;
  if (!existsSync(path)) {
    const fresh = Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('base64url');
    await createPrivateFile(path, `${fresh}\n`);
  }
  return readOperatorToken(data, log);
}

/** Rejects, with what to do, when the token is missing or weak, or when every user of the machine may read or change it. */
export async function readOperatorToken(data: string, log: Log = silentLog): Promise<string> {
  const path = dataLayout(data).operatorToken;
  const token = await readPrivateFile(path, log);
  const isWeak = token.length < charsMin || !/^[\w.~+/=-]+$/.test(token) || new Set(token).size < 8;
  if (isWeak)
    throw new Error(
      `${path} does not hold a random token of at least ${charsMin} letters and digits: delete it and start the server again`,
    );
  return token;
}

// Access tokens made beside the server with its own secret: signing up thousands of users would measure argon2id.

import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const readSecret = (dataFolder: string): string => readFileSync(join(dataFolder, 'secret'), 'utf8').trim();

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const header = encode({ alg: 'HS256', typ: 'JWT' });
const lifeS = 86_400;

export function mintToken(secretHex: string, userId: string, claims: Readonly<Record<string, string>> = {}): string {
  const nowS = Math.floor(Date.now() / 1000);
  const body = `${header}.${encode({ sub: userId, iat: nowS, exp: nowS + lifeS, jti: `bench-${userId}`, ...claims })}`;
  return `${body}.${createHmac('sha256', Buffer.from(secretHex, 'hex')).update(body).digest('base64url')}`;
}

// The server's secrets, kept in the data folder: the current one signs tokens, those that were rotated out verify the tokens they
// signed. Whoever reads the file can sign tokens for every user.

import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type Log, silentLog } from '@hongyan/base/log';
import { createPrivateFile, readPrivateFile, writePrivateFile } from '../files/private-file.ts';
import { dataLayout } from './data-layout.ts';

export interface Secret {
  readonly bytes: Uint8Array;
  /** Unix ms: since then it signs no token. Absent: the current one. */
  readonly retiredAtMs?: number;
}

/** The current one first. */
export type Secrets = readonly [Secret, ...(readonly Secret[])];

const bytes = 32;
/** The longest lifetime of a token. */
const keptMs = 366 * 86_400_000;

/** As readSecrets, of a folder that may have none yet. */
export async function readOrCreateSecrets(dataFolder: string, log?: Log): Promise<Secrets> {
  const path = secretPath(dataFolder);
  if (!existsSync(path)) await createPrivateFile(path, `${freshHex()}\n`);
  return readSecrets(dataFolder, log);
}

/** Rejects, with what to do, when a secret is missing or weak, or when every user of the machine may read or change it. */
export async function readSecrets(dataFolder: string, log: Log = silentLog): Promise<Secrets> {
  const path = secretPath(dataFolder);
  const [current = '', ...retired] = (await readPrivateFile(path, log)).split(/\r?\n/);
  return [
    parseSecret(current, path),
    ...retired.filter((line) => line.trim() !== '').map((line) => parseRetired(line, path)),
  ];
}

/** Changes whenever the secrets are rewritten. */
export async function stampOfSecrets(dataFolder: string): Promise<string> {
  const { ino, size, mtimeNs } = await stat(secretPath(dataFolder), { bigint: true });
  return `${ino} ${size} ${mtimeNs}`;
}

/** The secret of the links; created if missing. Rejects like readSecrets. */
export async function readOrCreateLinkSecret(dataFolder: string, log?: Log): Promise<Uint8Array> {
  const path = dataLayout(dataFolder).linkSecret;
  if (!existsSync(path)) await createPrivateFile(path, `${freshHex()}\n`);
  return parseSecret(await readPrivateFile(path, log), path, 'processes of other machines need a copy of it').bytes;
}

/** A fresh secret signs from now on; the present one verifies as long as tokens may live that it signed. Returns the number of all. */
export async function rotateSecret(dataFolder: string, nowMs: number): Promise<number> {
  const secrets = await readSecrets(dataFolder);
  const kept = secrets.map(({ bytes: own, retiredAtMs = nowMs }) => ({ own, retiredAtMs }));
  const lines = kept
    .filter(({ retiredAtMs }) => nowMs - retiredAtMs < keptMs)
    .map(
      ({ own, retiredAtMs }) => `${Buffer.from(own).toString('hex')} retired ${new Date(retiredAtMs).toISOString()}`,
    );
  await writePrivateFile(secretPath(dataFolder), `${[freshHex(), ...lines].join('\n')}\n`);
  return lines.length + 1;
}

function parseRetired(line: string, path: string): Secret {
  const [, hex = '', time = ''] = /^\s*(\S+) retired (\S+)\s*$/.exec(line) ?? [];
  const retiredAtMs = Date.parse(time);
  if (Number.isNaN(retiredAtMs))
    throw new Error(
      `${path}: each line after the first must read "<hex> retired <time>", as hongyan secret rotate writes it`,
    );
  return { ...parseSecret(hex, path), retiredAtMs };
}

function parseSecret(text: string, path: string, then = 'every user will have to log in again'): Secret {
  const secret = Uint8Array.from(Buffer.from(text.trim(), 'hex'));
  const isWeak = secret.length < bytes || secret.every((byte) => byte === secret[0]);
  if (isWeak) throw new Error(`${path} does not hold ${bytes} random bytes as hex: delete it and start again; ${then}`);
  return { bytes: secret };
}

const freshHex = (): string => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('hex');

const secretPath = (dataFolder: string): string => dataLayout(dataFolder).secret;

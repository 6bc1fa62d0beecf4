// Certificates and their keys, read before anything starts: the TLS library's own errors name neither file nor option.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Clock } from '@hongyan/base/clock';
import type { Config } from './options.ts';

type Files = Pick<Config, 'tlsCert' | 'tlsKey' | 'linkTlsCert' | 'linkTlsKey' | 'linkTlsCa'>;

/** A certificate and its key, each with the option that names it. */
interface Pair {
  readonly cert: OptionFile;
  readonly key: OptionFile;
}

interface OptionFile {
  readonly path: string;
  readonly option: string;
}

/** Rejects with what is wrong with which file; without any there is nothing to check. */
export async function checkTls(
  { tlsCert, tlsKey, linkTlsCert, linkTlsKey, linkTlsCa }: Files,
  clock: Pick<Clock, 'nowMs'>,
): Promise<void> {
  if (tlsCert !== '')
    await readPair({ cert: { path: tlsCert, option: 'tls-cert' }, key: { path: tlsKey, option: 'tls-key' } });
  if (linkTlsCert !== '')
    await checkLink({
      cert: { path: linkTlsCert, option: 'link-tls-cert' },
      key: { path: linkTlsKey, option: 'link-tls-key' },
      ca: { path: linkTlsCa, option: 'link-tls-ca' },
      nowMs: clock.nowMs(),
    });
}

/** The other processes would accept no other certificate, and their refusal says less. */
async function checkLink({
  ca,
  nowMs,
  ...pair
}: Pair & { readonly ca: OptionFile; readonly nowMs: number }): Promise<void> {
  const [own, ...between] = await readPair(pair);
  const authorities = await read(ca, { expected: 'a PEM certificate', parse: certificatesIn });
  if (!isSignedBy(own, authorities, between))
    throw new Error(`${named(pair.cert)} is not signed by the authority in ${named(ca)}`);
  if (own.validToDate.getTime() <= nowMs)
    throw new Error(`${named(pair.cert)} has expired: it was valid until ${own.validToDate.toISOString()}`);
}

/** Returns the certificate, and those that stand behind it in its file. */
async function readPair({ cert, key }: Pair): Promise<readonly [X509Certificate, ...X509Certificate[]]> {
  const chain = await read(cert, { expected: 'a PEM certificate', parse: certificatesIn });
  const expected = 'a PEM private key without a passphrase';
  const privateKey = await read(key, { expected, parse: (pem) => createPrivateKey(pem) });
  if (!chain[0].checkPrivateKey(privateKey)) throw new Error(`${named(key)} is not the key of ${named(cert)}`);
  return chain;
}

function certificatesIn(pem: Buffer): readonly [X509Certificate, ...X509Certificate[]] {
  const [first, ...others] =
    pem.toString('latin1').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return [new X509Certificate(first ?? pem), ...others.map((one) => new X509Certificate(one))];
}

/** Itself, or over those in between. */
function isSignedBy(
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
  between: readonly X509Certificate[],
): boolean {
  const isIssuer = (other: X509Certificate) => certificate.checkIssued(other) && certificate.verify(other.publicKey);
  if (authorities.some(isIssuer)) return true;
  const next = between.find(isIssuer);
  if (next === undefined) return false;
  const others = between.filter((other) => other !== next);
  return isSignedBy(next, authorities, others);
}

const named = ({ path, option }: OptionFile): string => `${path} (${option})`;

async function read<T>(
  file: OptionFile,
  { expected, parse }: { readonly expected: string; readonly parse: (pem: Buffer) => T },
): Promise<T> {
  let pem: Buffer;
  try {
    pem = await readFile(file.path);
  } catch (error) {
    throw new Error(`${named(file)} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    return parse(pem);
  } catch (cause) {
    throw new Error(`${named(file)} is not ${expected}`, { cause });
  }
}

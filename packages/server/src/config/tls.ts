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

/** PEM, as read and checked. */
interface ClientTls {
  readonly certificate: Buffer;
  readonly key: Buffer;
  readonly endsAtMs: number;
}

/** Rejects with what is wrong with which file; without any there is nothing to check. */
export async function checkTls({ tlsCert, tlsKey, ...link }: Files, clock: Pick<Clock, 'nowMs'>): Promise<void> {
  await readClientTls({ tlsCert, tlsKey });
  await readLinkTls(link, clock);
}

/** For clients; undefined where they connect without TLS. Rejects with what is wrong with which file. */
export async function readClientTls({
  tlsCert,
  tlsKey,
}: Pick<Config, 'tlsCert' | 'tlsKey'>): Promise<ClientTls | undefined> {
  if (tlsCert === '') return undefined;
  const cert = { path: tlsCert, option: 'tls-cert' };
  const { certificate, key, chain } = await readPair({ cert, key: { path: tlsKey, option: 'tls-key' } });
  return { certificate, key, endsAtMs: chain[0].validToDate.getTime() };
}

/**
 * PEM, as read and checked; undefined where links have no certificate. Rejects with what is wrong with which file: the other
 * processes would not accept it, and their refusal says less.
 */
export async function readLinkTls(
  { linkTlsCert, linkTlsKey, linkTlsCa }: Pick<Config, 'linkTlsCert' | 'linkTlsKey' | 'linkTlsCa'>,
  clock: Pick<Clock, 'nowMs'>,
): Promise<{ readonly authority: Buffer; readonly certificate: Buffer; readonly key: Buffer } | undefined> {
  if (linkTlsCert === '') return undefined;
  const cert = { path: linkTlsCert, option: 'link-tls-cert' };
  const ca = { path: linkTlsCa, option: 'link-tls-ca' };
  const { chain, certificate, key } = await readPair({ cert, key: { path: linkTlsKey, option: 'link-tls-key' } });
  const authorities = await read(ca, { expected: 'a PEM certificate', parse: certificatesIn });
  const [own, ...between] = chain;
  if (!isSignedBy(own, authorities.value, between))
    throw new Error(`${named(cert)} is not signed by the authority in ${named(ca)}`);
  if (own.validToDate.getTime() <= clock.nowMs())
    throw new Error(`${named(cert)} has expired: it was valid until ${own.validToDate.toISOString()}`);
  return { authority: authorities.pem, certificate, key };
}

interface PairRead {
  readonly certificate: Buffer;
  readonly key: Buffer;
  /** The certificate, and those that stand behind it in its file. */
  readonly chain: readonly [X509Certificate, ...X509Certificate[]];
}

async function readPair({ cert, key }: Pair): Promise<PairRead> {
  const certificate = await read(cert, { expected: 'a PEM certificate', parse: certificatesIn });
  const expected = 'a PEM private key without a passphrase';
  const privateKey = await read(key, { expected, parse: (pem) => createPrivateKey(pem) });
  if (!certificate.value[0].checkPrivateKey(privateKey.value))
    throw new Error(`${named(key)} is not the key of ${named(cert)}`);
  return { certificate: certificate.pem, key: privateKey.pem, chain: certificate.value };
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
): Promise<{ readonly pem: Buffer; readonly value: T }> {
  let pem: Buffer;
  try {
    pem = await readFile(file.path);
  } catch (error) {
    throw new Error(`${named(file)} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    return { pem, value: parse(pem) };
  } catch (cause) {
    throw new Error(`${named(file)} is not ${expected}`, { cause });
  }
}

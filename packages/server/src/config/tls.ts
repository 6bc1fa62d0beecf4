// The certificate and its key, read before anything starts: the TLS library's own errors name neither file nor option.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Config } from './options.ts';

/** Rejects with what is wrong with which of the two files; without them there is nothing to check. */
export async function checkTls({ tlsCert, tlsKey }: Pick<Config, 'tlsCert' | 'tlsKey'>): Promise<void> {
  if (tlsCert === '' && tlsKey === '') return;
  const certificate = await read(tlsCert, {
    option: 'tls-cert',
    expected: 'a PEM certificate',
    parse: (pem) => new X509Certificate(pem),
  });
  const key: KeyObject = await read(tlsKey, {
    option: 'tls-key',
    expected: 'a PEM private key without a passphrase',
    parse: (pem) => createPrivateKey(pem),
  });
  if (!certificate.checkPrivateKey(key)) throw new Error(`${tlsKey} (tls-key) is not the key of ${tlsCert} (tls-cert)`);
}

async function read<T>(
  path: string,
  {
    option,
    expected,
    parse,
  }: { readonly option: string; readonly expected: string; readonly parse: (pem: Buffer) => T },
): Promise<T> {
  let pem: Buffer;
  try {
    pem = await readFile(path);
  } catch (error) {
    throw new Error(`${path} (${option}) cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    return parse(pem);
  } catch (cause) {
    throw new Error(`${path} (${option}) is not ${expected}`, { cause });
  }
}

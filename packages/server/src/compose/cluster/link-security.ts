// What the links of this process prove and show: the secret in the data folder, and the certificate as configured.

import { readFile } from 'node:fs/promises';
import { parseAddress } from '@hongyan/base/address';
import type { Log } from '@hongyan/base/log';
import type { Config } from '../../config/options.ts';
import { readOrCreateLinkSecret } from '../../config/secret.ts';
import { isLoopback } from '../../http/loopback.ts';
import type { LinkSecurity, LinkTls } from '../../transport/link/security.ts';

export async function readLinkSecurity(config: Config, log: Log): Promise<LinkSecurity> {
  const tls = await readTls(config);
  if (tls === undefined && !isLoopback(parseAddress(config.linkListen)))
    log.warn('links are not encrypted: give them a certificate by link-tls-cert', { address: config.linkListen });
  return { secret: await readOrCreateLinkSecret(config.data, log), tls };
}

async function readTls({ linkTlsCert, linkTlsKey, linkTlsCa }: Config): Promise<LinkTls | undefined> {
  if (linkTlsCert === '') return undefined;
  const [certificate, key, authority] = await Promise.all([
    read(linkTlsCert, 'link-tls-cert'),
    read(linkTlsKey, 'link-tls-key'),
    read(linkTlsCa, 'link-tls-ca'),
  ]);
  return { certificate, key, authority };
}

async function read(path: string, option: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new Error(`${path} (${option}) cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

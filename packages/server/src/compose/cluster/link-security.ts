// What the links of this process prove and show: the secret in the data folder, and the certificate as configured.

import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parseAddress } from '@hongyan/base/address';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { Config } from '../../config/options.ts';
import { readOrCreateLinkSecret } from '../../config/secret.ts';
import { isLoopback } from '../../http/loopback.ts';
import { type HealthCheck, healthy } from '../../roles/operator/health.ts';
import type { LinkSecurity, LinkTls } from '../../transport/link/security.ts';

/** A process with a certificate that ends so soon says so. */
const renewWithinMs = 14 * 24 * 3_600_000;

export async function readLinkSecurity(config: Config, log: Log): Promise<LinkSecurity> {
  const tls = await readTls(config);
  if (tls === undefined && !isLoopback(parseAddress(config.linkListen)))
    log.warn('links are not encrypted: give them a certificate by link-tls-cert', { address: config.linkListen });
  return { secret: await readOrCreateLinkSecret(config.data, log), tls };
}

/** Links that stand outlive it, so that nobody would notice before one has to begin anew. */
export function certificateChecks({ tls }: LinkSecurity, clock: Pick<Clock, 'nowMs'>): readonly HealthCheck[] {
  if (tls === undefined) return [];
  const { validToDate } = new X509Certificate(tls.certificate);
  const until = validToDate.toISOString();
  return [
    {
      name: 'link certificate',
      check: () =>
        validToDate.getTime() - clock.nowMs() > renewWithinMs
          ? healthy
          : { status: 'degraded', reason: `link-tls-cert is valid until ${until}: renew it, and restart this process` },
    },
  ];
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

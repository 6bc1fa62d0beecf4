// What the links of this process prove and show: the secret in the data folder, and the certificate as configured.

import { X509Certificate } from 'node:crypto';
import { parseAddress } from '@hongyan/base/address';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { Config, OptionName } from '../../config/options.ts';
import { readOrCreateLinkSecret } from '../../config/secret.ts';
import { readLinkTls } from '../../config/tls.ts';
import { isLoopback } from '../../http/loopback.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { HealthCheck } from '../../roles/operator/health.ts';
import { LinkCertificate, type LinkSecurity, type LinkTls } from '../../transport/link/security.ts';
import { certificateCheck, registerCertificateEnd } from '../operator/certificate-end.ts';
import type { Renewal } from '../operator/reload-route.ts';

interface Surroundings {
  readonly log: Log;
  readonly clock: Clock;
}

export async function readLinkSecurity(config: Config, { log, clock }: Surroundings): Promise<LinkSecurity> {
  const tls = await readLinkTls(config, clock);
  if (tls === undefined && !isLoopback(parseAddress(config.linkListen).hostname))
    log.warn('links are not encrypted: set link-tls-cert', { address: config.linkListen });
  const certificate = tls === undefined ? undefined : new LinkCertificate(tls);
  return { secret: await readOrCreateLinkSecret(config.data, log), certificate };
}

/** Links that stand outlive it, so that nobody would notice before one has to begin anew. */
export function watchCertificate(
  { certificate }: LinkSecurity,
  { metrics, clock }: { readonly metrics: Metrics; readonly clock: Clock },
): readonly HealthCheck[] {
  if (certificate === undefined) return [];
  const endsAtMs = () => new X509Certificate(certificate.tls.certificate).validToDate.getTime();
  const shown = { option: 'link-tls-cert', endsAtMs } as const;
  registerCertificateEnd(metrics, shown);
  return [certificateCheck('link certificate', { ...shown, afterRenewal: 'run hongyan reload' }, clock)];
}

/** [N8] What the files of the certificate hold now, for the links that begin from then on. */
export function certificateRenewal(
  config: Config,
  { certificate }: LinkSecurity,
  { log, clock }: Surroundings,
): (() => Promise<Renewal>) | undefined {
  if (certificate === undefined) return undefined;
  return async () => {
    const tls = await readLinkTls(config, clock).catch((cause: Error) => {
      throw new Error(
        `${cause.message}; a reload rereads only the files given at the start, others require a restart`,
        {
          cause,
        },
      );
    });
    const changed = tls === undefined ? [] : filesThatDiffer(tls, certificate.tls);
    return {
      changed,
      apply() {
        if (tls === undefined || changed.length === 0) return;
        certificate.renew(tls);
        log.info('link certificate renewed', {
          validTo: new X509Certificate(tls.certificate).validToDate.toISOString(),
        });
      },
    };
  };
}

const partOf = { 'link-tls-cert': 'certificate', 'link-tls-key': 'key', 'link-tls-ca': 'authority' } as const;
const fileOptions = Object.keys(partOf) as (keyof typeof partOf)[];

const filesThatDiffer = (now: LinkTls, before: LinkTls): readonly OptionName[] =>
  fileOptions.filter((option) => !now[partOf[option]].equals(before[partOf[option]]));

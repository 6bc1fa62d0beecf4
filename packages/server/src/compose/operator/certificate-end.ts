// When a certificate that this process shows ends: nobody notices before the day on which everyone is refused.

import type { Clock } from '@hongyan/base/clock';
import type { Metrics } from '../../metrics/metrics.ts';
import { type HealthCheck, healthy } from '../../roles/operator/health.ts';

/** A process with a certificate that ends so soon says so. */
const renewWithinMs = 14 * 24 * 3_600_000;

interface ShownCertificate {
  readonly option: 'tls-cert' | 'link-tls-cert';
  /** Of the one that is shown at the moment, whatever its file holds by now. Undefined while none is. */
  readonly endsAtMs: () => number | undefined;
}

export function registerCertificateEnd(metrics: Metrics, { option, endsAtMs }: ShownCertificate): void {
  metrics.gauge({
    name: 'hongyan_certificate_end_time_seconds',
    help: 'When the certificate of each option ends, in Unix time',
    read() {
      const atMs = endsAtMs();
      return atMs === undefined ? [] : [[{ option }, atMs / 1000]];
    },
  });
}

/** `afterRenewal`: what makes the server show the new one. */
export const certificateCheck = (
  name: string,
  { option, endsAtMs, afterRenewal }: ShownCertificate & { readonly afterRenewal: string },
  clock: Pick<Clock, 'nowMs'>,
): HealthCheck => ({
  name,
  check() {
    const atMs = endsAtMs();
    if (atMs === undefined || atMs - clock.nowMs() > renewWithinMs) return healthy;
    const reason = `${option} is valid until ${new Date(atMs).toISOString()}: renew it, then ${afterRenewal}`;
    return { status: 'degraded', reason };
  },
});

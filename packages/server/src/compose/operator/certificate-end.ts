// Reports when a certificate of this process expires: otherwise no one notices before the day on which all clients are rejected.

import type { Clock } from '@hongyan/base/clock';
import type { Metrics } from '../../metrics/metrics.ts';
import { type HealthCheck, healthy } from '../../roles/operator/health.ts';

/** The health check degrades when less than this is left. */
const renewWithinMs = 14 * 24 * 3_600_000;

interface ShownCertificate {
  readonly option: 'tls-cert' | 'link-tls-cert';
  /** Expiry of the certificate in use, which may differ from the one in its file. Undefined while there is none. */
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

/** `afterRenewal`: how the operator makes the server use the renewed certificate. */
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

// Health for orchestrators and people: /healthz says that the process answers, /readyz what each check of it found and why.

import { type Clock, sleep } from '@hongyan/base/clock';
import type { OperatorRoute } from './route.ts';

export type Health =
  | { readonly status: 'ok' }
  /** It serves, and someone should look at it soon. */
  | { readonly status: 'degraded'; readonly reason: string }
  /** It must get no traffic. */
  | { readonly status: 'failed'; readonly reason: string };

export interface HealthCheck {
  readonly name: string;
  /** Quick: it is asked every few seconds. What it throws counts as failed. */
  check(): Health | Promise<Health>;
}

export const healthy: Health = { status: 'ok' };

/** A check that has not answered by then has failed. */
const timeoutMs = 1_000;

export function healthRoutes(checks: readonly HealthCheck[], clock: Clock): readonly OperatorRoute[] {
  return [
    { method: 'GET', path: '/healthz', isOpen: true, handle: () => Response.json({ status: 'ok' }) },
    {
      method: 'GET',
      path: '/readyz',
      isOpen: true,
      // `always=200`: for those who read what it says.
      async handle({ query }) {
        const readiness = await readinessOf(checks, clock);
        const isOk = readiness.status === 'ready' || query.get('always') === '200';
        return Response.json(readiness, { status: isOk ? 200 : 503 });
      },
    },
  ];
}

export interface Readiness {
  readonly status: 'ready' | 'not ready';
  readonly checks: Readonly<Record<string, Health>>;
}

export async function readinessOf(checks: readonly HealthCheck[], clock: Clock): Promise<Readiness> {
  const found = await Promise.all(checks.map((check) => run(check, clock)));
  return {
    status: found.every(({ health }) => health.status !== 'failed') ? 'ready' : 'not ready',
    checks: Object.fromEntries(found.map(({ name, health }) => [name, health])),
  };
}

async function run(check: HealthCheck, clock: Clock): Promise<{ readonly name: string; readonly health: Health }> {
  const { name } = check;
  const answered = new AbortController();
  const late = sleep(clock, { delayMs: timeoutMs, signal: answered.signal }).then(() =>
    failed(`no answer within ${timeoutMs} ms`),
  );
  try {
    return { name, health: await Promise.race([check.check(), late]) };
  } catch (error) {
    return { name, health: failed(error instanceof Error ? error.message : String(error)) };
  } finally {
    answered.abort();
  }
}

const failed = (reason: string): Health => ({ status: 'failed', reason });

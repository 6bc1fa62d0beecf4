// The operator listener of this server, with the routes of its parts, its token, and the file by which the command line finds it.

import { statfs } from 'node:fs/promises';
import { type Address, parseAddress } from '@hongyan/base/address';
import { readOrCreateOperatorToken } from '../config/operator-token.ts';
import type { Config } from '../config/options.ts';
import { OperatorAccess } from '../roles/operator/access.ts';
import { type Health, type HealthCheck, healthRoutes, healthy } from '../roles/operator/health.ts';
import { OperatorListener } from '../roles/operator/operator.ts';
import type { OperatorRoute } from '../roles/operator/route.ts';
import { sessionRoutes } from '../roles/operator/sessions.ts';
import type { Surroundings } from './core.ts';

export interface OperatorParts {
  readonly checks: readonly HealthCheck[];
  readonly routes: readonly OperatorRoute[];
}

/** undefined where the configuration has none. It listens when this resolves. */
export async function openOperator(
  config: Config,
  { log, clock }: Surroundings,
  { checks, routes }: OperatorParts,
): Promise<OperatorListener | undefined> {
  if (config.operatorListen === '') return undefined;
  const listen = parseAddress(config.operatorListen);
  const access = new OperatorAccess(await readOrCreateOperatorToken(config.data, log));
  const own = [...healthRoutes([...checks, diskCheck(config)], clock), ...sessionRoutes(access, clock)];
  const listener = new OperatorListener({ listen, access, routes: [...own, ...routes], clock, log });
  listener.start();
  if (!isLoopback(listen)) log.warn('operators are listened to without TLS', { address: config.operatorListen });
  return listener;
}

/** With less than this free, an operator has to act before the disk is full: sends then fail. */
const freeShareMin = 0.05;

const diskCheck = ({ data }: Config): HealthCheck => ({
  name: 'disk',
  async check(): Promise<Health> {
    const { bavail, blocks, bsize } = await statfs(data);
    if (bavail >= blocks * freeShareMin) return healthy;
    const freeMebibytes = Math.floor((bavail * bsize) / 1024 / 1024);
    return { status: 'degraded', reason: `${freeMebibytes} MiB are free where ${data} lies; sends fail when none are` };
  },
});

const isLoopback = ({ hostname }: Address): boolean => /^(127\.|localhost$|::1$)/.test(hostname);

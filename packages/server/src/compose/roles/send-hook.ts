// The check before sending as configured, with a secret of its own in the data folder.

import { existsSync } from 'node:fs';
import type { Log } from '@hongyan/base/log';
import { dataLayout } from '../../config/data-layout.ts';
import type { Config } from '../../config/options.ts';
import { formatSecret, parseSecret, secretBytes } from '../../domain/webhook-signature.ts';
import { createPrivateFile, readPrivateFile } from '../../files/private-file.ts';
import { GuardedOutbound } from '../../ports/outbound/guarded-outbound.ts';
import { HttpSendHook } from '../../ports/send-hook/http-send-hook.ts';
import { type HealthCheck, healthy } from '../../roles/operator/health.ts';
import type { Surroundings } from '../surroundings.ts';

/** Beside the content that it may carry. */
const answerBytes = 4_096;
/** A character of a content may be written as an escape sequence. */
const escapeFactor = 6;
/** One message may get a verdict where others get none: the hook is well when none was missing for this time. */
const silenceCountsForMs = 30_000;

export interface OpenSendHook {
  /** undefined: no hook is configured. */
  readonly hook: HttpSendHook | undefined;
  readonly checks: readonly HealthCheck[];
}

/** Rejects, with what to do, for a URL or a secret that is none. */
export async function openSendHook(config: Config, surroundings: Surroundings): Promise<OpenSendHook> {
  const hook = await createSendHook(config, surroundings);
  const { metrics } = surroundings;
  metrics.counter({
    name: 'hongyan_before_send_total',
    help: 'Messages and edits by the verdict of before-send-url; none: it gave none',
    read: () => Object.entries(hook?.verdicts ?? {}).map(([verdict, count]) => [{ verdict }, count]),
  });
  metrics.histogram({
    name: 'hongyan_before_send_seconds',
    help: 'Requests to before-send-url, with or without a verdict',
    read: () => hook?.seconds ?? [],
  });
  if (hook === undefined) return { hook, checks: [] };
  metrics.queue('before_send', { depth: () => hook.inFlightCount, max: config.beforeSendInFlightMax });
  return { hook, checks: [silenceCheck(hook, config, surroundings)] };
}

function silenceCheck(
  hook: HttpSendHook,
  { beforeSendFail }: Config,
  { clock }: Pick<Surroundings, 'clock'>,
): HealthCheck {
  const outcome = beforeSendFail === 'open' ? 'accepted' : 'refused';
  return {
    name: 'before-send',
    check() {
      const { lastFailure } = hook;
      if (lastFailure === undefined || clock.monotonicMs() - lastFailure.atMs > silenceCountsForMs) return healthy;
      const reason = `before-send-url gives no verdict, and messages are ${outcome}: ${lastFailure.why}`;
      return { status: 'degraded', reason };
    },
  };
}

async function createSendHook(
  config: Config,
  { log, clock }: Pick<Surroundings, 'log' | 'clock'>,
): Promise<HttpSendHook | undefined> {
  const url = config.beforeSendUrl;
  if (url === '') return undefined;
  // Whoever sets the option may name any address: it is often a service of the same network.
  const outbound = new GuardedOutbound({ mayReachPrivate: true });
  const refusal = outbound.refusalOf(url);
  if (refusal !== undefined) throw new Error(`before-send-url ${url} cannot be asked: ${refusal}`);
  return new HttpSendHook({
    ...{ url, outbound, clock, log },
    key: await readOrCreateKey(config.data, log),
    timeoutMs: config.beforeSendTimeoutMs,
    whenSilent: config.beforeSendFail === 'open' ? 'open' : 'closed',
    inFlightMax: config.beforeSendInFlightMax,
    answerBytesMax: config.contentBytesMax * escapeFactor + answerBytes,
  });
}

async function readOrCreateKey(data: string, log: Log): Promise<Uint8Array> {
  const path = dataLayout(data).beforeSendSecret;
  if (!existsSync(path)) {
    await createPrivateFile(path, `${formatSecret(crypto.getRandomValues(new Uint8Array(secretBytes)))}\n`);
    log.info('secret of the check before sending created', { path });
  }
  const key = parseSecret(await readPrivateFile(path, log));
  if (!key) throw new Error(`${path} does not hold a webhook secret (whsec_ and base64): delete it and start again`);
  return key;
}

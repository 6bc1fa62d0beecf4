// One attempt to deliver one event to one endpoint: signed, sent, and what came of it in words.

import { assert } from '@hongyan/base/assert';
import type { Clock } from '@hongyan/base/clock';
import type { WireEvent } from '@hongyan/protocol/events';
import { retryAfterMs } from '../../../domain/retry-schedule.ts';
import { parseSecret, signedHeaders } from '../../../domain/webhook-signature.ts';
import type { Endpoint } from '../../../ports/event-log/webhooks.ts';
import type { Outbound, OutboundResponse } from '../../../ports/outbound/outbound.ts';

export type Outcome =
  | { readonly type: 'delivered'; readonly status: number }
  /** The receiver wants no more of them. */
  | { readonly type: 'gone'; readonly status: number; readonly error: string }
  /** `pauseMs`: the receiver asks for no request at all before. */
  | { readonly type: 'failed'; readonly status: number; readonly error: string; readonly pauseMs: number | undefined };

/** What a receiver answers is read to the end where it is short, so that its connection can be used again. */
const answerBytesMax = 16 * 1024;

export interface DeliveryDeps {
  readonly outbound: Outbound;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** As the User-Agent. */
  readonly version: string;
}

export async function deliver(
  event: WireEvent,
  endpoint: Pick<Endpoint, 'url' | 'secret' | 'oldSecret'>,
  { outbound, clock, timeoutMs, version, signal }: DeliveryDeps & { readonly signal?: AbortSignal },
): Promise<Outcome> {
  const body = JSON.stringify(event);
  const nowMs = clock.nowMs();
  const headers = {
    'content-type': 'application/json',
    'user-agent': `hongyan/${version}`,
    ...signedHeaders({ id: event.id, timestampS: Math.floor(nowMs / 1000), body }, keysOf(endpoint, nowMs)),
  };
  return outcomeOf(await outbound.post({ url: endpoint.url, headers, body, timeoutMs, answerBytesMax, signal }), nowMs);
}

function keysOf({ secret, oldSecret }: Pick<Endpoint, 'secret' | 'oldSecret'>, nowMs: number): readonly Uint8Array[] {
  const secrets = [secret, ...(oldSecret && oldSecret.untilMs > nowMs ? [oldSecret.secret] : [])];
  return secrets.map((text) => {
    const key = parseSecret(text);
    assert(key, 'a secret that is kept was checked when it was made');
    return key;
  });
}

function outcomeOf(posted: OutboundResponse, nowMs: number): Outcome {
  if (posted.type === 'failed') return { type: 'failed', status: 0, error: posted.error, pauseMs: undefined };
  const { status, retryAfter } = posted;
  if (status >= 200 && status < 300) return { type: 'delivered', status };
  if (status === 410) return { type: 'gone', status, error: 'HTTP 410: the receiver wants no more events' };
  const isRedirect = status >= 300 && status < 400;
  const error = isRedirect ? `HTTP ${status}: redirects are not followed; change the endpoint's URL` : `HTTP ${status}`;
  return { type: 'failed', status, error, pauseMs: retryAfterMs(retryAfter, nowMs) };
}

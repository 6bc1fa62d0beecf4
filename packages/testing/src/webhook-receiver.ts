// A receiver of webhooks as an application would write it: checks signatures by itself and remembers everything it was sent.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { serve } from 'bun';
import { until } from './until.ts';

export interface ReceivedEvent {
  readonly id: string;
  readonly type: string;
  readonly position: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Received {
  readonly event: ReceivedEvent;
  readonly path: string;
  readonly body: string;
  readonly headers: Headers;
  /** By each secret that the receiver knows: how many of them one of its signatures is of. */
  readonly validSecrets: number;
  /** What it was answered. */
  readonly status: number;
  readonly atMs: number;
}

export type Answering = (event: ReceivedEvent, path: string) => Response | number | Promise<Response | number>;

export class WebhookReceiver {
  readonly url: string;
  readonly received: Received[] = [];
  /** As given to the receiver by whoever added the endpoint. */
  secrets: string[] = [];
  answering: Answering;
  /** Requests that came and are not answered yet. */
  openCount = 0;
  readonly #server: ReturnType<typeof serve>;

  constructor(answering: Answering = () => 200) {
    this.answering = answering;
    this.#server = serve({ hostname: '127.0.0.1', port: 0, fetch: (request) => this.#receive(request) });
    this.url = `http://127.0.0.1:${this.#server.port}/hooks`;
  }

  /** Delivered ones, each event once, in the order in which it first came. */
  get events(): readonly ReceivedEvent[] {
    const known = new Map<string, ReceivedEvent>();
    for (const { event, status } of this.received) if (status < 300 && !known.has(event.id)) known.set(event.id, event);
    return [...known.values()];
  }

  ofType(type: string): readonly ReceivedEvent[] {
    return this.events.filter((event) => event.type === type);
  }

  /** Resolves with the first delivered event that matches. */
  async next(matches: (event: ReceivedEvent) => boolean, what = String(matches)): Promise<ReceivedEvent> {
    await until(() => this.events.some(matches), { what, withinMs: 20_000 });
    const found = this.events.find(matches);
    if (!found) throw new Error('it was there a moment ago');
    return found;
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }

  async #receive(request: Request): Promise<Response> {
    const atMs = performance.now();
    const { pathname: path } = new URL(request.url);
    const body = await request.text();
    const event = JSON.parse(body) as ReceivedEvent;
    this.openCount++;
    const answer = await this.answering(event, path);
    this.openCount--;
    const response = typeof answer === 'number' ? new Response(null, { status: answer }) : answer;
    const { headers } = request;
    const validSecrets = this.secrets.filter((secret) => isSigned(headers, body, secret)).length;
    this.received.push({ event, path, body, headers, validSecrets, status: response.status, atMs });
    return response;
  }
}

function isSigned(headers: Headers, body: string, secret: string): boolean {
  const [id, timestamp] = [headers.get('webhook-id'), headers.get('webhook-timestamp')];
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) return false;
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest();
  return (headers.get('webhook-signature') ?? '').split(' ').some((signature) => {
    const [version, base64 = ''] = signature.split(',');
    const given = Buffer.from(base64, 'base64');
    return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
  });
}

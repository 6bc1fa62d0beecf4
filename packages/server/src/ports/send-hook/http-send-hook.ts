// The send hook over HTTP: a request signed like a webhook, whose response is the verdict on the message.

import { unreachable } from '@hongyan/base/assert';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { ok } from '@hongyan/base/result';
import { type Content, ContentSchema } from '@hongyan/protocol/content';
import { findLossyNumber } from '@hongyan/protocol/exact-numbers';
import { checkShape, isShallow } from '@hongyan/protocol/parse';
import { failure, type Result, refusal } from '@hongyan/protocol/refusals';
import Type, { type Static } from 'typebox';
import { eventIdOf } from '../../domain/event-id.ts';
import { signedHeaders } from '../../domain/webhook-signature.ts';
import { Histogram, latencyBoundsS } from '../../metrics/histogram.ts';
import type { Outbound, OutboundResponse } from '../outbound/outbound.ts';
import type { CheckedMessage, SendHook, Verdict } from './send-hook.ts';

export interface HttpSendHookOptions {
  readonly url: string;
  readonly key: Uint8Array;
  readonly timeoutMs: number;
  /** Without a verdict a message is accepted (open), or its send fails for now (closed). */
  readonly whenSilent: 'open' | 'closed';
  /** Requests in flight; further messages fail as overloaded. */
  readonly inFlightMax: number;
  readonly answerBytesMax: number;
  readonly outbound: Outbound;
  readonly clock: Clock;
  readonly log: Log;
}

/** Any known `action` is a verdict, even if other fields are invalid: a mistake in a refusal must not let the message pass. */
const AnswerSchema = Type.Object({
  action: Type.Union([Type.Literal('allow'), Type.Literal('refuse'), Type.Literal('replace')]),
  reason: Type.Optional(Type.Unknown()),
  content: Type.Optional(Type.Unknown()),
});
const reasonCharsMax = 500;
const refused: Verdict = { type: 'refuse', reason: 'this message was not accepted' };

/** After this many consecutive failures the hook is not called for a while: each message would wait for the deadline. */
const failuresMax = 10;
const pauseMs = 5_000;

/** A check without a verdict. */
export interface CheckFailure {
  readonly why: string;
  /** On the monotonic clock. */
  readonly atMs: number;
}

export class HttpSendHook implements SendHook {
  /** Per request, with or without a verdict. */
  readonly seconds = new Histogram(latencyBoundsS);
  /** Messages and edits since the start. `none` includes those accepted or failed without a request while the hook is paused. */
  readonly verdicts = { allow: 0, refuse: 0, replace: 0, none: 0 };
  readonly #options: HttpSendHookOptions;
  #inFlight = 0;
  #failures = 0;
  #pausedUntilMs = 0;
  #lastFailure: CheckFailure | undefined;

  constructor(options: HttpSendHookOptions) {
    this.#options = options;
  }

  get inFlightCount(): number {
    return this.#inFlight;
  }

  get lastFailure(): CheckFailure | undefined {
    return this.#lastFailure;
  }

  async check(message: CheckedMessage): Promise<Result<Verdict>> {
    const { inFlightMax, clock } = this.#options;
    if (clock.monotonicMs() < this.#pausedUntilMs) return this.#withoutVerdict();
    if (this.#inFlight >= inFlightMax) return failure.overloaded('pending checks before sending');
    this.#inFlight++;
    const beginMs = clock.monotonicMs();
    try {
      const verdict = verdictOf(await this.#post(message), message.targetSeq === undefined);
      this.seconds.observe((clock.monotonicMs() - beginMs) / 1000);
      if (typeof verdict === 'string') return this.#failed(verdict);
      this.#failures = 0;
      this.verdicts[verdict.type]++;
      return ok(verdict);
    } finally {
      this.#inFlight--;
    }
  }

  fingerprint(text: string): string {
    return new Bun.CryptoHasher('sha256', this.#options.key).update(text).digest('hex').slice(0, 32);
  }

  #post(message: CheckedMessage): Promise<OutboundResponse> {
    const { url, key, timeoutMs, answerBytesMax, outbound, clock } = this.#options;
    const nowMs = clock.nowMs();
    const body = bodyOf(message, nowMs);
    const id = eventIdOf('before_send', message.from, message.clientMsgId);
    const headers = {
      'content-type': 'application/json',
      ...signedHeaders({ id, timestampS: Math.floor(nowMs / 1000), body }, [key]),
    };
    return outbound.post({ url, headers, body, timeoutMs, answerBytesMax });
  }

  #failed(why: string): Result<Verdict> {
    const { log, clock, whenSilent } = this.#options;
    this.#failures++;
    this.#lastFailure = { why, atMs: clock.monotonicMs() };
    log.warn('no verdict of the check before sending', { why, when_silent: whenSilent });
    if (this.#failures >= failuresMax) this.#pausedUntilMs = clock.monotonicMs() + pauseMs;
    return this.#withoutVerdict();
  }

  #withoutVerdict(): Result<Verdict> {
    this.verdicts.none++;
    return this.#options.whenSilent === 'open' ? ok({ type: 'allow' }) : failure.noVerdict();
  }
}

/** The stored content is already JSON: it is copied behind the other fields. */
function bodyOf(message: CheckedMessage, nowMs: number): string {
  const { conversationId, from, clientMsgId, contentJson, replyTo, mentions, targetSeq } = message;
  const data = JSON.stringify({
    conversation_id: conversationId,
    from,
    client_msg_id: clientMsgId,
    ...(targetSeq === undefined ? {} : { target_seq: targetSeq }),
    ...(replyTo === undefined ? {} : { reply_to: { seq: replyTo } }),
    ...(mentions === undefined ? {} : { mentions }),
  });
  const type = targetSeq === undefined ? 'message.before_send' : 'message.before_edit';
  const timestamp = new Date(nowMs).toISOString();
  return `{"type":"${type}","timestamp":"${timestamp}","data":${data.slice(0, -1)},"content":${contentJson}}}`;
}

/** Returns a text, the reason, if there is no verdict. */
function verdictOf(posted: OutboundResponse, mayReplace: boolean): Verdict | string {
  if (posted.type === 'failed') return posted.error;
  const { status, body, isCut } = posted;
  if (status !== 200) return `HTTP ${status}; the response must be 200 with an action`;
  if (isCut) return 'the response is too long';
  const answer = answerOf(body);
  if (answer.type !== 'ok') return answer.message;
  const { action, reason, content } = answer.value;
  switch (action) {
    case 'allow':
      return { type: 'allow' };
    case 'refuse':
      return typeof reason === 'string' ? { type: 'refuse', reason: reason.slice(0, reasonCharsMax) } : refused;
    case 'replace': {
      if (!mayReplace || !isShallow({ content }) || findLossyNumber(body, 'content') !== undefined) return refused;
      const shaped = checkShape<Content>(ContentSchema, content, 'content');
      return shaped.type === 'ok' ? { type: 'replace', content: shaped.value } : refused;
    }
    default:
      return unreachable(action);
  }
}

/** Only a replacing content has to be exact, and is checked separately; other fields are ignored. */
function answerOf(body: string): Result<Static<typeof AnswerSchema>> {
  try {
    return checkShape(AnswerSchema, JSON.parse(body), 'answer');
  } catch {
    // SyntaxError.
    return refusal.invalid('the text is not valid JSON');
  }
}

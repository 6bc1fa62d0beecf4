// The requests of one connection that wait for their answer.

import type { Clock, Timer } from '@hongyan/base/clock';
import type { DownOf } from '@hongyan/protocol/down';
import type { Up } from '@hongyan/protocol/up';
import { ClientError } from './client-error.ts';

export type Answer = DownOf<'ack' | 'sync_result' | 'history_result' | 'presence_result'>;
/** A request before it gets its id. */
export type Request =
  Extract<Up, { id: number }> extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never;
export type AnswerTo<T> = T extends 'send' ? 'ack' : T extends 'sync' | 'history' | 'presence' ? `${T}_result` : never;

export interface RequestsOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** What the server takes: a longer frame would have no answer, or cost the connection. */
  readonly frameBytesMax: number | undefined;
  readonly send: (text: string) => void;
  /** A request had no answer in time. */
  readonly onSilence: (error: ClientError) => void;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: ClientError) => void;
  readonly timer: Timer;
}

export class Requests {
  readonly #options: RequestsOptions;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  ask(request: Request): Promise<Answer> {
    const { clock, timeoutMs, frameBytesMax, send, onSilence } = this.#options;
    const id = this.#nextId++;
    const text = JSON.stringify({ ...request, id });
    if (isLonger(text, frameBytesMax)) {
      return Promise.reject(new ClientError('too_large', `a frame is at most ${frameBytesMax} bytes`));
    }
    return new Promise((resolve, reject) => {
      const timer = clock.after(timeoutMs, () =>
        onSilence(new ClientError('unavailable', `no answer within ${timeoutMs} ms`)),
      );
      this.#waiting.set(id, { resolve, reject, timer });
      send(text);
    });
  }

  /** One that nobody waits for is passed over. */
  answer(frame: Answer | DownOf<'error'>): void {
    const id = frame.id ?? 0;
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    waiting.timer.cancel();
    if (frame.type === 'error') waiting.reject(new ClientError(frame.code, frame.message, retryOf(frame)));
    else waiting.resolve(frame);
  }

  rejectAll(error: ClientError): void {
    for (const { timer, reject } of this.#waiting.values()) {
      timer.cancel();
      reject(error);
    }
    this.#waiting.clear();
  }
}

/** UTF-8 needs at most 3 bytes for a UTF-16 unit: only texts near the limit are measured exactly. */
function isLonger(text: string, bytesMax: number | undefined): boolean {
  if (bytesMax === undefined || text.length * 3 <= bytesMax) return false;
  return new TextEncoder().encode(text).length > bytesMax;
}

const retryOf = ({ retry_after_ms }: DownOf<'error'>) =>
  retry_after_ms === undefined ? {} : { retryAfterMs: retry_after_ms };

// The requests of one connection that wait for their answer.

import type { Clock, Timer } from '@hongyan/base/clock';
import type { Down, DownOf } from '@hongyan/protocol/down';
import type { Input, OperationName, Operations, Output } from '@hongyan/protocol/operations/operations';
import { ClientError } from './client-error.ts';
import { deadline } from './deadline.ts';
import { utf8Length } from './unicode.ts';

/** Operations whose frame has an answer. */
export type RequestName = {
  [N in OperationName]: Operations[N] extends { readonly frame: { readonly down: string } } ? N : never;
}[OperationName];

/** The frame that asks for an operation has its name, in the case of the wire; requests.test.ts compares. */
export const frameOf = (name: RequestName): string => name.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`);

export type Answer = Extract<Down, { readonly id: number }>;

export interface RequestsOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly firstId: number;
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
  #nextId: number;

  constructor(options: RequestsOptions) {
    this.#options = options;
    this.#nextId = options.firstId;
  }

  ask<N extends RequestName>(name: N, input: Input<N>): Promise<Output<N>> {
    const { clock, timeoutMs, frameBytesMax, send, onSilence } = this.#options;
    const id = this.#nextId++;
    const text = JSON.stringify({ type: frameOf(name), ...input, id });
    if (isLonger(text, frameBytesMax)) {
      const message = `the frame is larger than the ${frameBytesMax} bytes that the server takes`;
      return Promise.reject(new ClientError('too_large', message));
    }
    const answer = new Promise<Answer>((resolve, reject) => {
      const timer = deadline(clock, timeoutMs, () =>
        onSilence(new ClientError('unavailable', `no answer within ${timeoutMs} ms`)),
      );
      this.#waiting.set(id, { resolve, reject, timer });
      send(text);
    });
    return answer as Promise<unknown> as Promise<Output<N>>;
  }

  /** An answer to no waiting request is ignored. */
  answer(frame: Answer | DownOf<'error'>): void {
    const id = frame.id ?? 0;
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    waiting.timer.cancel();
    if (frame.type === 'error')
      waiting.reject(new ClientError(frame.code, frame.message, { retryAfterMs: frame.retry_after_ms }));
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
  return utf8Length(text) > bytesMax;
}

// A WebSocket of another tab, as the connection of this tab uses it: what is sent and received goes through a BroadcastChannel.

import type { WebSocketLike } from './client-options.ts';

/** To the tab that has the WebSocket. */
export type FromFollower =
  | { readonly type: 'send'; readonly text: string }
  /** Characters of messages that were received since the last report. */
  | { readonly type: 'took'; readonly size: number }
  | { readonly type: 'close' };

/** From the tab that has the WebSocket. */
export type ToFollower =
  /** Without a connection now; it follows. */
  | { readonly type: 'wait' }
  /** That tab is hidden, this one is visible: this one is to have the WebSocket. */
  | { readonly type: 'yield' }
  /** The first is the welcome. */
  | { readonly type: 'message'; readonly text: string }
  | { readonly type: 'close'; readonly code: number };

/** Well below what may be unreported: a tab that reads is not given up. */
const reportEvery = 256 * 1024;

export class RemoteSocket implements WebSocketLike {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readonly id: string;
  /** Absent once it is closed. */
  #channel: BroadcastChannel | undefined;
  readonly #onAnswer: (answer: 'wait' | 'yield') => void;
  #isOpen = false;
  #unreported = 0;

  /** `onAnswer`: the other tab lives. */
  constructor(id: string, channel: BroadcastChannel, onAnswer: (answer: 'wait' | 'yield') => void) {
    this.id = id;
    this.#channel = channel;
    this.#onAnswer = onAnswer;
    channel.onmessage = ({ data }: MessageEvent<ToFollower>) => this.#receive(data);
  }

  /** The hello is dropped: the other tab has said it. */
  send(text: string): void {
    if (this.#isOpen) this.#post({ type: 'send', text });
  }

  close(): void {
    this.#post({ type: 'close' });
    this.#end();
  }

  #receive(message: ToFollower): void {
    switch (message.type) {
      case 'message':
        if (!this.#isOpen) this.#open();
        this.#took(message.text.length);
        return this.onmessage?.({ data: message.text } as never);
      case 'close':
        this.#end();
        return this.onclose?.({ code: message.code } as never);
      default:
        return this.#onAnswer(message.type);
    }
  }

  #open(): void {
    this.#onAnswer('wait');
    this.onopen?.({} as never);
    this.#isOpen = true;
  }

  #took(size: number): void {
    this.#unreported += size;
    if (this.#unreported < reportEvery) return;
    this.#post({ type: 'took', size: this.#unreported });
    this.#unreported = 0;
  }

  #end(): void {
    this.#channel?.close();
    this.#channel = undefined;
  }

  #post(message: FromFollower): void {
    this.#channel?.postMessage(message);
  }
}

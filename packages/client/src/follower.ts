// Another tab that uses the WebSocket of this one.

import { closeCode } from '@hongyan/protocol/codes';
import type { FromFollower, ToFollower } from './remote-socket.ts';

/** Characters that may wait for a tab, which may be frozen. Beyond it the tab is given up: when it wakes, it connects again and catches up. */
const unreportedMax = 4 * 1024 * 1024;

export interface FollowerOptions {
  readonly channel: BroadcastChannel;
  readonly onSend: (text: string) => void;
  readonly onClose: () => void;
}

export class Follower {
  readonly #channel: BroadcastChannel;
  readonly #onClose: () => void;
  #isOpen = false;
  #unreported = 0;

  constructor({ channel, onSend, onClose }: FollowerOptions) {
    this.#channel = channel;
    this.#onClose = onClose;
    channel.onmessage = ({ data }: MessageEvent<FromFollower>) => {
      if (data.type === 'send') onSend(data.text);
      else if (data.type === 'took') this.#unreported -= data.size;
      else onClose();
    };
  }

  /** Its first messages, beginning with the welcome; without one it waits. */
  answer(texts: readonly string[]): void {
    if (texts.length === 0 || this.#isOpen) return this.#post({ type: 'wait' });
    this.#isOpen = true;
    for (const text of texts) this.forward(text);
  }

  yield(): void {
    this.#post({ type: 'yield' });
  }

  forward(text: string): void {
    if (!this.#isOpen) return;
    this.#unreported += text.length;
    if (this.#unreported <= unreportedMax) return this.#post({ type: 'message', text });
    this.close(closeCode.slow_consumer);
    this.#onClose();
  }

  close(code: number): void {
    this.#post({ type: 'close', code });
    this.end();
  }

  end(): void {
    this.#channel.close();
  }

  #post(message: ToFollower): void {
    this.#channel.postMessage(message);
  }
}

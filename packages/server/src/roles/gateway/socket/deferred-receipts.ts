// [L7] Receipts beyond their rate are not refused: the newest position of each conversation is kept, and passed on when there is room.

import type { Clock, Timer } from '@hongyan/base/clock';
import type { ConversationId } from '@hongyan/protocol/ids';
import type { Input } from '@hongyan/protocol/operations/operations';
import type { Socket } from './socket.ts';

export type ReceiptName = 'delivered' | 'read';

export interface HeldReceiptsOptions {
  readonly clock: Clock;
  /** Conversations of one connection; of a further one the receipt is refused. */
  readonly heldMax: number;
  /** Resolves with false while there is no room. */
  readonly pass: (socket: Socket, name: ReceiptName, input: Input<ReceiptName>) => Promise<boolean>;
}

interface Held {
  readonly name: ReceiptName;
  readonly input: Input<ReceiptName>;
}

const retryMs = 200;

export class HeldReceipts {
  readonly #options: HeldReceiptsOptions;
  readonly #held = new Map<Socket, Map<string, Held>>();
  #timer: Timer | undefined;

  constructor(options: HeldReceiptsOptions) {
    this.#options = options;
  }

  /** false when too many are held. */
  hold(socket: Socket, name: ReceiptName, input: Input<ReceiptName>): boolean {
    if (this.renew(socket, name, input)) return true;
    const own = this.#held.get(socket) ?? new Map<string, Held>();
    if (own.size >= this.#options.heldMax) return false;
    own.set(keyOf(name, input.conversation_id), { name, input });
    this.#held.set(socket, own);
    this.#timer ??= this.#options.clock.after(retryMs, () => void this.#retry());
    return true;
  }

  /** true where one of its conversation is held already: the newer of the two is from now on, and nobody is asked about it now. */
  renew(socket: Socket, name: ReceiptName, input: Input<ReceiptName>): boolean {
    const own = this.#held.get(socket);
    const key = keyOf(name, input.conversation_id);
    const before = own?.get(key);
    if (before === undefined) return false;
    if (before.input.seq < input.seq) own?.set(key, { name, input });
    return true;
  }

  /** The connection is gone: its client reports its positions on the next one. */
  forget(socket: Socket): void {
    this.#held.delete(socket);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#held.clear();
  }

  async #retry(): Promise<void> {
    const { clock } = this.#options;
    // While one round is under way `hold` starts no other.
    await Promise.all([...this.#held].map(([socket, own]) => this.#retryOf(socket, own)));
    this.#timer = this.#held.size === 0 ? undefined : clock.after(retryMs, () => void this.#retry());
  }

  async #retryOf(socket: Socket, own: Map<string, Held>): Promise<void> {
    for (const [key, held] of own) {
      if (this.#held.get(socket) !== own) return;
      if (!(await this.#options.pass(socket, held.name, held.input))) return;
      // A newer position may have come meanwhile.
      if (own.get(key) === held) own.delete(key);
    }
    if (own.size === 0 && this.#held.get(socket) === own) this.#held.delete(socket);
  }
}

const keyOf = (name: ReceiptName, conversationId: ConversationId): string => `${name} ${conversationId}`;

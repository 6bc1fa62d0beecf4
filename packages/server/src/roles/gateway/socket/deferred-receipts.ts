// [L7] Receipts beyond their rate are deferred, not refused: the newest position of each conversation is retained and retried.

import type { Clock, Timer } from '@hongyan/base/clock';
import type { ConversationId } from '@hongyan/protocol/ids';
import type { Input } from '@hongyan/protocol/operations/operations';
import type { Socket } from './socket.ts';

export type ReceiptName = 'delivered' | 'read';

export interface DeferredReceiptsOptions {
  readonly clock: Clock;
  /** Of one connection, one for each conversation and operation; a further receipt is refused. */
  readonly perConnectionMax: number;
  /** Resolves with false while the rate is still exceeded. */
  readonly submit: (socket: Socket, name: ReceiptName, input: Input<ReceiptName>) => Promise<boolean>;
}

interface Receipt {
  readonly name: ReceiptName;
  readonly input: Input<ReceiptName>;
}

const retryMs = 200;

export class DeferredReceipts {
  readonly #options: DeferredReceiptsOptions;
  readonly #bySocket = new Map<Socket, Map<string, Receipt>>();
  #timer: Timer | undefined;

  constructor(options: DeferredReceiptsOptions) {
    this.#options = options;
  }

  /** false when too many of the connection are deferred. */
  defer(socket: Socket, name: ReceiptName, input: Input<ReceiptName>): boolean {
    if (this.merge(socket, name, input)) return true;
    const receipts = this.#bySocket.get(socket) ?? new Map<string, Receipt>();
    if (receipts.size >= this.#options.perConnectionMax) return false;
    receipts.set(keyOf(name, input.conversation_id), { name, input });
    this.#bySocket.set(socket, receipts);
    this.#timer ??= this.#options.clock.after(retryMs, () => void this.#retry());
    return true;
  }

  /** true when a receipt of the conversation is deferred already: the newer position replaces it, and nothing is submitted now. */
  merge(socket: Socket, name: ReceiptName, input: Input<ReceiptName>): boolean {
    const receipts = this.#bySocket.get(socket);
    const key = keyOf(name, input.conversation_id);
    const deferred = receipts?.get(key);
    if (deferred === undefined) return false;
    if (deferred.input.seq < input.seq) receipts?.set(key, { name, input });
    return true;
  }

  /** The connection is closed: its client reports its positions on the next one. */
  forget(socket: Socket): void {
    this.#bySocket.delete(socket);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#bySocket.clear();
  }

  async #retry(): Promise<void> {
    const { clock } = this.#options;
    // `#timer` stays set during a round, so that `defer` starts no other.
    await Promise.all([...this.#bySocket].map(([socket, receipts]) => this.#retryOf(socket, receipts)));
    this.#timer = this.#bySocket.size === 0 ? undefined : clock.after(retryMs, () => void this.#retry());
  }

  async #retryOf(socket: Socket, receipts: Map<string, Receipt>): Promise<void> {
    for (const [key, receipt] of receipts) {
      if (this.#bySocket.get(socket) !== receipts) return;
      if (!(await this.#options.submit(socket, receipt.name, receipt.input))) return;
      // A newer position may have replaced it meanwhile.
      if (receipts.get(key) === receipt) receipts.delete(key);
    }
    if (receipts.size === 0 && this.#bySocket.get(socket) === receipts) this.#bySocket.delete(socket);
  }
}

const keyOf = (name: ReceiptName, conversationId: ConversationId): string => `${name} ${conversationId}`;

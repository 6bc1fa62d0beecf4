// One installed client as a careful user of the wire: shows what it got without gaps, acknowledges it, catches up by sync.

import type { ClientEvent, SeenEntry } from '@hongyan/testing/history';
import type { Account } from '@hongyan/testing/http-client';
import { type SendOutcome, WireClient, type WireOptions, type WireSend } from '@hongyan/testing/wire-client';

export interface DeviceOptions {
  readonly url: string;
  readonly account: Account;
  readonly deviceId: string;
  readonly record: (event: ClientEvent) => void;
}

/** How a device asks what it missed: from its last cursor, or from its receipts as one that lost the cursor. */
export type SyncFrom = 'cursor' | 'receipts';

const seenTimeoutMs = 10_000;

export class Device {
  readonly userId: string;
  readonly deviceId: string;
  readonly #options: DeviceOptions;
  readonly #upTo = new Map<string, number>();
  readonly #ahead = new Map<string, Set<number>>();
  #waiters: { readonly isDone: () => boolean; readonly resolve: () => void }[] = [];
  #cursor: string | undefined;
  #wire: WireClient | undefined;
  #wasToldToComeBack = false;
  #isBack = false;
  #backMs = 0;

  constructor(options: DeviceOptions) {
    this.#options = options;
    this.userId = options.account.userId;
    this.deviceId = options.deviceId;
  }

  /** It has a connection, and has caught up on it. */
  get isBack(): boolean {
    return this.#isBack;
  }

  /** When (performance.now) it was last back. */
  get backMs(): number {
    return this.#backMs;
  }

  get wire(): WireClient {
    if (!this.#wire) throw new Error(`${this.deviceId} is not connected`);
    return this.#wire;
  }

  /** By the server, about the newest connection. */
  get wasToldToComeBack(): boolean {
    return this.#wasToldToComeBack;
  }

  /** Connects and fetches all that sync reports. Conversations that sync leaves out are not looked at: sync must not forget. */
  async connect(from: SyncFrom): Promise<void> {
    const { url, account, deviceId } = this.#options;
    const record = (event: ClientEvent) => this.saw(event);
    this.#isBack = false;
    const wire = await opened({ url, token: account.token, userId: account.userId, deviceId, record });
    this.#wire = wire;
    this.#wasToldToComeBack = false;
    let isOpen = true;
    void wire.closed.then(({ reason }) => {
      isOpen = false;
      if (this.#wire !== wire) return;
      this.#isBack = false;
      this.#wasToldToComeBack = reason === 'going_away';
    });
    const synced = await this.wire.sync(from === 'cursor' ? this.#cursor : undefined);
    if (!synced) return;
    for (const [conversationId, lastSeq] of synced.lastSeqs) {
      while (this.upTo(conversationId) < lastSeq) {
        const before = this.upTo(conversationId);
        const page = await this.wire.catchUp(conversationId, before);
        if (!page) return;
        if (this.upTo(conversationId) === before) break;
      }
    }
    this.#cursor = synced.cursor;
    this.#isBack = isOpen;
    this.#backMs = performance.now();
  }

  send(message: WireSend): Promise<SendOutcome> {
    return this.wire.send(message);
  }

  /** Everything up to here was shown. */
  upTo(conversationId: string): number {
    return this.#upTo.get(conversationId) ?? 0;
  }

  /** Says truthfully how far it is. */
  acknowledge(conversationId: string, type: 'delivered' | 'read'): void {
    const seq = this.upTo(conversationId);
    if (seq > 0) this.wire.receipt(type, conversationId, seq);
  }

  /** False when the entries up to `seq` did not arrive in time. */
  async whenSeen(conversationId: string, seq: number): Promise<boolean> {
    const isDone = () => this.upTo(conversationId) >= seq;
    if (isDone()) return true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.push({ isDone, resolve });
    const timer = setTimeout(resolve, seenTimeoutMs);
    await promise;
    clearTimeout(timer);
    return isDone();
  }

  /** Also for what came by another way than this device's own connection. */
  saw(event: ClientEvent): void {
    this.#options.record(event);
    if (event.type === 'seen') this.#show(event.entry);
  }

  #show({ conversation_id, seq }: SeenEntry): void {
    const ahead = this.#ahead.get(conversation_id) ?? new Set();
    this.#ahead.set(conversation_id, ahead);
    let upTo = this.upTo(conversation_id);
    if (seq > upTo) ahead.add(seq);
    while (ahead.delete(upTo + 1)) upTo++;
    this.#upTo.set(conversation_id, upTo);
    const done = this.#waiters.filter(({ isDone }) => isDone());
    if (done.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !done.includes(waiter));
    for (const { resolve } of done) resolve();
  }
}

/** A process that dies takes along connections that the kernel had just given it, so a client tries again, as any client does. */
async function opened(options: WireOptions, attemptsLeft = 3): Promise<WireClient> {
  try {
    return await WireClient.open(options);
  } catch (error) {
    const isTaken = error instanceof Error && error.message.includes('closed with 1006');
    if (!isTaken || attemptsLeft === 0) throw error;
    return opened(options, attemptsLeft - 1);
  }
}

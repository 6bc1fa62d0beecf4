// Which messages of a conversation this device keeps, and what of them is not stored yet. Pure.

import type { ClientMessage, MessageChange } from './api.ts';
import { deleteWhere } from './map-entries.ts';

/** What is kept between runs. */
export interface StoredKept {
  readonly fromSeq: number;
  /** Of the messages as JSON. */
  readonly bytes: number;
  /** When the conversation was last opened; 0: never. */
  readonly openedMs: number;
}

/** What was not stored when it was taken. */
export interface Unstored {
  readonly fromSeq: number;
  readonly throughSeq: number;
  readonly messages: ReadonlyMap<number, ClientMessage>;
  readonly changes: readonly MessageChange[];
  readonly deleteBeforeSeq: number;
}

const everything = Number.MAX_SAFE_INTEGER;
const nowhere = { fromSeq: 0, throughSeq: -1 };

/**
 * [C10] One range without a hole: from `fromSeq` to the last entry that was shown, each message as it is after that entry. What is
 * shown continues it, a page of history that touches it extends it, and whatever leaves a hole begins it anew.
 */
export class KeptMessages {
  #fromSeq: number;
  bytes: number;
  openedMs: number;
  /** What can be read from the storage. */
  #stored: { readonly fromSeq: number; readonly throughSeq: number };
  #messages = new Map<number, ClientMessage>();
  #changes: MessageChange[] = [];
  #deleteBeforeSeq = 0;
  #lastChangeSeq = 0;
  /** What was shown up to it and not stored is forgotten, changes of what is stored too. */
  #forgottenSeq = 0;
  /** On its way to the storage, one at a time; undefined where something since then made it void. */
  #taken: Unstored | undefined;

  constructor(
    shownSeq: number,
    { fromSeq, bytes, openedMs }: StoredKept = { fromSeq: everything, bytes: 0, openedMs: 0 },
  ) {
    this.#fromSeq = Math.min(fromSeq, shownSeq + 1);
    this.bytes = bytes;
    this.openedMs = openedMs;
    this.#stored = { fromSeq: this.#fromSeq, throughSeq: shownSeq };
  }

  get fromSeq(): number {
    return this.#fromSeq;
  }
  /** Nothing waits to be stored, or is on its way. */
  get isStored(): boolean {
    return this.unstoredCount === 0 && (!this.#taken || this.#taken === this.#stored);
  }
  get unstored(): Pick<Unstored, 'messages' | 'changes'> {
    return { messages: this.#messages, changes: this.#changes };
  }
  get unstoredCount(): number {
    return this.#messages.size + this.#changes.length;
  }
  /** In the storage; both ends are inclusive. */
  get stored(): { readonly fromSeq: number; readonly throughSeq: number } {
    return { ...this.#stored, fromSeq: Math.max(this.#stored.fromSeq, this.#fromSeq) };
  }

  /** What was shown, in its order. Another client of the device may have shown and stored it first. */
  add(messages: readonly ClientMessage[], changes: readonly MessageChange[]): void {
    const { throughSeq } = this.#stored;
    for (const message of messages) if ((message.seq ?? 0) > throughSeq) this.#messages.set(message.seq ?? 0, message);
    this.#changes.push(...changes.filter(({ seq }) => seq > throughSeq));
    this.#lastChangeSeq = changes.at(-1)?.seq ?? this.#lastChangeSeq;
  }

  /** A page of history as of `asOfSeq`. One that a change may be missing in, because it was shown while the page was on its way, is not taken. */
  extend(messages: readonly ClientMessage[], page: { fromSeq: number; throughSeq: number; asOfSeq: number }): void {
    const isTouching = page.fromSeq < this.#fromSeq && page.throughSeq >= this.#fromSeq - 1;
    if (!isTouching || page.asOfSeq < this.#lastChangeSeq) return;
    for (const message of messages) {
      if ((message.seq ?? everything) < this.#fromSeq) this.#messages.set(message.seq ?? 0, message);
    }
    this.#fromSeq = page.fromSeq;
  }

  /** The messages before `seq`, of so many bytes, are kept no longer. */
  drop(seq: number, bytes: number): void {
    this.#fromSeq = seq;
    this.bytes = Math.max(0, this.bytes - bytes);
    this.#deleteBeforeSeq = Math.max(this.#deleteBeforeSeq, seq);
    deleteWhere(this.#messages, (each) => each < seq);
  }

  /** Begins anew after `shownSeq`. */
  forget(shownSeq: number): void {
    this.drop(everything, this.bytes);
    this.#changes = [];
    this.#fromSeq = shownSeq + 1;
    this.#stored = nowhere;
    this.#taken = undefined;
    this.#forgottenSeq = shownSeq;
  }

  /**
   * Another client of the device has stored `kept`, up to the entry `throughSeq`: what was shown here after that continues it. With
   * false it does not, and the range begins anew.
   */
  takeOver(kept: StoredKept | undefined, { throughSeq, shownSeq }: { throughSeq: number; shownSeq: number }): boolean {
    const hasHole = throughSeq < Math.max(this.#stored.throughSeq, this.#forgottenSeq, this.#fromSeq - 1);
    if (!kept || hasHole || kept.fromSeq > shownSeq + 1) {
      this.forget(shownSeq);
      return false;
    }
    this.#fromSeq = kept.fromSeq;
    this.bytes = kept.bytes;
    this.openedMs = Math.max(this.openedMs, kept.openedMs);
    this.#stored = { fromSeq: kept.fromSeq, throughSeq };
    this.#deleteBeforeSeq = 0;
    this.#taken = undefined;
    deleteWhere(this.#messages, (seq) => seq <= throughSeq);
    this.#changes = this.#changes.filter(({ seq }) => seq > throughSeq);
    return true;
  }

  take(throughSeq: number): Unstored {
    const taken: Unstored = {
      fromSeq: this.#fromSeq,
      throughSeq: Math.max(throughSeq, this.#stored.throughSeq),
      messages: this.#messages,
      changes: this.#changes,
      deleteBeforeSeq: this.#deleteBeforeSeq,
    };
    this.#messages = new Map();
    this.#changes = [];
    this.#deleteBeforeSeq = 0;
    this.#taken = taken;
    return taken;
  }

  /** By what is on its way. */
  grow(bytes: number): void {
    if (this.#taken) this.bytes += bytes;
  }

  wasStored(): void {
    this.#stored = this.#taken ?? this.#stored;
  }
}

// A map of rows by client key and sender. Nearly every key has one sender, so the map uses the key itself instead of a concatenation of
// both.

import { TransientMap } from '@hongyan/base/transient-map';

export class KeyMap<Sender extends string | number, Row extends { readonly clientMsgId: string }> {
  readonly #senderOf: (row: Row) => Sender;
  readonly #first = new TransientMap<string, Row>();
  /** By key and sender: the rows whose key another sender used first. */
  readonly #others = new TransientMap<string, Row>();

  constructor(senderOf: (row: Row) => Sender) {
    this.#senderOf = senderOf;
  }

  set(row: Row): void {
    const first = this.#first.get(row.clientMsgId);
    if (first === undefined || this.#senderOf(first) === this.#senderOf(row)) this.#first.set(row.clientMsgId, row);
    else this.#others.set(textOf(this.#senderOf(row), row.clientMsgId), row);
  }

  get(sender: Sender, clientMsgId: string): Row | undefined {
    const first = this.#first.get(clientMsgId);
    if (first !== undefined && this.#senderOf(first) === sender) return first;
    return this.#others.size === 0 ? undefined : this.#others.get(textOf(sender, clientMsgId));
  }

  /** Does nothing when another row has replaced it. */
  delete(row: Row): void {
    if (this.#first.get(row.clientMsgId) === row) this.#first.delete(row.clientMsgId);
    if (this.#others.size === 0) return;
    const text = textOf(this.#senderOf(row), row.clientMsgId);
    if (this.#others.get(text) === row) this.#others.delete(text);
  }
}

/** The length makes the concatenation unambiguous. */
const textOf = (sender: string | number, clientMsgId: string): string =>
  `${String(sender).length} ${sender}${clientMsgId}`;

// One busy group: its members react and reply at fixed moments, whatever the server does.

import { atRate } from '@hongyan/load/at-rate';
import type { BenchConnection } from '@hongyan/load/connection';
import { kinds, NumberField, textFrame } from '@hongyan/load/frames';
import { Histogram, type HistogramData } from '@hongyan/load/histogram';

export interface HotGroupRequest {
  readonly conversationId: string;
  /** Reactions and replies in turn; 0: the group is quiet. */
  readonly perS: number;
  readonly durationS: number;
}

export interface HotGroupResult {
  readonly acked: number;
  readonly lost: number;
  readonly errors: number;
  readonly firstError: string;
  /** Counted from the moment a command was due. */
  readonly ack: HistogramData;
}

/** The messages that are reacted to and answered, and the keys of each. */
const messageCount = 20;
const keyCount = 20;
const settleMs = 30_000;

export class HotGroup {
  readonly #members: readonly BenchConnection[];
  readonly #conversationId: string;
  readonly #id = new NumberField('id');
  readonly #errorId = new NumberField('id');
  readonly #dueMs = new Map<number, number>();
  #nextId = 1;
  #reactions = 0;
  #acked = 0;
  #errors = 0;
  #firstError = '';
  #ack = new Histogram();

  constructor(members: readonly BenchConnection[], conversationId: string) {
    this.#members = members;
    this.#conversationId = conversationId;
    for (const member of members)
      member.onMessage = (bytes, start, end, kind) => {
        if (kind === kinds.ack) this.#onAck(this.#id.read(bytes, start, end));
        else if (kind === kinds.error) {
          this.#dueMs.delete(this.#errorId.read(bytes, start, end));
          this.#errors++;
          this.#firstError ||= bytes.toString('utf8', start, end);
        }
      };
  }

  async run({ perS, durationS }: HotGroupRequest): Promise<HotGroupResult> {
    if (this.#reactions === 0) await this.#sendMessages();
    [this.#acked, this.#errors, this.#firstError, this.#ack] = [0, 0, '', new Histogram()];
    await atRate({ perS, durationS }, { onDue: (index, dueMs) => this.#sendNext(index, dueMs) });
    await this.#settled();
    const lost = this.#dueMs.size;
    // No later load waits for them or counts them again.
    this.#dueMs.clear();
    return {
      acked: this.#acked,
      lost,
      errors: this.#errors,
      firstError: this.#firstError,
      ack: this.#ack.data(),
    };
  }

  async #sendMessages(): Promise<void> {
    for (let count = 0; count < messageCount; count++) this.#send(count, performance.now(), { type: 'send', content });
    await this.#settled();
  }

  #sendNext(index: number, dueMs: number): void {
    if (index % 2 === 1)
      return this.#send(index, dueMs, { type: 'send', reply_to: { seq: 1 + (index % messageCount) }, content });
    // All members react to a message with one key, then with the next.
    const round = Math.floor(this.#reactions / this.#members.length);
    const target_seq = 1 + (Math.floor(round / keyCount) % messageCount);
    this.#send(this.#reactions++, dueMs, { type: 'react', target_seq, key: `key ${round % keyCount}`, op: 'add' });
  }

  #send(member: number, dueMs: number, command: object): void {
    const id = this.#nextId++;
    this.#dueMs.set(id, dueMs);
    const address = { id, client_msg_id: Bun.randomUUIDv7(), conversation_id: this.#conversationId };
    this.#members[member % this.#members.length]?.write(textFrame(JSON.stringify({ ...command, ...address })));
  }

  #onAck(id: number): void {
    const dueMs = this.#dueMs.get(id);
    if (dueMs === undefined) return;
    this.#dueMs.delete(id);
    this.#acked++;
    this.#ack.recordMs(performance.now() - dueMs);
  }

  async #settled(): Promise<void> {
    const until = performance.now() + settleMs;
    while (this.#dueMs.size > 0 && performance.now() < until) await Bun.sleep(5);
  }
}

const content = { type: 'text', text: 'a line in a busy group' };

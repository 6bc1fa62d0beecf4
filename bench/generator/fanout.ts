// One group, many online members: every message becomes as many deliveries as there are members.

import type { BenchConnection } from '@hongyan/load/connection';
import { kinds, NumberField } from '@hongyan/load/frames';
import { idBase, SendBatch } from '@hongyan/load/message-templates';

export interface FanoutRequest {
  readonly conversationId: string;
  /** Messages on the way; one is over when every member has it. */
  readonly window: number;
  readonly durationS: number;
}

export interface FanoutResult {
  readonly elapsedS: number;
  readonly messages: number;
  readonly deliveries: number;
  readonly errors: number;
  readonly firstError: string;
}

const settleMs = 10_000;
const onTheWayMax = 4096;

/** Members count what they get; the first one is the sender too. */
export class Group {
  readonly #members: readonly BenchConnection[];
  readonly #batch: SendBatch;
  /** Of each member. */
  readonly #lastSeq: Float64Array;
  /** Deliveries so far of each message on the way, by its seq. */
  readonly #delivered = new Int32Array(onTheWayMax);
  readonly #seq = new NumberField('seq');
  #sent = 0;
  #finished = 0;
  #deliveries = 0;
  #errors = 0;
  #firstError = '';
  #window = 0;

  constructor(members: readonly BenchConnection[], conversationId: string) {
    this.#members = members;
    this.#batch = new SendBatch(conversationId, 'conversation_id');
    this.#lastSeq = new Float64Array(members.length);
    for (const [index, member] of members.entries()) {
      member.onMessage = (bytes, start, end, kind) => this.#onFrame(index, bytes, start, end, kind);
      member.onReadEnd = () => this.#fill();
    }
  }

  async run({ window, durationS }: FanoutRequest): Promise<FanoutResult> {
    this.#deliveries = 0;
    this.#errors = 0;
    const finishedBefore = this.#finished;
    const startedAt = performance.now();
    this.#window = window;
    this.#fill();
    await Bun.sleep(durationS * 1000);
    const elapsedS = (performance.now() - startedAt) / 1000;
    const result = {
      elapsedS,
      messages: this.#finished - finishedBefore,
      deliveries: this.#deliveries,
      errors: this.#errors,
      firstError: this.#firstError,
    };
    this.#window = 0;
    const until = performance.now() + settleMs;
    while (this.#finished < this.#sent && performance.now() < until) await Bun.sleep(5);
    const left = this.#sent - this.#finished;
    return left === 0
      ? result
      : { ...result, errors: result.errors + left, firstError: `${left} never reached everyone` };
  }

  #onFrame(index: number, bytes: Buffer, start: number, end: number, kind: number): void {
    if (kind === kinds.message) {
      const seq = this.#seq.read(bytes, start, end);
      if (seq !== (this.#lastSeq[index] ?? 0) + 1) {
        this.#errors++;
        this.#firstError ||= `seq ${seq} came after ${this.#lastSeq[index]}`;
      }
      this.#lastSeq[index] = seq;
      this.#deliveries++;
      const slot = seq % onTheWayMax;
      const delivered = (this.#delivered[slot] ?? 0) + 1;
      const isEverywhere = delivered === this.#members.length;
      this.#delivered[slot] = isEverywhere ? 0 : delivered;
      if (isEverywhere) this.#finished++;
    } else if (kind === kinds.error) {
      this.#errors++;
      this.#firstError ||= bytes.toString('utf8', start, end);
    }
  }

  #fill(): void {
    const free = this.#window - (this.#sent - this.#finished);
    const sender = this.#members[0];
    // In halves: refilling one by one would cut the server's batches to single messages.
    if (!sender || free <= this.#window / 2) return;
    for (let count = 0; count < free; count++) this.#batch.add(idBase + ++this.#sent);
    this.#batch.writeTo(sender);
  }
}

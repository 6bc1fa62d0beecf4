// Direct messages between pairs whose receivers send no receipts: what a message costs up to its delivery.

import type { BenchConnection } from '@hongyan/load/connection';
import type { DirectResult } from '@hongyan/load/direct';
import { kinds, NumberField } from '@hongyan/load/frames';
import { Histogram } from '@hongyan/load/histogram';
import { idBase, SendBatch } from '@hongyan/load/message-templates';

export interface SilentRequest {
  /** Messages on the way per pair; each is over when its receiver has it. */
  readonly window: number;
  readonly durationS: number;
}

const settleMs = 5_000;
/** A power of two above every window. */
const onTheWayMax = 4096;

interface Recorder {
  readonly ack: Histogram;
  readonly receive: Histogram;
  completed: number;
  errors: number;
  firstError: string;
}

/** Its conversation is new and nothing else is written to it, so the n-th message has seq n. */
export class SilentPair {
  readonly #sender: BenchConnection;
  readonly #batch: SendBatch;
  readonly #sentAtMs = new Float64Array(onTheWayMax);
  readonly #ackId = new NumberField('id');
  readonly #messageSeq = new NumberField('seq');
  #recorder = newRecorder();
  #window = 0;
  #sent = 0;
  #received = 0;

  constructor(ends: { readonly sender: BenchConnection; readonly receiver: BenchConnection }, receiverId: string) {
    const { sender, receiver } = ends;
    this.#sender = sender;
    this.#batch = new SendBatch(receiverId);
    sender.onMessage = (bytes, start, end, kind) => this.#toSender(bytes, start, end, kind);
    receiver.onMessage = (bytes, start, end, kind) => this.#toReceiver(bytes, start, end, kind);
    receiver.onReadEnd = () => this.#fill();
  }

  get onTheWay(): number {
    return this.#sent - this.#received;
  }

  begin(recorder: Recorder, window: number): void {
    this.#recorder = recorder;
    this.#window = window;
    this.#fill();
  }

  stop(): void {
    this.#window = 0;
  }

  #fill(): void {
    const free = this.#window - this.onTheWay;
    if (free <= 0) return;
    const nowMs = performance.now();
    for (let count = 0; count < free; count++) {
      this.#sent++;
      this.#sentAtMs[this.#sent % onTheWayMax] = nowMs;
      this.#batch.add(idBase + this.#sent);
    }
    this.#batch.writeTo(this.#sender);
  }

  #toSender(bytes: Buffer, start: number, end: number, kind: number): void {
    if (kind === kinds.ack) this.#record(this.#recorder.ack, this.#ackId.read(bytes, start, end) - idBase);
    else if (kind === kinds.error) this.#fail(bytes.toString('utf8', start, end));
  }

  #toReceiver(bytes: Buffer, start: number, end: number, kind: number): void {
    if (kind === kinds.error) this.#fail(bytes.toString('utf8', start, end));
    if (kind !== kinds.message) return;
    const seq = this.#messageSeq.read(bytes, start, end);
    if (seq !== this.#received + 1) this.#fail(`seq ${seq} came after ${this.#received}`);
    this.#received = seq;
    this.#recorder.completed++;
    this.#record(this.#recorder.receive, seq);
  }

  #record(histogram: Histogram, index: number): void {
    histogram.recordMs(performance.now() - (this.#sentAtMs[index % onTheWayMax] ?? 0));
  }

  #fail(message: string): void {
    this.#recorder.errors++;
    this.#recorder.firstError ||= message;
  }
}

/** Resolves when what was sent has arrived or `settleMs` passed; `receipt` stays empty. */
export async function runSilent(
  pairs: readonly SilentPair[],
  { window, durationS }: SilentRequest,
): Promise<DirectResult> {
  const recorder = newRecorder();
  const startedAt = performance.now();
  for (const pair of pairs) pair.begin(recorder, window);
  await Bun.sleep(durationS * 1000);
  const elapsedS = (performance.now() - startedAt) / 1000;
  const { completed } = recorder;
  for (const pair of pairs) pair.stop();
  const onTheWay = () => pairs.reduce((sum, pair) => sum + pair.onTheWay, 0);
  for (const until = performance.now() + settleMs; onTheWay() > 0 && performance.now() < until; ) await Bun.sleep(5);
  const { ack, receive, errors, firstError } = recorder;
  return {
    elapsedS,
    completed,
    refused: 0,
    firstRefusal: '',
    lost: onTheWay(),
    errors,
    firstError,
    ack: ack.data(),
    receive: receive.data(),
    receipt: new Histogram().data(),
  };
}

const newRecorder = (): Recorder => ({
  ack: new Histogram(),
  receive: new Histogram(),
  completed: 0,
  errors: 0,
  firstError: '',
});

// Direct messages between pairs: send → ack → received → delivered frame → receipt seen by the sender.

import { directConversationId } from '@hongyan/protocol/direct';
import type { UserId } from '@hongyan/protocol/ids';
import { atRate } from './at-rate.ts';
import type { BenchConnection } from './connection.ts';
import { kinds, NumberField } from './frames.ts';
import { Histogram, type HistogramData } from './histogram.ts';
import { DeliveredFrame, idBase, KeyField, SendBatch } from './message-templates.ts';

export type Load =
  /** Each pair keeps `window` messages on the way: as fast as the server goes. */
  | { readonly type: 'closed'; readonly window: number }
  /** At fixed moments, whatever the server does; latency counts from the moment a message was due. */
  | { readonly type: 'rate'; readonly perS: number };

export interface DirectResult {
  readonly elapsedS: number;
  /** Receipts seen by senders within the measured time. */
  readonly completed: number;
  /** Sends that the server answered with an error. */
  readonly refused: number;
  readonly firstRefusal: string;
  /** Sent, not refused, and not seen as delivered within `settleMs` after the load. */
  readonly lost: number;
  /** Whatever a correct server does not do: an error that answers no send, a wrong order. */
  readonly errors: number;
  readonly firstError: string;
  readonly ack: HistogramData;
  readonly receive: HistogramData;
  readonly receipt: HistogramData;
}

/** Messages on the way per pair; a power of two. */
const onTheWayMax = 65_536;
const settleMs = 5_000;

export interface Recorder {
  readonly ack: Histogram;
  readonly receive: Histogram;
  readonly receipt: Histogram;
  completed: number;
  refused: number;
  firstRefusal: string;
  errors: number;
  firstError: string;
}

/** One sender and one receiver. Nothing else sends messages to their conversation, so accepted ones have consecutive seqs. */
export class Pair {
  readonly #sender: BenchConnection;
  readonly #receiver: BenchConnection;
  /** When each send was due, by its number. A pushed message names its send by its client_msg_id: a refused send has no seq. */
  readonly #dueMs = new Float64Array(onTheWayMax);
  /** The same by seq, for receipts. */
  readonly #dueMsBySeq = new Float64Array(onTheWayMax);
  readonly #batch: SendBatch;
  readonly #delivered: DeliveredFrame;
  readonly #ackId = new NumberField('id');
  readonly #errorId = new NumberField('id');
  readonly #messageSeq = new NumberField('seq');
  readonly #messageKey = new KeyField();
  readonly #receiptSeq = new NumberField('delivered_seq');
  #recorder: Recorder;
  readonly #seqBefore: number;
  #sent = 0;
  #done = 0;
  #refused = 0;
  #lost = 0;
  #window = 0;
  #readAtMs = 0;

  constructor(
    ends: { readonly sender: BenchConnection; readonly receiver: BenchConnection },
    names: readonly [UserId, UserId],
    seqBefore = 0,
  ) {
    this.#sender = ends.sender;
    this.#receiver = ends.receiver;
    this.#batch = new SendBatch(names[1]);
    this.#delivered = new DeliveredFrame(directConversationId(...names));
    this.#seqBefore = seqBefore;
    this.#delivered.seq = seqBefore;
    this.#recorder = newRecorder();
    this.#sender.onMessage = (bytes, start, end, kind) => this.#toSender(bytes, start, end, kind);
    this.#sender.onReadEnd = () => this.#senderReadEnd();
    this.#receiver.onMessage = (bytes, start, end, kind) => this.#toReceiver(bytes, start, end, kind);
    this.#receiver.onReadEnd = () => this.#receiverReadEnd();
  }

  begin(recorder: Recorder, window: number): void {
    this.#recorder = recorder;
    this.#window = window;
    if (window > 0) this.#fill(performance.now());
  }

  stop(): void {
    this.#window = 0;
  }

  /** Sends that are neither delivered nor refused nor given up. */
  get inFlight(): number {
    return Math.max(0, this.#sent - this.#done - this.#refused - this.#lost);
  }

  /** Counts what is in flight as lost, so that no later load waits for it or counts it again. */
  giveUp(): number {
    const lost = this.inFlight;
    this.#lost += lost;
    return lost;
  }

  /** Due at `dueMs`, sent with the next flush. */
  add(dueMs: number): void {
    this.#sent++;
    this.#dueMs[this.#sent % onTheWayMax] = dueMs;
    this.#batch.add(idBase + this.#sent);
  }

  flush(): void {
    this.#batch.writeTo(this.#sender);
  }

  #fill(nowMs: number): void {
    const free = this.#window - this.inFlight;
    if (free <= 0) return;
    for (let count = 0; count < free; count++) this.add(nowMs);
    this.flush();
  }

  #toSender(bytes: Buffer, start: number, end: number, kind: number): void {
    if (this.#readAtMs === 0) this.#readAtMs = performance.now();
    const recorder = this.#recorder;
    if (kind === kinds.ack) {
      const index = this.#ackId.read(bytes, start, end) - idBase;
      recorder.ack.recordMs(this.#readAtMs - (this.#dueMs[index % onTheWayMax] ?? 0));
    } else if (kind === kinds.receipt) {
      const upTo = this.#receiptSeq.read(bytes, start, end) - this.#seqBefore;
      for (; this.#done < upTo; ) {
        this.#done++;
        recorder.completed++;
        recorder.receipt.recordMs(this.#readAtMs - (this.#dueMsBySeq[this.#done % onTheWayMax] ?? 0));
      }
    } else if (kind === kinds.error) {
      if (this.#errorId.read(bytes, start, end) >= idBase) this.#onRefusal(bytes, start, end);
      else this.#onError(bytes, start, end);
    }
  }

  #senderReadEnd(): void {
    const nowMs = this.#readAtMs;
    this.#readAtMs = 0;
    if (this.#window > 0) this.#fill(nowMs || performance.now());
  }

  #toReceiver(bytes: Buffer, start: number, end: number, kind: number): void {
    if (kind === kinds.message) {
      if (this.#delivered.readAtMs === 0) this.#delivered.readAtMs = performance.now();
      const seq = this.#messageSeq.read(bytes, start, end);
      if (seq !== this.#delivered.seq + 1) {
        this.#recorder.errors++;
        this.#recorder.firstError ||= `seq ${seq} came after ${this.#delivered.seq}`;
      }
      this.#delivered.seq = seq;
      const dueMs = this.#dueMs[this.#messageKey.sendOf(bytes, start, end) % onTheWayMax] ?? 0;
      this.#dueMsBySeq[(seq - this.#seqBefore) % onTheWayMax] = dueMs;
      this.#recorder.receive.recordMs(this.#delivered.readAtMs - dueMs);
    } else if (kind === kinds.error) this.#onError(bytes, start, end);
  }

  #receiverReadEnd(): void {
    if (this.#delivered.readAtMs === 0) return;
    this.#delivered.readAtMs = 0;
    this.#delivered.writeTo(this.#receiver);
  }

  #onRefusal(bytes: Buffer, start: number, end: number): void {
    this.#refused++;
    this.#recorder.refused++;
    this.#recorder.firstRefusal ||= bytes.toString('utf8', start, end);
  }

  #onError(bytes: Buffer, start: number, end: number): void {
    this.#recorder.errors++;
    this.#recorder.firstError ||= bytes.toString('utf8', start, end);
  }
}

/** Runs one load on the pairs; resolves when every send was delivered or refused, at the latest `settleMs` after the load. */
export async function runDirect(pairs: readonly Pair[], load: Load, durationS: number): Promise<DirectResult> {
  const recorder = newRecorder();
  const startedAt = performance.now();
  for (const pair of pairs) pair.begin(recorder, load.type === 'closed' ? load.window : 0);
  if (load.type === 'closed') await Bun.sleep(durationS * 1000);
  else await sendAtRate(pairs, load.perS, durationS);
  const elapsedS = (performance.now() - startedAt) / 1000;
  const { completed } = recorder;
  for (const pair of pairs) pair.stop();
  const isSettled = () => pairs.every((pair) => pair.inFlight === 0);
  for (const until = performance.now() + settleMs; !isSettled() && performance.now() < until; ) await Bun.sleep(5);
  const lost = pairs.reduce((sum, pair) => sum + pair.giveUp(), 0);
  const { ack, receive, receipt, refused, firstRefusal, errors, firstError } = recorder;
  return {
    elapsedS,
    completed,
    refused,
    firstRefusal,
    lost,
    errors,
    firstError,
    ack: ack.data(),
    receive: receive.data(),
    receipt: receipt.data(),
  };
}

async function sendAtRate(pairs: readonly Pair[], perS: number, durationS: number): Promise<void> {
  const touched = new Set<Pair>();
  await atRate(
    { perS, durationS },
    {
      onDue(index, dueMs) {
        const pair = pairs[index % pairs.length];
        if (!pair) return;
        pair.add(dueMs);
        touched.add(pair);
      },
      onTick() {
        for (const pair of touched) pair.flush();
        touched.clear();
      },
    },
  );
}

export const newRecorder = (): Recorder => ({
  ack: new Histogram(),
  receive: new Histogram(),
  receipt: new Histogram(),
  completed: 0,
  refused: 0,
  firstRefusal: '',
  errors: 0,
  firstError: '',
});

// Consumes one partition while this process owns it: claims it, recovers what the previous owner may have left, then executes batch after
// batch.

import { type Clock, sleep } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { OutageLog } from '@hongyan/base/outage-log';
import { StoreFailure } from '@hongyan/base/result';
import { failure, type Result } from '@hongyan/protocol/refusals';
import type { LogRecord, PartitionReader } from '../../../adapters/kafka/partition-reader.ts';
import { Fenced, type LogPosition } from '../../../domain/fence.ts';
import { type BusEvent, type EventBus, nodeTopic } from '../../event-bus/event-bus.ts';
import type { CommandHandler, CommandOutcome, PartitionOwner } from '../command-log.ts';
import { decodeCommand, encodeOutcomes, type OutcomeOf } from './command-record.ts';
import { FairWindow, type FairWindowBounds, type LoggedCommand } from './fair-window.ts';

type Outcome = Result<CommandOutcome>;

export interface PartitionRunOptions {
  readonly reader: PartitionReader;
  readonly range: () => Promise<{ readonly first: number; readonly end: number }>;
  readonly handle: CommandHandler;
  readonly owner: PartitionOwner;
  readonly bus: EventBus;
  /** Shared by all partitions. A producer whose outcome is not published times out, and its client repeats the command. */
  readonly outcomesOutage: OutageLog;
  readonly bounds: FairWindowBounds;
  /** All commands before the offset are done. */
  readonly onHandled: (offset: number) => void;
  readonly clock: Clock;
  readonly log: Log;
}

const retryMs = { first: 50, max: 1_000 };

export class PartitionRun {
  readonly #options: PartitionRunOptions;
  readonly #signal: AbortSignal;
  /**
   * Commands before this offset may have been executed by the previous owner. It may have been far ahead of its position, because fair
   * turns execute later commands before the backlog of one user. It cannot have stored commands that arrived after the claim.
   */
  #repeatedUntil = 0;
  /** All commands before this offset are done. */
  #handledOffset: number | undefined;

  constructor(options: PartitionRunOptions) {
    this.#options = options;
    this.#signal = options.reader.signal;
  }

  /** Records from the first one that is not done to the end of the log at the last fetch; 0 until the partition is claimed. */
  get lag(): number {
    const { endOffset = 0 } = this.#options.reader;
    return this.#handledOffset === undefined ? 0 : Math.max(0, endOffset - this.#handledOffset);
  }

  /** Runs until the partition is revoked. Rejects with StoreFailure, and with `Fenced` if another owner has claimed the partition. */
  async run(): Promise<void> {
    const { reader, owner } = this.#options;
    const claimed = await owner.claim(reader.partition);
    const position = await this.#withinLog(claimed);
    this.#handledOffset = position.offset;
    reader.seek(position.publishedOffset);
    await this.#recover(position);
    const window = new FairWindow(this.#options.bounds, position.offset);
    while (!this.#signal.aborted) {
      if (window.size === 0) this.#add(window, await reader.next(window.room));
      else if (window.room > 0) this.#add(window, reader.takeWaiting(window.room));
      await this.#handleNext(window, position);
    }
  }

  /** The claimed position, or where to start if the log does not contain it. */
  async #withinLog(claimed: LogPosition): Promise<LogPosition> {
    const { range, reader, log } = this.#options;
    const { first, end } = await range();
    reader.endsAt(end);
    const { partition, offset, publishedOffset } = claimed;
    this.#repeatedUntil = end;
    if (end < offset) {
      log.error('the log ends before the position of the stores: it was recreated, and is read from its beginning', {
        ...{ partition, offset, end },
      });
      return { ...claimed, offset: first, publishedOffset: first };
    }
    if (offset < first && offset > 0)
      log.error('commands were removed from the log before they were handled: raise the retention of its topic', {
        partition,
        offset,
        first,
      });
    return {
      ...claimed,
      offset: Math.max(offset, first),
      publishedOffset: Math.max(Math.min(publishedOffset, offset), first),
    };
  }

  /** Recovers commands that were executed before but perhaps not published. */
  async #recover({ partition, offset, publishedOffset }: LogPosition): Promise<void> {
    const { reader, owner, bounds, log } = this.#options;
    let nextOffset = publishedOffset;
    while (nextOffset < offset && !this.#signal.aborted) {
      const records = await reader.next(Math.min(bounds.batchMax, offset - nextOffset));
      const handled = this.#decode(records);
      log.info('entries that the previous owner may not have published are published again', {
        partition,
        count: handled.length,
      });
      this.#publishOutcomes(handled, await owner.recover(handled.map(({ command }) => command)));
      nextOffset = (records.at(-1)?.offset ?? nextOffset) + 1;
    }
  }

  #add(window: FairWindow, records: readonly LogRecord[]): void {
    const last = records.at(-1);
    if (last) window.add(this.#decode(records), last.offset + 1);
  }

  #decode(records: readonly LogRecord[]): readonly LoggedCommand[] {
    const commands: LoggedCommand[] = [];
    for (const { offset, value } of records) {
      const submitted = decodeCommand(value);
      if (submitted) commands.push({ ...submitted, offset });
      else
        this.#options.log.error('record of the command log skipped: it is no command of this version', {
          offset,
          partition: this.#options.reader.partition,
        });
    }
    return commands;
  }

  async #handleNext(window: FairWindow, claimed: LogPosition): Promise<void> {
    if (this.#signal.aborted || window.size === 0) return;
    const batch = window.takeBatch();
    const mayBeRepeated = batch.some((logged) => logged.offset < this.#repeatedUntil);
    const outcomes = await this.#handle(batch, window.offset, { claimed, mayBeRepeated });
    if (outcomes === undefined) return;
    this.#publishOutcomes(batch, outcomes);
    this.#handledOffset = window.offset;
    this.#options.onHandled(window.offset);
  }

  /**
   * Retries until the stores work, because the commands are in the log. Meanwhile their callers time out with `unknown_outcome`.
   * undefined: the partition was revoked.
   */
  async #handle(
    batch: readonly LoggedCommand[],
    offset: number,
    { claimed, mayBeRepeated }: { readonly claimed: LogPosition; readonly mayBeRepeated: boolean },
  ): Promise<readonly Outcome[] | undefined> {
    const { handle, clock, log } = this.#options;
    const { partition, epoch } = claimed;
    const fence = { partition, epoch };
    let isRepeated = mayBeRepeated;
    for (let delayMs = retryMs.first; !this.#signal.aborted; delayMs = Math.min(delayMs * 2, retryMs.max)) {
      try {
        const commands = batch.map(({ command }) => command);
        const outcomes = await Promise.all(await handle(commands, { fence, offset, mayBeRepeated: isRepeated }));
        if (!outcomes.some(({ type }) => type === 'failed')) return outcomes;
        log.warn('a batch is handled again', { partition, offset, size: batch.length });
      } catch (error) {
        if (error instanceof Fenced) throw error;
        if (!(error instanceof StoreFailure)) {
          const isolated = await this.#withoutBug(batch, offset, { claimed, error });
          if (isolated) return isolated;
        } else log.warn('a batch is handled again', { partition, offset, size: batch.length, error });
      }
      isRepeated = true;
      await sleep(clock, { delayMs, signal: this.#signal });
    }
    return undefined;
  }

  /** Skips a command that makes the handler throw, and executes the others: one command must not block the partition forever. */
  async #withoutBug(
    batch: readonly LoggedCommand[],
    offset: number,
    { claimed, error }: { readonly claimed: LogPosition; readonly error: unknown },
  ): Promise<readonly Outcome[] | undefined> {
    const { handle, log } = this.#options;
    const { partition, epoch } = claimed;
    const [only] = batch;
    if (batch.length === 1 && only) {
      log.error('a command cannot be handled and is passed over: its record stays in the log', {
        partition,
        offset: only.offset,
        error,
      });
      await handle([], { fence: { partition, epoch }, offset, mayBeRepeated: true });
      return [failure.unknownOutcome()];
    }
    const outcomes: Outcome[] = [];
    for (const logged of batch) {
      // The position moves with the last command.
      const executed = await this.#handle(
        [logged],
        logged === batch.at(-1) ? offset : Math.min(offset, batch[0]?.offset ?? offset),
        // The batch failed as a whole, but this command may have taken effect.
        { claimed, mayBeRepeated: true },
      );
      if (executed === undefined) return undefined;
      outcomes.push(...executed);
    }
    return outcomes;
  }

  #publishOutcomes(batch: readonly LoggedCommand[], outcomes: readonly Outcome[]): void {
    const byNode = new Map<string, OutcomeOf[]>();
    for (const [index, { node, id }] of batch.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined) continue;
      const ofNode = byNode.get(node) ?? [];
      ofNode.push({ id, outcome });
      byNode.set(node, ofNode);
    }
    const events = Array.from(
      byNode,
      ([node, outcomesOfNode]): BusEvent => ({
        type: 'outcomes',
        topic: nodeTopic(node),
        outcomes: encodeOutcomes(outcomesOfNode),
      }),
    );
    const { bus, outcomesOutage } = this.#options;
    bus.publish(events).then(
      () => outcomesOutage.worked(),
      (error: unknown) => outcomesOutage.failed(error),
    );
  }
}

// The core as the owner of partitions of the command log: it claims them in its stores, handles their commands under that claim,
// and makes good what an owner before may have left unpublished, or unwritten.

import { assert, unreachable } from '@hongyan/base/assert';
import { ok } from '@hongyan/base/result';
import { failure, type Result } from '@hongyan/protocol/refusals';
import type { LogPosition } from '../../domain/fence.ts';
import { encodeReferences } from '../../domain/message-references.ts';
import type {
  BatchPlace,
  Command,
  CommandOutcome,
  MessageChangeCommand,
  MessageCommand,
  PartitionOwner,
  PrivateChangeCommand,
} from '../../ports/command-log/command-log.ts';
import type { BusEvent } from '../../ports/event-bus/event-bus.ts';
import type { StoredEntry } from '../../ports/timeline/timeline.ts';
import { type CommandHandler, lookUpsAtOnce, losses, publications, sentBefore } from './command-handler.ts';
import type { DirectoryChanges } from './conversation-changes.ts';
import type { CoreBus } from './core-bus.ts';
import type { SharedStores } from './deps.ts';
import type { MembershipCache } from './membership-cache.ts';
import { changedBefore } from './message-changes.ts';
import { setBefore } from './private-changes.ts';
import type { SentPositions } from './sent-positions.ts';

type Outcome = Result<CommandOutcome>;

export interface PartitionsOptions {
  readonly stores: SharedStores;
  readonly bus: CoreBus;
  readonly memberships: MembershipCache;
  readonly conversations: DirectoryChanges;
  readonly sent: SentPositions;
  /** Each partition has one of its own: none waits for another. */
  readonly newHandler: () => CommandHandler;
}

interface Owned {
  readonly handler: CommandHandler;
  publishedOffset: number;
}

export class Partitions implements PartitionOwner {
  readonly #options: PartitionsOptions;
  /** As many as the log has partitions, at most. */
  readonly #owned = new Map<number, Owned>();

  constructor(options: PartitionsOptions) {
    this.#options = options;
  }

  async claim(partition: number): Promise<LogPosition> {
    const { stores, memberships, newHandler } = this.#options;
    const claimed = await stores.timeline.claim(partition);
    await stores.directory.claim({ partition, epoch: claimed.epoch });
    // Another core may have changed what was read while it was the owner.
    memberships.forgetAll();
    this.#owned.set(partition, { handler: newHandler(), publishedOffset: claimed.publishedOffset });
    return claimed;
  }

  async handle(batch: readonly Command[], place?: BatchPlace): Promise<readonly Outcome[]> {
    assert(place, 'shared stores need a log of partitions');
    const { fence, offset, mayBeRepeated } = place;
    const owned = this.#owned.get(fence.partition);
    assert(owned, 'a partition is claimed before its first batch');
    const { partition, epoch } = fence;
    // [K8] The log was made anew: nothing of it is published.
    if (offset < owned.publishedOffset) owned.publishedOffset = 0;
    const position = { partition, epoch, offset, publishedOffset: owned.publishedOffset };
    const outcomes = await owned.handler.handle(batch, { position, mayBeRepeated });
    // It is handed over again: what it stores then is not published yet.
    if (outcomes.some(({ type }) => type === 'failed')) return outcomes;
    const { bus, sent } = this.#options;
    void Promise.all([bus.published(), sent.written()]).then(() => {
      owned.publishedOffset = Math.max(owned.publishedOffset, offset);
    });
    return outcomes;
  }

  async recover(batch: readonly Command[]): Promise<readonly Outcome[]> {
    const found: StoredEntry[] = [];
    const outcomes: Outcome[] = [];
    for (let at = 0; at < batch.length; at += lookUpsAtOnce)
      outcomes.push(
        ...(await Promise.all(batch.slice(at, at + lookUpsAtOnce).map((command) => this.#recover(command, found)))),
      );
    this.#options.sent.note(found);
    await this.#options.bus.publish(recovered(found));
    return outcomes;
  }

  /** Refused, without effect, or no longer kept: what cannot be found has an outcome that cannot be told any more. */
  async #recover(command: Command, found: StoredEntry[]): Promise<Outcome> {
    const { stores, conversations } = this.#options;
    switch (command.type) {
      case 'message':
      case 'change_message':
      case 'change_private': {
        const { from, clientMsgId } = command;
        const entry = await stores.timeline.findByClientMsgId({ from, clientMsgId });
        if (!entry) return failure.unknownOutcome();
        found.push(entry);
        return outcomeOfRepeat(command, entry);
      }
      default:
        return (await conversations.recover(command)) ? ok({ type: 'changed' }) : failure.unknownOutcome();
    }
  }
}

function outcomeOfRepeat(
  command: MessageCommand | MessageChangeCommand | PrivateChangeCommand,
  entry: StoredEntry,
): Outcome {
  switch (command.type) {
    case 'message': {
      const { conversationId, contentJson, references } = command;
      const referencesJson = references && encodeReferences(references);
      return sentBefore({ conversationId, contentJson, referencesJson }, entry);
    }
    case 'change_message':
      return changedBefore(command, entry);
    case 'change_private':
      return setBefore(command, entry);
    default:
      return unreachable(command);
  }
}

/**
 * In each conversation again, in its order. Where the entries have a gap, one of them answers another, with a quote that a catch-up
 * brings, or changes another, which may be hidden from some members [E10], whoever follows the conversation is to catch up.
 */
function recovered(found: readonly StoredEntry[]): BusEvent[] {
  const conversations = Map.groupBy(found, ({ conversationId }) => conversationId);
  return [...conversations].flatMap(([conversationId, own]) => {
    const entries = [...new Map(own.map((entry) => [entry.seq, entry])).values()].toSorted((a, b) => a.seq - b.seq);
    const isWhole = entries.every(
      ({ seq, referencesJson, targetSeq }, index) =>
        referencesJson === undefined &&
        targetSeq === undefined &&
        (index === 0 || seq === (entries[index - 1]?.seq ?? 0) + 1),
    );
    return isWhole ? publications(entries.map((entry) => ({ type: 'committed', entry }))) : losses([conversationId]);
  });
}

// Partitions of the command log that this core owns: it claims them in the stores, executes their commands under the claim's fence,
// and completes what the previous owner may have left unpublished or unwritten.

import { assert, unreachable } from '@hongyan/base/assert';
import { ok } from '@hongyan/base/result';
import { failure } from '@hongyan/protocol/refusals';
import type { LogPosition } from '../../domain/fence.ts';
import { encodeReferences } from '../../domain/message-references.ts';
import type {
  BatchPlace,
  Command,
  MessageChangeCommand,
  MessageCommand,
  PartitionOwner,
  PrivateChangeCommand,
} from '../../ports/command-log/command-log.ts';
import type { BusEvent } from '../../ports/event-bus/event-bus.ts';
import type { StoredEntry } from '../../ports/timeline/timeline.ts';
import type { CommandHandler } from './command-handler.ts';
import { type Outcome, repeatedSendOutcome } from './command-outcome.ts';
import type { ConversationChanges } from './conversation-changes.ts';
import type { CoreBus } from './core-bus.ts';
import type { SharedStores } from './deps.ts';
import { lookUpEach } from './look-ups.ts';
import type { MembershipCache } from './membership-cache.ts';
import { repeatedChangeOutcome } from './message-changes.ts';
import { repeatedPrivateOutcome } from './private-changes.ts';
import { losses, publications } from './publications.ts';
import type { SentPositions } from './sent-positions.ts';

export interface PartitionsOptions {
  readonly stores: SharedStores;
  readonly bus: CoreBus;
  readonly memberships: MembershipCache;
  readonly conversations: ConversationChanges;
  readonly sent: SentPositions;
  /** Called once per partition, so that partitions do not wait for each other. */
  readonly newHandler: () => CommandHandler;
}

interface Owned {
  readonly handler: CommandHandler;
  publishedOffset: number;
}

export class Partitions implements PartitionOwner {
  readonly #options: PartitionsOptions;
  /** By partition. */
  readonly #owned = new Map<number, Owned>();

  constructor(options: PartitionsOptions) {
    this.#options = options;
  }

  async claim(partition: number): Promise<LogPosition> {
    const { stores, memberships, newHandler } = this.#options;
    const claimed = await stores.timeline.claim(partition);
    await stores.directory.claim({ partition, epoch: claimed.epoch });
    // Another core may have changed memberships while it owned the partition.
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
    // [K8] The log was recreated: none of its commands are published.
    if (offset < owned.publishedOffset) owned.publishedOffset = 0;
    const position = { partition, epoch, offset, publishedOffset: owned.publishedOffset };
    const outcomes = await owned.handler.handleAt(batch, { position, mayBeRepeated });
    // The log delivers the batch again, and nothing of it counts as published until then.
    if (outcomes.some(({ type }) => type === 'failed')) return outcomes;
    const { bus, sent } = this.#options;
    void Promise.all([bus.published(), sent.written()]).then(() => {
      owned.publishedOffset = Math.max(owned.publishedOffset, offset);
    });
    return outcomes;
  }

  async recover(batch: readonly Command[]): Promise<readonly Outcome[]> {
    const found: StoredEntry[] = [];
    const outcomes = await lookUpEach(batch, (command) => this.#recover(command, found));
    this.#options.sent.note(found);
    await this.#options.bus.publish(republications(found));
    return outcomes;
  }

  /** A command without a stored entry was refused, changed nothing, or has lost its entry to retention: its outcome is unknown. */
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
      return repeatedSendOutcome({ conversationId, contentJson, referencesJson }, entry);
    }
    case 'change_message':
      return repeatedChangeOutcome(command, entry);
    case 'change_private':
      return repeatedPrivateOutcome(command, entry);
    default:
      return unreachable(command);
  }
}

/**
 * Publishes the entries of each conversation again, in order. Subscribers catch up instead where that would be wrong: the entries have
 * a gap; one is a reply, whose quote has to be read again; or one changes a message that some members may not see [E10].
 */
function republications(entriesFound: readonly StoredEntry[]): BusEvent[] {
  const conversations = Map.groupBy(entriesFound, ({ conversationId }) => conversationId);
  return [...conversations].flatMap(([conversationId, found]) => {
    const entries = [...new Map(found.map((entry) => [entry.seq, entry])).values()].toSorted((a, b) => a.seq - b.seq);
    const isWhole = entries.every(
      ({ seq, referencesJson, targetSeq }, index) =>
        referencesJson === undefined &&
        targetSeq === undefined &&
        (index === 0 || seq === (entries[index - 1]?.seq ?? 0) + 1),
    );
    return isWhole ? publications(entries.map((entry) => ({ type: 'committed', entry }))) : losses([conversationId]);
  });
}

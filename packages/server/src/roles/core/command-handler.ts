// The way up ends here: commands in batches are admitted, appended in one commit, published, and only then answered.

import { assert, unreachable } from '@hongyan/base/assert';
import type { MaybePromise } from '@hongyan/base/maybe-promise';
import { OutageLog } from '@hongyan/base/outage-log';
import { ok } from '@hongyan/base/result';
import { TransientMap } from '@hongyan/base/transient-map';
import { isDirect } from '@hongyan/protocol/direct';
import type { Reply } from '@hongyan/protocol/entry';
import type { ConversationId } from '@hongyan/protocol/ids';
import { failure, problemOf, type Result, refusal } from '@hongyan/protocol/refusals';
import { type Fence, Fenced, type LogPosition } from '../../domain/fence.ts';
import { mayPost } from '../../domain/membership.ts';
import type { MessageReferences } from '../../domain/message-references.ts';
import { isSameMessage } from '../../domain/send.ts';
import type {
  ChangeCommand,
  Command,
  CommandOutcome,
  MessageChangeCommand,
  MessageCommand,
  PrivateChangeCommand,
} from '../../ports/command-log/command-log.ts';
import type { BusEvent } from '../../ports/event-bus/event-bus.ts';
import type { AppendResult, NewEntry, StoredEntry } from '../../ports/timeline/timeline.ts';
import { type Audiences, topicsOf } from './audience.ts';
import { BatchSpans } from './batch-spans.ts';
import type { CoreDeps } from './deps.ts';
import { openDirect } from './direct-conversations.ts';
import { entryFrame } from './entry-view.ts';
import { type Membership, type MembershipCache, memberFacts } from './membership-cache.ts';
import type { ReferenceChecks } from './message-references.ts';
import type { SentPositions } from './sent-positions.ts';

type Outcome = Result<CommandOutcome>;
type Problem = Exclude<Outcome, { type: 'ok' }>;
type Admitted = { readonly type: 'entry'; readonly entry: NewEntry } | Problem;

/** Of one batch: they share the connections to the database with all else. */
export const lookUpsAtOnce = 20;

/** What becomes the position of a partition together with its batch. */
export interface BatchPosition {
  readonly position: LogPosition;
  readonly mayBeRepeated: boolean;
}

/** What a command that comes from a log of partitions is handled under. */
export interface CommandPlace {
  readonly fence: Fence;
  /** It may have taken effect already, and what was committed then may not have been published. */
  readonly mayBeRepeated: boolean;
}

/** Applies one change of a conversation; the entry that records it is appended by the handler. */
export interface ConversationChanges {
  apply(command: ChangeCommand, place?: CommandPlace): Promise<Outcome>;
}

/** Applies one edit, recall or reaction. */
export interface MessageChanges {
  apply(command: MessageChangeCommand, place?: CommandPlace): Promise<Outcome>;
}

/** Applies one change of a private timeline. */
export interface PrivateChanges {
  apply(command: PrivateChangeCommand, place?: CommandPlace): Promise<Outcome>;
}

export interface CommandHandlerParts {
  readonly memberships: MembershipCache;
  readonly audiences: Audiences;
  readonly sent: SentPositions;
  readonly conversations: ConversationChanges;
  readonly messages: MessageChanges;
  readonly references: ReferenceChecks;
  readonly privates: PrivateChanges;
}

/**
 * Messages of a batch are appended together. A change of a conversation (members, title) or of a message (edit, recall, reaction,
 * pin), and a message that refers to others, need the entries before them committed and those behind them to wait: such a
 * conversation gets a lane, in which its commands run one after the other, while the other conversations go on.
 */
export class CommandHandler {
  readonly #deps: CoreDeps;
  readonly #memberships: MembershipCache;
  readonly #sent: SentPositions;
  readonly #conversations: ConversationChanges;
  readonly #messages: MessageChanges;
  readonly #references: ReferenceChecks;
  readonly #privates: PrivateChanges;
  readonly #audiences: Audiences;
  /** Batches are admitted in their order; settled while none waits for a look-up. */
  #admission: Promise<unknown> | undefined;
  /** Settled when every append outside lanes is done; it does not reject. */
  #appended: Promise<unknown> = Promise.resolve();
  readonly #lanes = new TransientMap<ConversationId, Promise<unknown>>();
  readonly #outage: OutageLog;

  constructor(deps: CoreDeps, parts: CommandHandlerParts) {
    const { memberships, audiences, sent, conversations, messages, privates, references } = parts;
    const { clock, log } = deps;
    this.#deps = deps;
    this.#outage = new OutageLog({ failing: 'commands failed', over: 'commands are handled again', clock, log });
    this.#memberships = memberships;
    this.#audiences = audiences;
    this.#sent = sent;
    this.#conversations = conversations;
    this.#messages = messages;
    this.#references = references;
    this.#privates = privates;
  }

  /** Outcomes in the order of the batch. Handling a command again gives the same outcome [D3]. */
  async handle(batch: readonly Command[], place?: BatchPosition): Promise<readonly Outcome[]> {
    if (this.#lanes.size === 0 && batch.every(isPlainMessage))
      return this.#appendInOrder(batch as readonly MessageCommand[], place && placeAt(place));
    if (place === undefined) return this.#handleMixed(batch);
    const { position, mayBeRepeated } = place;
    const { partition, epoch } = position;
    const outcomes = await this.#handleMixed(batch, { fence: { partition, epoch }, mayBeRepeated });
    // What was committed in several transactions is done when the last of them is.
    if (!outcomes.some(isFailure)) await this.#moveTo(position);
    return outcomes;
  }

  async #handleMixed(batch: readonly Command[], place?: CommandPlace): Promise<readonly Outcome[]> {
    const outcomes: (Promise<Outcome> | Outcome)[] = [];
    const messages: MessageCommand[] = [];
    const indexes: number[] = [];
    /** Begins the append of the collected messages and forgets them. */
    const flush = () => {
      if (messages.length === 0) return;
      const appending = this.#appendInOrder(messages.splice(0), place);
      for (const [at, index] of indexes.splice(0).entries())
        outcomes[index] = appending.then((all) => outcomeAt(all, at));
    };
    for (const [index, command] of batch.entries()) {
      if (!isPlainMessage(command) || this.#lanes.has(command.conversationId)) {
        flush();
        outcomes[index] = this.#inLane(command, place);
        continue;
      }
      messages.push(command);
      indexes.push(index);
    }
    flush();
    return Promise.all(outcomes);
  }

  #inLane(command: Command, place: CommandPlace | undefined): Promise<Outcome> {
    const { conversationId } = command;
    const earlier = this.#lanes.get(conversationId) ?? Promise.all([this.#admission, this.#appended]);
    const work = () => this.#single(command, place);
    const outcome = earlier.then(work, work);
    this.#lanes.set(conversationId, outcome);
    const leave = () => {
      if (this.#lanes.get(conversationId) === outcome) this.#lanes.delete(conversationId);
    };
    outcome.then(leave, leave);
    return outcome;
  }

  async #single(command: Command, place: CommandPlace | undefined): Promise<Outcome> {
    switch (command.type) {
      case 'message':
        return command.references
          ? this.#appendReferring(command, command.references, place)
          : outcomeAt(await this.#append(this.#admit([command], place), { place }), 0);
      case 'create':
      case 'create_direct':
      case 'update':
      case 'add_member':
      case 'remove_member':
      case 'set_role':
        return this.#conversations.apply(command, place).catch((error: unknown) => this.#failed(error));
      case 'change_message':
        return this.#messages.apply(command, place).catch((error: unknown) => this.#failed(error));
      case 'change_private':
        return this.#privates.apply(command, place).catch((error: unknown) => this.#failed(error));
      default:
        return unreachable(command);
    }
  }

  async #appendReferring(
    command: MessageCommand,
    references: MessageReferences,
    place: CommandPlace | undefined,
  ): Promise<Outcome> {
    const [admitted] = await this.#admit([command], place);
    assert(admitted, 'each command of a batch is admitted or not');
    if (admitted.type !== 'entry') return admitted;
    const checked = await this.#references.check(admitted.entry, references).catch((error) => this.#failed(error));
    if (checked.type !== 'ok') return checked;
    const { entry, quote } = checked.value;
    return outcomeAt(await this.#append([{ type: 'entry', entry }], { quote, place }), 0);
  }

  /** A batch whose senders are known to be allowed is appended at once; one that has to look something up holds the next ones back. */
  #appendInOrder(commands: readonly MessageCommand[], place: CommandPlace | undefined): Promise<readonly Outcome[]> {
    const admit = () => this.#admit(commands, place);
    const admitted = this.#admission ? this.#admission.then(admit) : admit();
    if (admitted instanceof Promise) this.#holdOthersUntil(admitted);
    const appending = this.#append(admitted, { place });
    const earlier = this.#appended;
    // Appends commit in order, but a batch of which nothing is appended is done before those under way.
    const both = () => earlier;
    this.#appended = appending.then(both, both);
    return appending;
  }

  #holdOthersUntil(admitted: Promise<unknown>): void {
    const settled = admitted.then(
      () => undefined,
      () => undefined,
    );
    this.#admission = settled;
    void settled.then(() => {
      if (this.#admission === settled) this.#admission = undefined;
    });
  }

  async #append(
    admitting: MaybePromise<readonly Admitted[]>,
    { place, quote }: { readonly place: CommandPlace | undefined; readonly quote?: Reply | undefined },
  ): Promise<readonly Outcome[]> {
    const admitted = admitting instanceof Promise ? await admitting : admitting;
    const entries: NewEntry[] = [];
    for (const item of admitted) if (item.type === 'entry') entries.push(item.entry);
    // The position must not pass a command that could not be looked at.
    if (place && admitted.some(isFailure)) return admitted.map((item) => (item.type === 'entry' ? undone : item));
    if (entries.length === 0 && !place) return admitted.map((item) => outcomeOfProblem(item));
    const spans = this.#deps.tracing && new BatchSpans(this.#deps.tracing, entries);
    let results: readonly AppendResult[];
    try {
      this.#sent.assertRoom();
      results = await this.#sent.noting(this.#deps.timeline.append(spans?.entries ?? entries, place?.fence));
      this.#outage.worked();
      spans?.committed(results);
    } catch (error) {
      spans?.failed();
      const outcome = this.#failed(error);
      // With the entries the position stays where it was: nothing of the batch is done.
      return admitted.map((item) => (item.type === 'entry' || place ? outcome : item));
    }
    this.#publish(results, { mayBeRepeated: place?.mayBeRepeated, quote, spans });
    if (this.#deps.log.isDebug) this.#logCommitted(results);
    let next = 0;
    return admitted.map((item) => (item.type === 'entry' ? outcomeOf(item.entry, results[next++]) : item));
  }

  async #moveTo(position: LogPosition): Promise<void> {
    await this.#deps.timeline.append([], position);
  }

  #admit(commands: readonly MessageCommand[], place: CommandPlace | undefined): MaybePromise<readonly Admitted[]> {
    const admitted: Admitted[] = [];
    for (const command of commands) {
      const membership = this.#memberships.peek(command.conversationId, command.from);
      const item = membership && this.#entryOf(command, membership);
      if (item?.type !== 'entry') return this.#admitAfterLookUp(commands, place);
      admitted.push(item);
    }
    return admitted;
  }

  async #admitAfterLookUp(
    commands: readonly MessageCommand[],
    place: CommandPlace | undefined,
  ): Promise<readonly Admitted[]> {
    const keys = commands.map(({ conversationId, from }) => ({ conversationId, userId: from }));
    let memberships: readonly (Membership | undefined)[];
    try {
      memberships = await this.#memberships.getAll(keys);
    } catch (error) {
      // Nothing is stored yet: the outcome is not in doubt.
      const problem = this.#failed(error);
      return commands.map(() => problem);
    }
    const admitted = await Promise.all(
      commands.map((command, index) => {
        const membership = memberships[index];
        return membership ? this.#entryOf(command, membership) : this.#openAndAdmit(command, place);
      }),
    );
    return this.#admitRepeats(commands, admitted);
  }

  /** [D3] What was committed is answered as it was then, whatever its sender may do by now: the append finds it again. */
  async #admitRepeats(
    commands: readonly MessageCommand[],
    admitted: readonly Admitted[],
  ): Promise<readonly Admitted[]> {
    const all: Admitted[] = [];
    for (let at = 0; at < commands.length; at += lookUpsAtOnce) {
      const piece = commands.slice(at, at + lookUpsAtOnce);
      all.push(...(await Promise.all(piece.map((command, index) => this.#admitRepeat(command, admitted[at + index])))));
    }
    return all;
  }

  async #admitRepeat(command: MessageCommand, admitted: Admitted | undefined): Promise<Admitted> {
    assert(admitted, 'each command of a batch is admitted or not');
    if (admitted.type !== 'refused') return admitted;
    try {
      const earlier = await this.#deps.timeline.findByClientMsgId(command);
      if (!earlier) return admitted;
      const { conversationId } = command;
      return earlier.conversationId === conversationId ? this.#newEntry(command, conversationId) : refusal.keyReused();
    } catch (error) {
      return this.#failed(error);
    }
  }

  /** A direct conversation comes into being with its first message. */
  async #openAndAdmit(command: MessageCommand, place: CommandPlace | undefined): Promise<Admitted> {
    const { conversationId, from } = command;
    if (!isDirect(conversationId)) return refusal.notMember();
    try {
      const opened = await openDirect(this.#deps, conversationId, place?.fence);
      if (opened.type !== 'ok') return opened;
      const membership = await this.#memberships.get(conversationId, from);
      return membership ? this.#entryOf(command, membership) : refusal.notMember();
    } catch (error) {
      return this.#failed(error);
    }
  }

  #entryOf(command: MessageCommand, membership: Membership): Admitted {
    const allowed = mayPost(memberFacts(membership));
    // The same string for all its entries: each is kept for a while, and its hash is looked up by many.
    return allowed.type === 'ok' ? this.#newEntry(command, membership.conversation.conversationId) : allowed;
  }

  #newEntry({ from, clientMsgId, contentJson, trace }: MessageCommand, conversationId: ConversationId): Admitted {
    const { newMsgId, clock } = this.#deps;
    const timestampMs = clock.nowMs();
    return {
      type: 'entry',
      entry: { msgId: newMsgId(), conversationId, from, clientMsgId, timestampMs, contentJson, isCounted: true, trace },
    };
  }

  /** Subscribers that the bus cannot reach are told of the loss by the bus itself: the entries are committed all the same. */
  #publish(
    results: readonly AppendResult[],
    {
      mayBeRepeated = false,
      quote,
      spans,
    }: {
      readonly mayBeRepeated?: boolean | undefined;
      readonly quote?: Reply | undefined;
      readonly spans?: BatchSpans | undefined;
    },
  ): void {
    // Before the new entries, which would come behind a gap.
    const repeated = mayBeRepeated ? losses(results.flatMap(duplicateOf)) : [];
    void this.#deps.bus.publish([...repeated, ...publications(results, this.#audiences, quote, spans)]);
  }

  /** What became of each, never what is written in it. */
  #logCommitted(results: readonly AppendResult[]): void {
    for (const { type, entry } of results) {
      const { msgId, conversationId, seq, from } = entry;
      this.#deps.log.debug('message committed', {
        msgId,
        conversationId,
        seq,
        userId: from,
        isDuplicate: type !== 'committed',
      });
    }
  }

  #failed(error: unknown): Problem {
    // Not the commands have failed: another core handles them.
    if (error instanceof Fenced) throw error;
    const problem = problemOf(error);
    if (problem.type === 'bug') {
      this.#deps.log.error('commands failed', { error });
      throw error;
    }
    this.#outage.failed(error);
    return problem;
  }
}

/** One event per topic. Duplicates were published when they were first committed. `quote`: of the message that the only entry answers. */
export function publications(
  results: readonly AppendResult[],
  audiences: Pick<Audiences, 'topicsOf'> = { topicsOf },
  quote?: Reply,
  spans?: BatchSpans,
): BusEvent[] {
  const events: BusEvent[] = [];
  for (const [index, { type, entry }] of results.entries())
    if (type === 'committed') {
      const frame = entryFrame(entry, quote);
      const trace = spans?.published(index);
      for (const topic of audiences.topicsOf(entry.conversationId))
        events.push(trace === undefined ? { type: 'frame', topic, frame } : { type: 'frame', topic, frame, trace });
    }
  return events;
}

/** Entries of these conversations may never have been published: whoever follows them catches up. */
export function losses(conversationIds: Iterable<ConversationId>): BusEvent[] {
  const topics = new Set([...new Set(conversationIds)].flatMap(topicsOf));
  return [...topics].map((topic) => ({ type: 'lost', topic }));
}

const duplicateOf = ({ type, entry }: AppendResult): readonly ConversationId[] =>
  type === 'duplicate' ? [entry.conversationId] : [];

const placeAt = ({ position, mayBeRepeated }: BatchPosition): CommandPlace => ({ fence: position, mayBeRepeated });

/** Of a command that another one of its batch keeps from being stored now. */
const undone = failure.unavailable();

const isFailure = ({ type }: Outcome | Admitted): boolean => type === 'failed';

/** One that depends on nothing but its sender's membership: many of them are appended together. */
const isPlainMessage = (command: Command): command is MessageCommand =>
  command.type === 'message' && command.references === undefined;

function outcomeOf(asked: NewEntry, result: AppendResult | undefined): Outcome {
  assert(result, 'a timeline answers each entry of a batch');
  const { entry, type } = result;
  if (type !== 'duplicate') return ok(committed(entry, false));
  return sentBefore({ ...asked, referencesJson: asked.references?.json }, entry);
}

/** [D3] What a message is answered whose key has an entry already. */
export function sentBefore(asked: Parameters<typeof isSameMessage>[1], entry: StoredEntry): Outcome {
  return isSameMessage(entry, asked) ? ok(committed(entry, true)) : refusal.keyReused();
}

function outcomeOfProblem(item: Admitted): Problem {
  assert(item.type !== 'entry', 'a batch without entries has refusals and failures alone');
  return item;
}

function committed({ msgId, seq, timestampMs }: StoredEntry, isDuplicate: boolean): CommandOutcome {
  return { type: 'message', msgId, seq, timestampMs, isDuplicate };
}

function outcomeAt(outcomes: readonly Outcome[], index: number): Outcome {
  const outcome = outcomes[index];
  assert(outcome, 'each command of a batch has an outcome');
  return outcome;
}

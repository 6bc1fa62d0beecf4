// Executes batches of commands from the command log: checks them, appends their entries in one commit, publishes the entries, and then
// returns the outcomes.

import { assert } from '@hongyan/base/assert';
import type { MaybePromise } from '@hongyan/base/maybe-promise';
import { OutageLog } from '@hongyan/base/outage-log';
import { isDirect } from '@hongyan/protocol/direct';
import type { ConversationId } from '@hongyan/protocol/ids';
import { failure, problemOf, refusal } from '@hongyan/protocol/refusals';
import { Fenced, type LogPosition } from '../../domain/fence.ts';
import { mayPost } from '../../domain/membership.ts';
import type { Command, MessageCommand } from '../../ports/command-log/command-log.ts';
import type { AppendResult } from '../../ports/timeline/timeline.ts';
import type { Audiences } from './audience.ts';
import { BatchSpans } from './batch-spans.ts';
import { committedOutcome, type Outcome, type Problem, repeatedSendOutcome } from './command-outcome.ts';
import type { BatchPosition, CommandPlace } from './command-place.ts';
import type { ConversationChanges } from './conversation-changes.ts';
import type { Decided, DecidedEntry, DecidedNote, JointCommand } from './decided.ts';
import type { CoreDeps } from './deps.ts';
import { openDirect } from './direct-conversations.ts';
import { JointDecisions } from './joint-decisions.ts';
import { Lanes, type LoneCommand } from './lanes.ts';
import { lookUpEach } from './look-ups.ts';
import { type Membership, type MembershipCache, memberFacts } from './membership-cache.ts';
import { type MessageChanges, repeatedChangeOutcome } from './message-changes.ts';
import type { ReferenceChecks } from './message-references.ts';
import type { PrivateChanges } from './private-changes.ts';
import { losses, publications } from './publications.ts';
import type { ReactionSummaries } from './reaction-summaries.ts';
import type { SentPositions } from './sent-positions.ts';

type Outcomes = readonly MaybePromise<Outcome>[];
type Admitted = DecidedEntry | Problem;

export interface CommandHandlerParts {
  readonly memberships: MembershipCache;
  readonly audiences: Audiences;
  readonly sent: SentPositions;
  readonly conversations: ConversationChanges;
  readonly messages: MessageChanges;
  readonly references: ReferenceChecks;
  readonly privates: PrivateChanges;
  readonly summaries: ReactionSummaries;
}

/**
 * The plain messages of a batch are appended together. A change of a conversation (members, title), a change of a message (edit,
 * recall, reaction, pin) and a message with references are different: earlier entries of the conversation must be committed first,
 * and later ones must wait. Such a conversation gets a lane, in which messages and their changes that wait together are decided one
 * upon the other and committed together. Other conversations continue meanwhile.
 */
export class CommandHandler {
  readonly #deps: CoreDeps;
  readonly #memberships: MembershipCache;
  readonly #sent: SentPositions;
  readonly #conversations: ConversationChanges;
  readonly #messages: MessageChanges;
  readonly #joint: JointDecisions;
  readonly #privates: PrivateChanges;
  readonly #audiences: Audiences;
  /** Settles when the latest batch that waits for a look-up is checked; undefined: no batch waits. Batches are checked in order. */
  #admission: Promise<unknown> | undefined;
  /** Resolves when every append outside the lanes is done. Never rejects. */
  #appended: Promise<unknown> = Promise.resolve();
  readonly #lanes = new Lanes({
    alone: (command, place) => this.#change(command, place).catch((error: unknown) => this.#failed(error)),
    together: (commands, place) => this.#handleJoint(commands, place),
  });
  readonly #outage: OutageLog;

  constructor(deps: CoreDeps, parts: CommandHandlerParts) {
    const { memberships, audiences, sent, conversations, messages, privates } = parts;
    const { clock, log } = deps;
    this.#deps = deps;
    this.#outage = new OutageLog({ failing: 'commands failed', over: 'commands are handled again', clock, log });
    this.#memberships = memberships;
    this.#audiences = audiences;
    this.#sent = sent;
    this.#conversations = conversations;
    this.#messages = messages;
    this.#joint = new JointDecisions(deps, parts);
    this.#privates = privates;
  }

  /**
   * Outcomes in the order of the batch. Those of commands in lanes are promises: a busy conversation delays no other conversation.
   * Handling a command again gives the same outcome [D3].
   */
  async handle(batch: readonly Command[]): Promise<Outcomes> {
    if (this.#isPlain(batch)) return this.#appendInOrder(batch, undefined);
    return this.#handleMixed(batch, undefined);
  }

  /** Handles a batch of a partition to its end: the partition's position must not pass a pending command. */
  async handleAt(batch: readonly Command[], place: BatchPosition): Promise<readonly Outcome[]> {
    if (this.#isPlain(batch)) return this.#appendInOrder(batch, placeAt(place));
    const { position, mayBeRepeated } = place;
    const { partition, epoch } = position;
    const outcomes = await Promise.all(await this.#handleMixed(batch, { fence: { partition, epoch }, mayBeRepeated }));
    // The batch is committed in several transactions: the position moves after the last one.
    if (!outcomes.some(isFailure)) await this.#moveTo(position);
    return outcomes;
  }

  #isPlain(batch: readonly Command[]): batch is readonly MessageCommand[] {
    return this.#lanes.size === 0 && batch.every(isPlainMessage);
  }

  /** Resolves when the commands outside the lanes are done. */
  async #handleMixed(batch: readonly Command[], place: CommandPlace | undefined): Promise<Outcomes> {
    const outcomes: MaybePromise<Outcome>[] = [];
    const appends: Promise<void>[] = [];
    const messages: MessageCommand[] = [];
    const indexes: number[] = [];
    /** Starts to append the collected messages, and clears the list. */
    const flush = () => {
      if (messages.length === 0) return;
      const places = indexes.splice(0);
      const appending = this.#appendInOrder(messages.splice(0), place);
      appends.push(
        appending.then((all) => {
          for (const [at, index] of places.entries()) outcomes[index] = outcomeAt(all, at);
        }),
      );
    };
    const earlier = () => Promise.all([this.#admission, this.#appended]);
    for (const [index, command] of batch.entries()) {
      if (!isPlainMessage(command) || this.#lanes.has(command.conversationId)) {
        flush();
        outcomes[index] = this.#lanes.submit(command, place, earlier);
        continue;
      }
      messages.push(command);
      indexes.push(index);
    }
    flush();
    await Promise.all(appends);
    return outcomes;
  }

  async #change(command: LoneCommand, place: CommandPlace | undefined): Promise<Outcome> {
    return command.type === 'change_private'
      ? this.#privates.apply(command, place)
      : this.#conversations.apply(command, place);
  }

  /** Outcomes of the first commands: what was decided upon an entry that turns out to be a duplicate has to be decided again. */
  async #handleJoint(commands: readonly JointCommand[], place: CommandPlace | undefined): Promise<readonly Outcome[]> {
    const messages = commands.filter((command) => command.type === 'message');
    const admitted = await this.#admit(messages, place);
    const byMessage = new Map(messages.map((message, index) => [message as JointCommand, admitted[index]]));
    let decided: readonly Decided[];
    try {
      decided = await this.#joint.decide(commands, byMessage, place);
    } catch (error) {
      // Nothing is stored yet, so the outcome is certain.
      const problem = this.#failed(error);
      return commands.map(() => problem);
    }
    const notes = decided.filter((one) => one.type === 'note');
    if (notes.length > 0) return this.#note(decided, notes, place);
    return this.#append(
      decided.filter((one) => one.type !== 'note'),
      { place, isJoint: true },
    );
  }

  async #note(
    decided: readonly Decided[],
    notes: readonly DecidedNote[],
    place: CommandPlace | undefined,
  ): Promise<readonly Outcome[]> {
    try {
      const stored = await this.#messages.note(notes, place);
      let next = 0;
      return decided.map((one) => (isOutcome(one) ? one : outcomeAt(stored, next++)));
    } catch (error) {
      return failedFrom(decided, this.#failed(error));
    }
  }

  /** A batch whose senders are all in the cache is appended immediately. A batch that needs a look-up delays the batches behind it. */
  #appendInOrder(commands: readonly MessageCommand[], place: CommandPlace | undefined): Promise<readonly Outcome[]> {
    const admit = () => this.#admit(commands, place);
    const admitted = this.#admission ? this.#admission.then(admit) : admit();
    if (admitted instanceof Promise) this.#holdOthersUntil(admitted);
    const appending = this.#append(admitted, { place });
    const earlier = this.#appended;
    // Appends commit in order, but a batch that appends nothing finishes before earlier appends do.
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
    admitting: MaybePromise<readonly (DecidedEntry | Outcome)[]>,
    { place, isJoint = false }: { readonly place: CommandPlace | undefined; readonly isJoint?: boolean },
  ): Promise<readonly Outcome[]> {
    const admitted = admitting instanceof Promise ? await admitting : admitting;
    const decided: DecidedEntry[] = [];
    for (const item of admitted) if (item.type === 'entry') decided.push(item);
    const entries = decided.map(({ entry }) => entry);
    // The position must not pass a command that could not be checked.
    if (place && admitted.some(isFailure)) return admitted.map((item) => (item.type === 'entry' ? notAppended : item));
    if (entries.length === 0 && (isJoint || !place)) return admitted.map((item) => outcomeOfOther(item));
    const spans = this.#deps.tracing && new BatchSpans(this.#deps.tracing, entries);
    let results: readonly AppendResult[];
    try {
      if (entries.length === 0 || entries.some(({ isCounted }) => isCounted)) this.#sent.assertRoom();
      results = await this.#sent.noting(this.#deps.timeline.append(spans?.entries ?? entries, place?.fence));
      this.#outage.worked();
      spans?.committed(results);
    } catch (error) {
      spans?.failed();
      const outcome = this.#failed(error);
      if (isJoint) return failedFrom(admitted, outcome);
      // The position did not move either: nothing of the batch is done.
      return admitted.map((item) => (item.type === 'entry' || place ? outcome : item));
    }
    this.#publish(results, { mayBeRepeated: place?.mayBeRepeated, decided, spans });
    if (this.#deps.log.isDebug) this.#logCommitted(results);
    const outcomes: Outcome[] = [];
    let next = 0;
    for (const item of admitted) {
      const result = item.type === 'entry' ? results[next++] : undefined;
      outcomes.push(item.type === 'entry' ? outcomeOf(item, result) : item);
      if (isJoint && result?.type === 'duplicate') break;
    }
    return outcomes;
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
      // Nothing is stored yet, so the outcome is certain.
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

  /**
   * [D3] A repeated command gets its first outcome, even if its sender is no longer allowed to write. It is admitted here; the append
   * then finds the entry.
   */
  async #admitRepeats(
    commands: readonly MessageCommand[],
    admitted: readonly Admitted[],
  ): Promise<readonly Admitted[]> {
    return lookUpEach(commands, (command, index) => this.#admitRepeat(command, admitted[index]));
  }

  async #admitRepeat(command: MessageCommand, admitted: Admitted | undefined): Promise<Admitted> {
    assert(admitted, 'each command of a batch has a check result');
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

  /** Creates a direct conversation with its first message. */
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
    // Entries share one string per conversation: they stay in memory for a while, and the string's hash is computed once.
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

  /** The entries are committed, so a failure here changes no outcome. The bus itself reports events that it could not deliver. */
  #publish(
    results: readonly AppendResult[],
    {
      mayBeRepeated = false,
      decided,
      spans,
    }: {
      readonly mayBeRepeated?: boolean | undefined;
      readonly decided: readonly DecidedEntry[];
      readonly spans?: BatchSpans | undefined;
    },
  ): void {
    // First, because the new entries would follow a gap.
    const repeated = mayBeRepeated ? losses(results.flatMap(duplicateOf)) : [];
    void this.#deps.bus.publish([...repeated, ...publications(results, this.#audiences, decided, spans)]);
  }

  /** Logs ids only, never contents. */
  #logCommitted(results: readonly AppendResult[]): void {
    for (const { type, entry } of results) {
      const { msgId, conversationId, seq, from, isCounted } = entry;
      if (!isCounted) continue;
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
    // The commands have not failed: another core executes them.
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

const duplicateOf = ({ type, entry }: AppendResult): readonly ConversationId[] =>
  type === 'duplicate' ? [entry.conversationId] : [];

const placeAt = ({ position, mayBeRepeated }: BatchPosition): CommandPlace => ({ fence: position, mayBeRepeated });

/** For a command that is not appended because another command of its batch failed. */
const notAppended = failure.unavailable();

const isFailure = ({ type }: Outcome | Admitted): boolean => type === 'failed';

/** A message without references. Only its sender's membership is checked, so many are appended together. */
const isPlainMessage = (command: Command): command is MessageCommand =>
  command.type === 'message' && command.references === undefined;

function outcomeOf({ entry: appended, change }: DecidedEntry, result: AppendResult | undefined): Outcome {
  assert(result, 'a timeline returns a result for each entry of a batch');
  const { entry, type } = result;
  // [D3] A concurrent command of another conversation has used the same key since the look-up.
  if (type === 'duplicate' && change) return repeatedChangeOutcome(change.command, entry);
  assert(type === 'duplicate' || !change || entry.seq === change.seq, 'a change is appended where it was decided');
  if (type !== 'duplicate') return committedOutcome(entry);
  return repeatedSendOutcome({ ...appended, referencesJson: appended.references?.json }, entry);
}

/** Of what needs no entry. */
function outcomeOfOther(item: Decided): Outcome {
  assert(isOutcome(item), 'commands without entries and notes have outcomes');
  return item;
}

/** Whatever was decided upon an entry, or a note, that could not be stored is not so. */
function failedFrom(decided: readonly Decided[], problem: Problem): readonly Outcome[] {
  const first = decided.findIndex((one) => !isOutcome(one));
  return decided.map((one, index) => (index < first && isOutcome(one) ? one : problem));
}

const isOutcome = (one: Decided): one is Outcome => one.type !== 'entry' && one.type !== 'note';

function outcomeAt(outcomes: readonly Outcome[], index: number): Outcome {
  const outcome = outcomes[index];
  assert(outcome, 'each command of a batch has an outcome');
  return outcome;
}

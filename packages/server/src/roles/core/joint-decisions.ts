// What becomes of commands of one conversation that share a transaction: each is decided upon what those before it will leave.

import { assert, unreachable } from '@hongyan/base/assert';
import { encodeReferences } from '../../domain/message-references.ts';
import type { StoredEntry } from '../../ports/timeline/timeline.ts';
import { type Outcome, repeatedSendOutcome } from './command-outcome.ts';
import type { CommandPlace } from './command-place.ts';
import { ConversationDraft } from './conversation-draft.ts';
import type { Decided, DecidedEntry, DecidedNote, JointCommand } from './decided.ts';
import type { CoreDeps } from './deps.ts';
import { lookUpEach } from './look-ups.ts';
import { type MessageChanges, repeatedChangeOutcome } from './message-changes.ts';
import type { ReferenceChecks } from './message-references.ts';
import { losses } from './publications.ts';
import type { ReactionSummaries } from './reaction-summaries.ts';
import type { SentPositions } from './sent-positions.ts';

export interface JointDecisionsParts {
  readonly sent: SentPositions;
  readonly messages: MessageChanges;
  readonly references: ReferenceChecks;
  readonly summaries: ReactionSummaries;
}

export class JointDecisions {
  readonly #deps: CoreDeps;
  readonly #parts: JointDecisionsParts;

  constructor(deps: CoreDeps, parts: JointDecisionsParts) {
    this.#deps = deps;
    this.#parts = parts;
  }

  /**
   * Decides the first of these commands, at least one: entries or notes, never both. The others depend on what is committed first.
   * `admitted` has each message as its sender's membership allows it. Rejects with StoreFailure; nothing is stored then.
   */
  async decide(
    commands: readonly JointCommand[],
    admitted: ReadonlyMap<JointCommand, DecidedEntry | Outcome | undefined>,
    place: CommandPlace | undefined,
  ): Promise<readonly Decided[]> {
    const repeated = await lookUpEach(commands, (command) => this.#earlier(command, place));
    const draft = await ConversationDraft.open(this.#deps.timeline, commands);
    const decided: Decided[] = [];
    let kind: 'entry' | 'note' | undefined;
    for (const [index, command] of commands.entries()) {
      if (draft.hasToWait(command)) break;
      const earlier = repeated[index];
      const one = earlier ? this.#repeat(command, earlier, place) : await this.#decide(command, admitted, draft);
      if (one.type === 'entry' || one.type === 'note') {
        kind ??= one.type;
        if (one.type !== kind) break;
        decided.push(this.#drafted(one, draft));
      } else decided.push(one);
    }
    return decided;
  }

  /** [D3] Looked for before the rules are asked, which may refuse a command that took effect already. The append finds the others. */
  async #earlier(command: JointCommand, place: CommandPlace | undefined): Promise<StoredEntry | undefined> {
    const { from, clientMsgId } = command;
    const isNeeded =
      command.type === 'message'
        ? command.references !== undefined
        : command.change.type !== 'sum_up' || place?.mayBeRepeated === true;
    return isNeeded ? this.#deps.timeline.findByClientMsgId({ from, clientMsgId }) : undefined;
  }

  /** What was committed earlier may not have been published. */
  #repeat(command: JointCommand, earlier: StoredEntry, place: CommandPlace | undefined): Outcome {
    this.#parts.sent.note([earlier]);
    if (place?.mayBeRepeated) void this.#deps.bus.publish(losses([earlier.conversationId]));
    if (command.type === 'change_message') return repeatedChangeOutcome(command, earlier);
    const { references, ...message } = command;
    return repeatedSendOutcome({ ...message, referencesJson: references && encodeReferences(references) }, earlier);
  }

  async #decide(
    command: JointCommand,
    admitted: ReadonlyMap<JointCommand, DecidedEntry | Outcome | undefined>,
    draft: ConversationDraft,
  ): Promise<Decided> {
    switch (command.type) {
      case 'message': {
        const message = admitted.get(command);
        assert(message, 'the sender of each message is checked');
        if (message.type !== 'entry' || command.references === undefined) return message;
        return this.#parts.references.check(message.entry, command.references, draft);
      }
      case 'change_message':
        return this.#parts.messages.decide(command, draft);
      default:
        return unreachable(command);
    }
  }

  #drafted(one: DecidedEntry | DecidedNote, draft: ConversationDraft): DecidedEntry | DecidedNote {
    if (one.type === 'note') {
      draft.setState(one.command.targetSeq, one.state);
      return one;
    }
    const needsPrevious = draft.add(one.entry);
    const { conversationId, target } = one.entry;
    if (one.startsSummary && target) this.#parts.summaries.appended({ conversationId, seq: target.seq });
    return needsPrevious ? { ...one, entry: { ...one.entry, needsPrevious } } : one;
  }
}

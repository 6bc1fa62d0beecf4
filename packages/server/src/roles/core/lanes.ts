// Lanes: the commands of a conversation that wait for one another. Lanes of different conversations run independently.

import { assert } from '@hongyan/base/assert';
import { TransientMap } from '@hongyan/base/transient-map';
import type { ConversationId } from '@hongyan/protocol/ids';
import { Fenced } from '../../domain/fence.ts';
import type { Command } from '../../ports/command-log/command-log.ts';
import type { Outcome } from './command-outcome.ts';
import type { CommandPlace } from './command-place.ts';
import type { JointCommand } from './decided.ts';

/** What handles commands of one conversation, with all earlier ones committed. */
export interface LaneHandler {
  alone(command: LoneCommand, place: CommandPlace | undefined): Promise<Outcome>;
  /** Returns the outcomes of the first commands, at least of one. The others are handed over again. */
  together(commands: readonly JointCommand[], place: CommandPlace | undefined): Promise<readonly Outcome[]>;
}

export type LoneCommand = Exclude<Command, JointCommand>;

interface Waiting {
  readonly command: Command;
  readonly place: CommandPlace | undefined;
  readonly outcome: PromiseWithResolvers<Outcome>;
}

/** Commands of one transaction: its other commands wait for the whole of it. */
const jointMax = 256;

export class Lanes {
  readonly #handler: LaneHandler;
  readonly #lanes = new TransientMap<ConversationId, Waiting[]>();

  constructor(handler: LaneHandler) {
    this.#handler = handler;
  }

  /** Conversations that have a lane. */
  get size(): number {
    return this.#lanes.size;
  }

  has(conversationId: ConversationId): boolean {
    return this.#lanes.has(conversationId);
  }

  /** The first command of a lane starts after `ready`, which must not reject. */
  submit(command: Command, place: CommandPlace | undefined, ready: () => Promise<unknown>): Promise<Outcome> {
    const { conversationId } = command;
    const outcome = Promise.withResolvers<Outcome>();
    // The caller may look at it only after other commands of its batch are done.
    outcome.promise.catch(() => undefined);
    const lane = this.#lanes.get(conversationId);
    if (lane) lane.push({ command, place, outcome });
    else void this.#run(conversationId, [{ command, place, outcome }], ready());
    return outcome.promise;
  }

  async #run(conversationId: ConversationId, lane: Waiting[], ready: Promise<unknown>): Promise<void> {
    this.#lanes.set(conversationId, lane);
    await ready;
    while (lane.length > 0) await this.#handleNext(lane);
    this.#lanes.delete(conversationId);
  }

  async #handleNext(lane: Waiting[]): Promise<void> {
    const batch = firstOf(lane);
    try {
      await this.#handleFirst(lane, batch);
    } catch (error) {
      // A bug that one command triggers fails no other command.
      if (batch.length > 1 && !(error instanceof Fenced)) return this.#handleEach(lane, batch);
      lane.splice(0, batch.length);
      for (const { outcome } of batch) outcome.reject(error);
    }
  }

  async #handleEach(lane: Waiting[], batch: readonly Waiting[]): Promise<void> {
    for (const waiting of batch)
      await this.#handleFirst(lane, [waiting]).catch((error: unknown) => {
        lane.shift();
        waiting.outcome.reject(error);
      });
  }

  async #handleFirst(lane: Waiting[], batch: readonly Waiting[]): Promise<void> {
    const [first] = batch;
    assert(first, 'a lane that is handled has commands');
    const { command, place } = first;
    const outcomes = isJoint(command)
      ? await this.#handler.together(batch.map((waiting) => waiting.command).filter(isJoint), place)
      : [await this.#handler.alone(command, place)];
    assert(
      outcomes.length >= 1 && outcomes.length <= batch.length,
      'one outcome at least, and one per command at most',
    );
    lane.splice(0, outcomes.length);
    for (const [index, outcome] of outcomes.entries()) batch[index]?.outcome.resolve(outcome);
  }
}

/** The first command, with those behind it that may share its transaction. */
function firstOf(lane: readonly Waiting[]): readonly Waiting[] {
  const place = lane[0]?.place;
  const end = lane.findIndex((waiting) => !isJoint(waiting.command) || waiting.place !== place);
  return lane.slice(0, end < 0 ? jointMax : Math.min(Math.max(end, 1), jointMax));
}

const isJoint = (command: Command): command is JointCommand =>
  command.type === 'message' || command.type === 'change_message';

// Submits the commands of each user in the order of the calls: some need a look-up first, and later ones must not overtake them.

import type { MaybePromise } from '@hongyan/base/maybe-promise';
import { TransientMap } from '@hongyan/base/transient-map';
import type { UserId } from '@hongyan/protocol/ids';
import type { Result } from '@hongyan/protocol/refusals';
import type { Command, CommandOutcome, CommandProducer } from '../../ports/command-log/command-log.ts';

type Prepared = Result<Command>;
type Outcome = Result<CommandOutcome>;

export class SubmitOrder {
  readonly #commands: CommandProducer;
  /** For users with a command in preparation: settles when the newest of them is submitted. */
  readonly #submitted = new TransientMap<UserId, Promise<unknown>>();

  constructor(commands: CommandProducer) {
    this.#commands = commands;
  }

  /** A command without a look-up is submitted immediately. A refusal in preparation is the outcome. */
  submit(from: UserId, prepared: MaybePromise<Prepared>): Promise<Outcome> {
    const earlier = this.#submitted.get(from);
    if (earlier === undefined && !(prepared instanceof Promise)) return this.#submit(prepared);
    const submitting = this.#submitAfter(earlier, prepared);
    this.#holdOthersUntil(from, submitting, earlier);
    return submitting.then(({ outcome }) => outcome);
  }

  /** The outcome is boxed, so that the next command waits for this submit but not for its outcome. */
  async #submitAfter(
    earlier: Promise<unknown> | undefined,
    prepared: MaybePromise<Prepared>,
  ): Promise<{ readonly outcome: Promise<Outcome> }> {
    const [command] = await Promise.all([prepared, earlier]);
    return { outcome: this.#submit(command) };
  }

  #holdOthersUntil(from: UserId, submitting: Promise<unknown>, earlier: Promise<unknown> | undefined): void {
    const leave = () => {
      if (this.#submitted.get(from) === submitted) this.#submitted.delete(from);
    };
    // A failed preparation settles early: earlier commands may still be in preparation.
    const submitted: Promise<void> = submitting.catch(() => earlier).then(leave);
    this.#submitted.set(from, submitted);
  }

  #submit(prepared: Prepared): Promise<Outcome> {
    return prepared.type === 'ok' ? this.#commands.submit(prepared.value) : Promise.resolve(prepared);
  }
}

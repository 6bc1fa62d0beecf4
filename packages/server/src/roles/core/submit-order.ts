// Commands go up in the order of their calls: some need a look-up first, and the user's later ones must not overtake them.

import type { MaybePromise } from '@hongyan/base/maybe-promise';
import { TransientMap } from '@hongyan/base/transient-map';
import type { UserId } from '@hongyan/protocol/ids';
import type { Result } from '@hongyan/protocol/refusals';
import type { Command, CommandOutcome, CommandProducer } from '../../ports/command-log/command-log.ts';

type Prepared = Result<Command>;
type Outcome = Result<CommandOutcome>;

export class SubmitOrder {
  readonly #commands: CommandProducer;
  /** Users with a command in preparation: settled when the newest of theirs is submitted. */
  readonly #submitted = new TransientMap<UserId, Promise<unknown>>();

  constructor(commands: CommandProducer) {
    this.#commands = commands;
  }

  /** Without a look-up before it, a command is submitted at once. One that is refused in preparation is answered so. */
  submit(from: UserId, prepared: MaybePromise<Prepared>): Promise<Outcome> {
    const earlier = this.#submitted.get(from);
    if (earlier === undefined && !(prepared instanceof Promise)) return this.#submit(prepared);
    const submitting = this.#submitAfter(earlier, prepared);
    this.#holdOthersUntil(from, submitting, earlier);
    return submitting.then(({ outcome }) => outcome);
  }

  /** The outcome is boxed: the next command waits for this submit, not for what comes of it. */
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
    // What fails in preparation fails at once: those before it may be in theirs still.
    const submitted: Promise<void> = submitting.catch(() => earlier).then(leave);
    this.#submitted.set(from, submitted);
  }

  #submit(prepared: Prepared): Promise<Outcome> {
    return prepared.type === 'ok' ? this.#commands.submit(prepared.value) : Promise.resolve(prepared);
  }
}

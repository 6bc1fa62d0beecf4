// In large conversations the reactions to one message make one entry a second at most [E6]: the first at once, those that follow
// within the second together at its end. Each is durable, as part of the message's state, before it is acknowledged.

import { TransientMap } from '@hongyan/base/transient-map';
import type { ReactionSummary } from '@hongyan/protocol/content';
import type { ClientMsgId, ConversationId, Seq } from '@hongyan/protocol/ids';
import type { CoreDeps } from './deps.ts';

type Noted = ReactionSummary['changes'][number];
type Message = { readonly conversationId: ConversationId; readonly seq: Seq };

const everyMs = 1_000;
/** Messages with an entry in the last second; the reactions to further ones make an entry each. */
const messagesMax = 10_000;

export class ReactionSummaries {
  readonly #deps: Pick<CoreDeps, 'commands' | 'clock' | 'log' | 'newMsgId'>;
  /** What was noted since the last entry of each message that had one in the last second, or that has a summary on its way. */
  readonly #noted = new TransientMap<string, Noted[]>();
  readonly #submitting = new Set<Promise<void>>();

  constructor(deps: Pick<CoreDeps, 'commands' | 'clock' | 'log' | 'newMsgId'>) {
    this.#deps = deps;
  }

  /** Whether an entry has to wait. */
  isWaiting(message: Message): boolean {
    return this.#noted.has(nameOf(message));
  }

  /** A reaction has an entry of its own: the next entry comes a second later. */
  appended(message: Message): void {
    if (this.#noted.size >= messagesMax) return;
    this.#noted.set(nameOf(message), []);
    this.#endLater(message);
  }

  /** Also when the second ended while it was being stored. */
  note(message: Message, change: Noted): void {
    const name = nameOf(message);
    const noted = this.#noted.get(name);
    if (noted) {
      noted.push(change);
      return;
    }
    this.#noted.set(name, [change]);
    this.#endLater(message);
  }

  /** Has what was noted summed up now. */
  async drain(): Promise<void> {
    for (const [name] of this.#noted) this.#end(messageOf(name));
    await Promise.all(this.#submitting);
  }

  #endLater(message: Message): void {
    this.#deps.clock.after(everyMs, () => this.#end(message));
  }

  #end(message: Message): void {
    const name = nameOf(message);
    const changes = this.#noted.get(name);
    if (changes === undefined) return;
    if (changes.length === 0) {
      this.#noted.delete(name);
      return;
    }
    // Those that come before the summary does wait for the next one.
    this.#noted.set(name, []);
    const submitting = this.#submit(message, changes).finally(() => this.#submitting.delete(submitting));
    this.#submitting.add(submitting);
  }

  async #submit(message: Message, changes: readonly Noted[]): Promise<void> {
    const { conversationId, seq } = message;
    const { commands, newMsgId, log } = this.#deps;
    const from = changes.at(-1)?.user_id;
    if (from === undefined) return;
    const outcome = await commands.submit({
      type: 'change_message',
      conversationId,
      from,
      clientMsgId: newMsgId() as string as ClientMsgId,
      targetSeq: seq,
      change: { type: 'sum_up', changes },
    });
    // Here, since another core may have appended it.
    if (outcome.type === 'ok') return this.#endLater(message);
    // The reactions are stored: the next entry of the message, and every read of it, has their counts.
    this.#noted.delete(nameOf(message));
    log.warn('reactions not summed up', { conversationId, code: outcome.code });
  }
}

/** No id contains a space. */
const nameOf = ({ conversationId, seq }: Message): string => `${conversationId} ${seq}`;
function messageOf(name: string): Message {
  const [conversationId, seq] = name.split(' ');
  return { conversationId: conversationId as ConversationId, seq: Number(seq) as Seq };
}

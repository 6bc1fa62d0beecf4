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
  /** What was noted since the last entry of each message that had one in the last second. */
  readonly #noted = new TransientMap<string, Noted[]>();
  readonly #submitting = new Set<Promise<void>>();

  constructor(deps: Pick<CoreDeps, 'commands' | 'clock' | 'log' | 'newMsgId'>) {
    this.#deps = deps;
  }

  /** Whether an entry has to wait. */
  isWaiting(message: Message): boolean {
    return this.#noted.has(nameOf(message));
  }

  /** An entry was appended: the next one comes a second later. */
  appended(message: Message): void {
    if (this.#noted.size >= messagesMax) return;
    this.#noted.set(nameOf(message), []);
    this.#deps.clock.after(everyMs, () => this.#end(message));
  }

  note(message: Message, change: Noted): void {
    this.#noted.get(nameOf(message))?.push(change);
  }

  /** Has what was noted summed up now. */
  async drain(): Promise<void> {
    for (const [name] of this.#noted) this.#end(messageOf(name));
    await Promise.all(this.#submitting);
  }

  #end(message: Message): void {
    const changes = this.#noted.get(nameOf(message));
    this.#noted.delete(nameOf(message));
    if (changes === undefined || changes.length === 0) return;
    const submitting = this.#submit(message, changes).finally(() => this.#submitting.delete(submitting));
    this.#submitting.add(submitting);
  }

  async #submit({ conversationId, seq }: Message, changes: readonly Noted[]): Promise<void> {
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
    // The reactions are stored: the next entry of the message, and every read of it, has their counts.
    if (outcome.type !== 'ok') log.warn('reactions not summed up', { conversationId, code: outcome.code });
  }
}

/** No id contains a space. */
const nameOf = ({ conversationId, seq }: Message): string => `${conversationId} ${seq}`;
function messageOf(name: string): Message {
  const [conversationId, seq] = name.split(' ');
  return { conversationId: conversationId as ConversationId, seq: Number(seq) as Seq };
}

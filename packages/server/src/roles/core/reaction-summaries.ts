// Limits the entries of reactions to one per message and second in large conversations [E6]. The first reaction has an entry of its own;
// those within the next second share a summary entry. Each is durable in the state of the message before it is acknowledged.

import { TransientMap } from '@hongyan/base/transient-map';
import type { ReactionSummary } from '@hongyan/protocol/content';
import type { ClientMsgId, ConversationId, Seq } from '@hongyan/protocol/ids';
import type { CoreDeps } from './deps.ts';

type Change = ReactionSummary['changes'][number];
type Message = { readonly conversationId: ConversationId; readonly seq: Seq };

const intervalMs = 1_000;
/** Messages with an entry in the last second; reactions to further messages have an entry each. */
const messagesMax = 10_000;

export class ReactionSummaries {
  readonly #deps: Pick<CoreDeps, 'commands' | 'clock' | 'log' | 'newMsgId'>;
  /** Pending changes of the messages that had an entry in the last second or have a summary in flight. */
  readonly #pending = new TransientMap<string, Change[]>();
  readonly #submitting = new Set<Promise<void>>();

  constructor(deps: Pick<CoreDeps, 'commands' | 'clock' | 'log' | 'newMsgId'>) {
    this.#deps = deps;
  }

  /** Whether a reaction to the message joins a summary. */
  isWaiting(message: Message): boolean {
    return this.#pending.has(nameOf(message));
  }

  /** A reaction had an entry of its own: later ones wait for up to a second. */
  appended(message: Message): void {
    if (this.#pending.size >= messagesMax) return;
    this.#pending.set(nameOf(message), []);
    this.#endLater(message);
  }

  /** Adds a reaction to the summary, also if the second ended while the reaction was being stored. */
  add(message: Message, change: Change): void {
    const name = nameOf(message);
    const pending = this.#pending.get(name);
    if (pending) {
      pending.push(change);
      return;
    }
    this.#pending.set(name, [change]);
    this.#endLater(message);
  }

  /** Submits all pending summaries. */
  async drain(): Promise<void> {
    for (const [name] of this.#pending) this.#end(messageOf(name));
    await Promise.all(this.#submitting);
  }

  #endLater(message: Message): void {
    this.#deps.clock.after(intervalMs, () => this.#end(message));
  }

  #end(message: Message): void {
    const name = nameOf(message);
    const changes = this.#pending.get(name);
    if (changes === undefined) return;
    if (changes.length === 0) {
      this.#pending.delete(name);
      return;
    }
    // Reactions that arrive before this summary is appended wait for the next one.
    this.#pending.set(name, []);
    const submitting = this.#submit(message, changes).finally(() => this.#submitting.delete(submitting));
    this.#submitting.add(submitting);
  }

  async #submit(message: Message, changes: readonly Change[]): Promise<void> {
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
    // Set here, because another core may append the summary.
    if (outcome.type === 'ok') return this.#endLater(message);
    // The reactions are stored: every read, and the next entry of the message, includes their counts.
    this.#pending.delete(nameOf(message));
    log.warn('summary of reactions not appended', { conversationId, code: outcome.code });
  }
}

/** No id contains a space. */
const nameOf = ({ conversationId, seq }: Message): string => `${conversationId} ${seq}`;
function messageOf(name: string): Message {
  const [conversationId, seq] = name.split(' ');
  return { conversationId: conversationId as ConversationId, seq: Number(seq) as Seq };
}

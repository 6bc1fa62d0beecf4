// The newest message of each writer, on its way to the directory: what members wrote is nothing they have yet to read [E3].

import type { Timer } from '@hongyan/base/clock';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import type { MemberKey, MemberRecord } from '../../ports/directory/conversations.ts';
import type { SentAdvance } from '../../ports/directory/receipts.ts';
import type { AppendResult } from '../../ports/timeline/timeline.ts';
import type { CoreDeps } from './deps.ts';

/** Written so seldom that busy writers cost a row a second. Until then the positions are here, and reads ask here. */
const writeEveryMs = 1_000;
/** Where other cores read too, which cannot ask here. */
const writeEveryMsShared = 20;
/** Above it they are written at once. */
const waitingMax = 10_000;

export class SentPositions {
  readonly #deps: Pick<CoreDeps, 'directory' | 'clock' | 'log'>;
  readonly #writeEveryMs: number;
  /** By conversation, then user. */
  #waiting = new Map<ConversationId, Map<UserId, Seq>>();
  #count = 0;
  #writing: { readonly positions: Map<ConversationId, Map<UserId, Seq>>; readonly done: Promise<void> } | undefined;
  #timer: Timer | undefined;

  constructor(deps: Pick<CoreDeps, 'directory' | 'clock' | 'log' | 'shared'>) {
    this.#deps = deps;
    this.#writeEveryMs = deps.shared ? writeEveryMsShared : writeEveryMs;
  }

  note(results: readonly AppendResult[]): void {
    for (const { type, entry } of results) if (type === 'committed' && entry.isCounted) this.#raise(entry);
    if (this.#count === 0) return;
    if (this.#count >= waitingMax) void this.#write();
    else this.#timer ??= this.#deps.clock.after(this.#writeEveryMs, () => void this.#write());
  }

  /** The newest of what the record says and what waits here. */
  of({ conversationId, userId, sentSeq }: MemberKey & Pick<MemberRecord, 'sentSeq'>): Seq {
    const waiting = this.#waiting.get(conversationId)?.get(userId) ?? 0;
    const writing = this.#writing?.positions.get(conversationId)?.get(userId) ?? 0;
    return Math.max(sentSeq, waiting, writing) as Seq;
  }

  async drain(): Promise<void> {
    while (this.#count > 0 || this.#writing) await this.#write();
  }

  #raise({ conversationId, from, seq }: AppendResult['entry']): void {
    let ofConversation = this.#waiting.get(conversationId);
    if (ofConversation === undefined) {
      ofConversation = new Map();
      this.#waiting.set(conversationId, ofConversation);
    }
    if (!ofConversation.has(from)) this.#count++;
    ofConversation.set(from, seq);
  }

  /** One at a time. What cannot be written now is written with the next message: unread counts are too high until then. */
  async #write(): Promise<void> {
    if (this.#writing) return this.#writing.done;
    this.#timer?.cancel();
    this.#timer = undefined;
    const positions = this.#waiting;
    this.#waiting = new Map();
    this.#count = 0;
    const done = this.#deps.directory.advanceSent(advancesOf(positions)).catch((error: unknown) => {
      this.#deps.log.error('newest messages of writers not stored', { error });
    });
    this.#writing = { positions, done };
    await done;
    this.#writing = undefined;
  }
}

function advancesOf(positions: ReadonlyMap<ConversationId, ReadonlyMap<UserId, Seq>>): SentAdvance[] {
  return [...positions].flatMap(([conversationId, byUser]) =>
    Array.from(byUser, ([userId, sentSeq]) => ({ conversationId, userId, sentSeq })),
  );
}

// Text that is written but not sent, per conversation: kept on this device at once, so that a reload loses nothing, and a moment
// later on all devices of the user. [E22]

import { type Clock, systemClock, type Timer } from '@hongyan/base/clock';
import type { Client, ConversationId, ConversationView, UserId } from '@hongyan/client/api';
import type { BrowserStorage } from '../browser/browser-storage.ts';
import { Signal } from './signal.ts';

/** A text is saved when nothing was written for so long. */
const saveDelayMs = 800;

interface Kept {
  readonly text: string;
  /** Of the draft that the text continues; 0: of none. */
  readonly base: number;
  /** The server has it: another device's text may take its place. */
  readonly isSaved: boolean;
}

const nothing: Kept = { text: '', base: 0, isSaved: true };

export class Drafts {
  readonly all: Signal<ReadonlyMap<ConversationId, string>>;
  readonly #clock: Clock;
  readonly #client: Pick<Client, 'saveDraft' | 'conversation'>;
  readonly #storage: Pick<BrowserStorage, 'readJson' | 'write' | 'remove'>;
  readonly #name: string;
  readonly #kept: Map<ConversationId, Kept>;
  readonly #timers = new Map<ConversationId, Timer>();
  /** Texts that are on their way, and those that were refused. */
  readonly #given = new Map<ConversationId, string>();
  #isForgotten = false;

  constructor(options: {
    readonly client: Pick<Client, 'saveDraft' | 'conversation'>;
    readonly userId: UserId;
    readonly storage: Pick<BrowserStorage, 'readJson' | 'write' | 'remove'>;
    readonly clock?: Clock;
  }) {
    this.#clock = options.clock ?? systemClock;
    this.#client = options.client;
    this.#storage = options.storage;
    this.#name = `drafts.${options.userId}`;
    this.#kept = new Map(draftsIn(this.#storage.readJson(this.#name)));
    this.all = new Signal(this.#texts());
  }

  get(conversationId: ConversationId): string {
    return this.all.get().get(conversationId) ?? '';
  }

  /** Written here. */
  set(conversationId: ConversationId, text: string): void {
    if (text === this.get(conversationId)) return;
    this.#keep(conversationId, { ...this.#of(conversationId), text, isSaved: false });
    // A draft that was sent is gone at once, on the other devices too.
    this.#given.delete(conversationId);
    if (text === '') this.flush(conversationId);
    else this.#schedule(conversationId);
  }

  /** As the user's devices have it now. What was written here and not saved yet stays. */
  follow({ conversationId, draft }: ConversationView): void {
    const { text, base, isSaved } = this.#of(conversationId);
    const texts = draft ? [draft.text, ...draft.others] : [];
    // Before the choice among several texts is made, none is continued.
    const seen = draft && draft.others.length > 0 ? base : (draft?.revision ?? 0);
    if (text === (texts[0] ?? '')) this.#keep(conversationId, { text, base: seen, isSaved });
    else if (isSaved && !texts.includes(text))
      this.#keep(conversationId, { text: texts[0] ?? '', base: seen, isSaved });
    const isUnderWay = this.#timers.has(conversationId) || this.#given.get(conversationId) === text;
    if (!isSaved && !isUnderWay) this.#schedule(conversationId);
  }

  /** Texts of other devices that the user has to choose among. */
  others({ conversationId, draft }: ConversationView): readonly string[] {
    if (!draft || draft.others.length === 0) return [];
    const own = this.get(conversationId);
    return [draft.text, ...draft.others].filter((text) => text !== own);
  }

  /** Ends the choice: this text remains. */
  choose({ conversationId, draft }: ConversationView, text: string): void {
    this.#keep(conversationId, { text, base: draft?.revision ?? 0, isSaved: false });
    this.flush(conversationId);
  }

  /** Saves what waits, of one conversation or of all. */
  flush(conversationId?: ConversationId): void {
    for (const id of conversationId === undefined ? [...this.#timers.keys()] : [conversationId]) this.#save(id);
  }

  /** Deletes what this device kept. Nothing is kept or saved after this: a composer that is taken away would save what it holds. */
  forget(): void {
    this.#isForgotten = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#storage.remove(this.#name);
  }

  #of(conversationId: ConversationId): Kept {
    return this.#kept.get(conversationId) ?? nothing;
  }

  #schedule(conversationId: ConversationId): void {
    this.#timers.get(conversationId)?.cancel();
    this.#timers.set(
      conversationId,
      this.#clock.after(saveDelayMs, () => this.#save(conversationId)),
    );
  }

  #save(conversationId: ConversationId): void {
    this.#timers.get(conversationId)?.cancel();
    this.#timers.delete(conversationId);
    const { text, base, isSaved } = this.#of(conversationId);
    if (isSaved || this.#isForgotten) return;
    this.#given.set(conversationId, text);
    // Refused, it remains here and is saved with the next change: nothing is lost.
    this.#client.saveDraft(conversationId, text, base).then(
      () => this.#saved(conversationId, text),
      () => {},
    );
  }

  /** Where another text remained, as after a conflict when this one was sent, it is followed now. */
  #saved(conversationId: ConversationId, text: string): void {
    if (this.#given.get(conversationId) === text) this.#given.delete(conversationId);
    const now = this.#of(conversationId);
    if (now.text !== text || this.#timers.has(conversationId)) return;
    this.#keep(conversationId, { ...now, isSaved: true });
    const view = this.#client.conversation(conversationId);
    if (view) this.follow(view);
  }

  #keep(conversationId: ConversationId, kept: Kept): void {
    if (this.#isForgotten) return;
    const before = this.#kept.get(conversationId) ?? nothing;
    if (before.text === kept.text && before.base === kept.base && before.isSaved === kept.isSaved) return;
    if (kept.text === '' && kept.isSaved) this.#kept.delete(conversationId);
    else this.#kept.set(conversationId, kept);
    if (before.text !== kept.text) this.all.set(this.#texts());
    const list = Array.from(this.#kept, ([id, { text, base, isSaved }]) => [id, text, base, isSaved]);
    this.#storage.write(this.#name, JSON.stringify(list));
  }

  #texts(): ReadonlyMap<ConversationId, string> {
    return new Map(Array.from(this.#kept, ([id, { text }]) => [id, text]));
  }
}

/** Those that are well formed: another version may have written the rest, or pairs that were never saved. */
function draftsIn(kept: unknown): [ConversationId, Kept][] {
  if (!Array.isArray(kept)) return [];
  return kept.flatMap((item): [ConversationId, Kept][] => {
    const [id, text, base = 0, isSaved = false] = Array.isArray(item) ? item : [];
    if (typeof id !== 'string' || typeof text !== 'string' || typeof base !== 'number') return [];
    return [[id as ConversationId, { text, base, isSaved: isSaved === true }]];
  });
}

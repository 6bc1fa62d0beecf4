// What this user has set in private on all devices: as the server has it, with the changes on top that wait for their ack [E21].

import type { Clock, Timer } from '@hongyan/base/clock';
import type { PrivateChange, PrivateContent } from '@hongyan/protocol/content';
import type { ConversationId, DeviceId, Seq } from '@hongyan/protocol/ids';
import type { Output } from '@hongyan/protocol/operations/operations';
import { draftTexts, isRemoval, otherTexts, type PrivateItem, privateKey } from '@hongyan/protocol/private';
import type { ConversationView, Draft } from './api.ts';
import type { ArrivedEntry } from './entry-kind.ts';

export const privateType = 'hongyan.private';

/** Of one conversation. */
export interface OwnParts extends Pick<ConversationView, 'mutedUntilMs' | 'isMuted' | 'isPinned'> {
  readonly archivedCount: number | undefined;
  readonly draft: Draft | undefined;
}

export const nothingOwn: OwnParts = {
  mutedUntilMs: 0,
  isMuted: false,
  isPinned: false,
  archivedCount: undefined,
  draft: undefined,
};

export interface PrivateStateOptions {
  readonly clock: Clock;
  readonly deviceId: DeviceId;
  /** A page from the server. */
  readonly read: (after: string | undefined) => Promise<Output<'privateState'>>;
  /** Changes that wait for their ack, first made first. */
  readonly waiting: () => readonly PrivateChange[];
  /** Something is set that was not, or no longer. */
  readonly onChange: (change: PrivateChange) => void;
  /** What was read could not be; the next sync reads it. */
  readonly onFailure: (error: unknown) => void;
  readonly save: (kept: StoredOwn) => void;
}

/** What is kept between runs. */
export interface StoredOwn {
  readonly seq: number;
  readonly items: readonly PrivateItem[];
}

/** Changes are kept together, this long after the first of them: what is lost of them the server has. */
const saveDelayMs = 1_000;
const timerMsMax = 2 ** 31 - 1;

export class PrivateState {
  readonly #options: PrivateStateOptions;
  /** Contains every entry up to it; -1 before the first read. */
  #seq = -1;
  #items = new Map<string, PrivateItem>();
  /** Acknowledged, and not seen as an entry yet. */
  #acked: readonly { readonly seq: Seq; readonly change: PrivateChange }[] = [];
  /** The newest entry that is known to exist. */
  #wantedSeq = 0;
  #reading: Promise<void> | undefined;
  /** No timer waits for the end of a mute while no connection is wanted: it would keep a program from ending. */
  #isStarted = false;
  #muteTimer: Timer | undefined;
  #saveTimer: Timer | undefined;
  #savedSeq = -1;

  constructor(options: PrivateStateOptions) {
    this.#options = options;
  }

  restore(kept: StoredOwn | undefined): void {
    this.#seq = kept?.seq ?? -1;
    this.#savedSeq = this.#seq;
    for (const item of kept?.items ?? []) this.#items.set(privateKey(item.content.change), item);
  }

  /** The client is opened. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    // Some may have ended since it was closed.
    for (const change of this.#changes()) if (change.type === 'mute') this.#options.onChange(change);
    this.#awaitMutes();
  }

  of(conversationId: ConversationId): OwnParts {
    const set = <T extends PrivateChange['type']>(type: T) =>
      this.#get(type, conversationId)?.content.change as Extract<PrivateChange, { type: T }> | undefined;
    const mutedUntilMs = set('mute')?.until ?? 0;
    return {
      mutedUntilMs,
      isMuted: mutedUntilMs > this.#options.clock.nowMs(),
      isPinned: set('pin')?.pinned ?? false,
      archivedCount: set('archive')?.count ?? undefined,
      draft: draftOf(this.#get('draft', conversationId)),
    };
  }

  settings(): Readonly<Record<string, unknown>> {
    const settings: Record<string, unknown> = {};
    for (const change of this.#changes()) if (change.type === 'setting') settings[change.name] = change.value;
    return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null));
  }

  /** A pushed entry. One that does not follow is read with what is missing. */
  add({ seq, content }: ArrivedEntry): void {
    this.#wantedSeq = Math.max(this.#wantedSeq, seq);
    this.#saveTimer ??= this.#options.clock.after(saveDelayMs, () => this.#save());
    if (this.#reading || seq <= this.#seq) return;
    if (seq > this.#seq + 1) return void this.catchUp(seq).catch(this.#options.onFailure);
    this.#seq = seq;
    // Of a draft that was superseded the content is erased.
    if (content.type === privateType) this.#take(seq, content as unknown as PrivateContent);
    this.#changed();
  }

  /** Shown until its entry is seen. */
  acked(change: PrivateChange, seq: Seq): void {
    if (seq > this.#seq) this.#acked = [...this.#acked, { seq, change }];
  }

  /** Resolves when everything up to `seq` is known. With `isOther` what is known is of another store. */
  catchUp(seq: number, isOther = false): Promise<void> {
    if (isOther) this.#seq = -1;
    this.#wantedSeq = isOther ? seq : Math.max(this.#wantedSeq, seq);
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** A change was made, or refused. */
  report(change: PrivateChange): void {
    this.#options.onChange(change);
    this.#awaitMutes();
  }

  /** What the storage does not have yet; from now on it counts as stored. */
  unsaved(): StoredOwn | undefined {
    const seq = this.#seq;
    if (seq === this.#savedSeq) return undefined;
    this.#savedSeq = seq;
    return { seq, items: [...this.#items.values()] };
  }

  /** The client is closed. */
  stop(): void {
    this.#isStarted = false;
    this.#muteTimer?.cancel();
    if (this.#saveTimer) this.#save();
  }

  /** Entries that are pushed meanwhile are read too, in another round. */
  async #readAll(): Promise<void> {
    while (this.#seq < this.#wantedSeq || this.#seq < 0) {
      const wantedSeq = this.#wantedSeq;
      const { seq, items } = wantedSeq === 0 ? { seq: 0, items: [] } : await this.#readPages();
      const before = this.#items;
      this.#items = new Map(items.map((item) => [privateKey(item.content.change), item]));
      this.#seq = seq;
      for (const { content } of [...before.values(), ...items]) this.#options.onChange(content.change);
      this.#changed();
      // A server that has less than it reported is asked no further.
      if (seq < wantedSeq) return;
    }
  }

  async #readPages(): Promise<{ readonly seq: number; readonly items: readonly PrivateItem[] }> {
    const items: PrivateItem[] = [];
    let page = await this.#options.read(undefined);
    const seq = page.as_of_seq;
    for (;;) {
      for (const { seq: itemSeq, ...content } of page.items) items.push({ seq: itemSeq, content });
      if (page.next === undefined) return { seq, items };
      page = await this.#options.read(page.next);
    }
  }

  #take(seq: Seq, content: PrivateContent): void {
    const { change } = content;
    const key = privateKey(change);
    this.#items.delete(key);
    if (change.type !== 'read' && !isRemoval(content)) this.#items.set(key, { seq, content });
    this.#options.onChange(change);
  }

  #changed(): void {
    this.#acked = this.#acked.filter(({ seq }) => seq > this.#seq);
    this.#awaitMutes();
  }

  #save(): void {
    this.#saveTimer?.cancel();
    this.#saveTimer = undefined;
    const own = this.unsaved();
    if (own) this.#options.save(own);
  }

  #overlay(): readonly PrivateChange[] {
    return [...this.#acked.map(({ change }) => change), ...this.#options.waiting()];
  }

  /** Later ones replace earlier ones of their key. */
  #changes(): readonly PrivateChange[] {
    return [...Array.from(this.#items.values(), ({ content }) => content.change), ...this.#overlay()];
  }

  /** What is set, with what waits on top. */
  #get(type: PrivateChange['type'], conversation_id: ConversationId): PrivateItem | undefined {
    const key = privateKey({ type, conversation_id } as PrivateChange);
    let item = this.#items.get(key);
    for (const change of this.#overlay()) if (privateKey(change) === key) item = after(change, item, this.#options);
    return item;
  }

  /** The end of a mute is no event of the server. */
  #awaitMutes(): void {
    const { clock, onChange } = this.#options;
    const nowMs = clock.nowMs();
    this.#muteTimer?.cancel();
    if (!this.#isStarted) return;
    const [next] = this.#changes()
      .filter((change) => endOf(change) > nowMs)
      .sort((a, b) => endOf(a) - endOf(b));
    this.#muteTimer =
      next &&
      clock.after(Math.min(endOf(next) - nowMs, timerMsMax), () => {
        onChange(next);
        this.#awaitMutes();
      });
  }
}

const endOf = (change: PrivateChange): number => (change.type === 'mute' ? (change.until ?? 0) : 0);

/** As the server will decide. */
function after(
  change: PrivateChange,
  current: PrivateItem | undefined,
  { deviceId }: Pick<PrivateStateOptions, 'deviceId'>,
): PrivateItem {
  const others = change.type === 'draft' ? otherTexts(change, current, deviceId) : [];
  return { seq: current?.seq ?? (0 as Seq), content: { change, device_id: deviceId, others } };
}

function draftOf(item: PrivateItem | undefined): Draft | undefined {
  const [own, ...others] = item ? draftTexts(item.content) : [];
  return item && own && { text: own.text, revision: item.seq, others: others.map(({ text }) => text) };
}

// A conversation as the commands that were decided so far will leave it: they are decided one upon the other, and committed together.

import type { Seq } from '@hongyan/protocol/ids';
import type { MessageState, NewEntry, StoredEntry, TimelineReads } from '../../ports/timeline/timeline.ts';
import type { JointCommand } from './decided.ts';

export interface Found {
  readonly message: StoredEntry;
  readonly state: MessageState | undefined;
}

export class ConversationDraft {
  readonly #timeline: TimelineReads;
  readonly #commands: readonly JointCommand[];
  readonly #messages = new Map<Seq, Found>();
  /** Read for a command that pins. */
  #pinned = new Set<Seq>();
  readonly #keys = new Set<string>();
  /** The last entry that is committed; 0 without a command that names a message. */
  #committedSeq = 0 as Seq;
  #draftedCount = 0;

  private constructor(timeline: TimelineReads, commands: readonly JointCommand[]) {
    this.#timeline = timeline;
    this.#commands = commands;
  }

  /** Reads what these commands name, all of one conversation, with everything before them committed. Rejects with StoreFailure. */
  static async open(timeline: TimelineReads, commands: readonly JointCommand[]): Promise<ConversationDraft> {
    const draft = new ConversationDraft(timeline, commands);
    await draft.#read();
    return draft;
  }

  async #read(): Promise<void> {
    const seqs = [...new Set(this.#commands.flatMap(namedBy))];
    const conversationId = this.#commands[0]?.conversationId;
    if (seqs.length === 0 || conversationId === undefined) return;
    const pins = this.#commands.some((command) => command.type === 'change_message' && command.change.type === 'pin');
    const [[head], messages, states, pinned] = await Promise.all([
      this.#timeline.heads([conversationId]),
      this.#timeline.messagesAt(seqs.map((seq) => ({ conversationId, seq }))),
      this.#timeline.states(seqs.map((seq) => ({ conversationId, fromSeq: seq, throughSeq: seq }))),
      pins ? this.#timeline.pinned(conversationId) : [],
    ]);
    this.#pinned = new Set(pinned);
    this.#committedSeq = head?.lastSeq ?? this.#committedSeq;
    for (const [index, message] of messages.entries())
      if (message) this.#messages.set(message.seq, { message, state: states[index]?.get(message.seq) });
  }

  /** The seq that the next entry gets, for a command that names a message. */
  get nextSeq(): Seq {
    return (this.#committedSeq + this.#draftedCount + 1) as Seq;
  }

  /** A message that one of the commands names. */
  find(seq: Seq): Found | undefined {
    return this.#messages.get(seq);
  }

  /** Of the conversation, for a command that pins. */
  get pinnedCount(): number {
    return this.#pinned.size;
  }

  /** Whether the command depends on an entry of the draft in a way that only a committed entry can answer: its key or its message. */
  hasToWait(command: JointCommand): boolean {
    if (this.#draftedCount === 0) return false;
    return (
      this.#keys.has(keyOf(command)) || namedBy(command).some((seq) => seq > this.#committedSeq && seq < this.nextSeq)
    );
  }

  /** Adds the next entry; returns whether there are others before it. */
  add(entry: NewEntry): boolean {
    const asOfSeq = this.nextSeq;
    this.#put(entry, asOfSeq);
    return this.#draftedCount > 1;
  }

  #put(entry: NewEntry, asOfSeq: Seq): void {
    this.#draftedCount++;
    this.#keys.add(keyOf(entry));
    if (entry.target === undefined) return;
    const { seq, stateJson, isPinned } = entry.target;
    this.setState(seq, { asOfSeq, stateJson });
    if (isPinned) this.#pinned.add(seq);
    else this.#pinned.delete(seq);
  }

  setState(seq: Seq, state: MessageState): void {
    const found = this.#messages.get(seq);
    if (found) this.#messages.set(seq, { ...found, state });
  }
}

function namedBy(command: JointCommand): readonly Seq[] {
  if (command.type === 'change_message') return [command.targetSeq];
  const replyTo = command.references?.replyTo;
  return replyTo === undefined ? [] : [replyTo];
}

/** No id of a user contains a space. */
const keyOf = ({ from, clientMsgId }: Pick<NewEntry, 'from' | 'clientMsgId'>): string => `${from} ${clientMsgId}`;

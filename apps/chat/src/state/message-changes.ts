// What this user does to messages that are there: edits, recalls and reactions, the texts being edited, and what was refused.

import type { Client, ClientMessage, Content, ConversationId, MessageChange, Seq, UserId } from '@hongyan/client/api';
import { isSameKey } from '@hongyan/client/apply-change';
import { ClientError, toClientError } from '@hongyan/client/client-error';
import type { ErrorCode } from '@hongyan/protocol/codes';
import type { BrowserStorage } from '../browser/browser-storage.ts';
import { Signal } from './signal.ts';

/** Edits that were left without saving them; above it the one left longest ago is dropped. */
const leftMax = 20;

/** A message whose text the composer holds until it is saved or given up; the draft of the conversation waits meanwhile. */
export interface Edit {
  readonly seq: Seq;
  readonly content: Content;
  /** `edited` of the message as it was shown, 0 for none; undefined for one that has an earlier edit of this device on its way. */
  readonly expectEdited: number | undefined;
  readonly text: string;
}

export interface RefusedChange {
  readonly seq: Seq;
  readonly error: ClientError;
  /** Of the entry that was not made. */
  readonly content: Content;
}

type ByConversation<T> = ReadonlyMap<ConversationId, T>;
type Changed = { readonly conversationId: ConversationId; readonly seq: Seq };

/** Of a message that is not being edited now. */
type LeftEdit = Edit & Changed;
type Storage = Pick<BrowserStorage, 'readJson' | 'write' | 'remove'>;

export class MessageChanges {
  readonly edits: Signal<ByConversation<Edit>>;
  /** One of each conversation, until it is dismissed: the newest, but an edit stays until then. */
  readonly refused = new Signal<ByConversation<RefusedChange>>(new Map());
  readonly #client: Client;
  readonly #storage: Storage;
  readonly #name: string;
  /** Left last at the end. */
  #left: readonly LeftEdit[];
  #isForgotten = false;

  constructor(options: { readonly client: Client; readonly userId: UserId; readonly storage: Storage }) {
    this.#client = options.client;
    this.#storage = options.storage;
    this.#name = `edits.${options.userId}`;
    const kept = keptIn(this.#storage.readJson(this.#name));
    this.edits = new Signal<ByConversation<Edit>>(new Map(kept.edits));
    this.#left = kept.left;
  }

  /** With what was written before: `text`, where an edit begins anew, or what an edit of the message was left with. */
  beginEdit(message: ClientMessage, text?: string): void {
    const { conversationId, seq, content, isPending, edited = 0 } = message;
    if (seq === undefined) return;
    this.leaveEdit(conversationId);
    const left = text === undefined ? this.#left.find(isOf({ conversationId, seq })) : undefined;
    const expectEdited = isPending ? undefined : edited;
    this.#putEdit(conversationId, left ?? { seq, content, text: text ?? content.text ?? '', expectEdited });
  }

  writeEdit(conversationId: ConversationId, text: string): void {
    const edit = this.edits.get().get(conversationId);
    if (edit) this.#putEdit(conversationId, { ...edit, text });
  }

  /** Something else is written: a changed text comes back when the same message is edited again. */
  leaveEdit(conversationId: ConversationId): void {
    const edit = this.edits.get().get(conversationId);
    if (!edit) return;
    this.#forgetLeft({ conversationId, seq: edit.seq });
    const isChanged = edit.text.trim() !== '' && edit.text.trim() !== edit.content.text;
    if (isChanged) this.#left = [...this.#left, { ...edit, conversationId }].slice(-leftMax);
    this.#putEdit(conversationId, undefined);
  }

  /** Saved, or given up. */
  endEdit(conversationId: ConversationId): void {
    const edit = this.edits.get().get(conversationId);
    if (!edit) return;
    this.#forgetLeft({ conversationId, seq: edit.seq });
    this.#putEdit(conversationId, undefined);
  }

  /** [E5] Of a message that was recalled the old text goes; what was written here stays until it is refused. */
  changed(conversationId: ConversationId, { content: { type, target_seq: seq } }: MessageChange): void {
    if (type !== 'hongyan.recall') return;
    this.#forgetLeft({ conversationId, seq: seq as Seq });
    const edit = this.edits.get().get(conversationId);
    if (edit && edit.seq === seq) this.#putEdit(conversationId, { ...edit, content: { type: edit.content.type } });
    else this.#keep();
  }

  /** An unchanged text is no edit. Waits in the outbox, offline too. */
  saveEdit(conversationId: ConversationId): void {
    const edit = this.edits.get().get(conversationId);
    if (!edit) return;
    const { seq, content, expectEdited } = edit;
    const text = edit.text.trim();
    if (text === '') return;
    this.endEdit(conversationId);
    if (text === content.text) return;
    const edited = { ...content, text };
    const options = expectEdited === undefined ? {} : { expectEdited };
    this.#report(
      { conversationId, seq },
      { type: 'hongyan.edit', content: edited },
      this.#client.edit(conversationId, seq, edited, options),
    );
  }

  recall({ conversationId, seq }: ClientMessage): void {
    if (seq === undefined) return;
    this.#forgetLeft({ conversationId, seq });
    if (this.edits.get().get(conversationId)?.seq === seq) this.endEdit(conversationId);
    this.#report({ conversationId, seq }, { type: 'hongyan.recall' }, this.#client.recall(conversationId, seq));
  }

  pin({ conversationId, seq }: ClientMessage, isPinned: boolean): void {
    if (seq === undefined) return;
    this.#report({ conversationId, seq }, { type: 'hongyan.pin' }, this.#client.pin(conversationId, seq, isPinned));
  }

  toggleReaction({ conversationId, seq, reactions = [] }: ClientMessage, key: string): void {
    if (seq === undefined) return;
    const isMine = reactions.some((reaction) => isSameKey(reaction.key, key) && reaction.isMine);
    this.#report(
      { conversationId, seq },
      { type: 'hongyan.reaction' },
      this.#client.react(conversationId, seq, key, isMine ? 'remove' : 'add'),
    );
  }

  /** The server's refusal; of a change that an earlier visit made, too. */
  wasRefused(
    { conversationId, seq }: Changed,
    error: { readonly code: string; readonly message: string },
    content: Content,
  ): void {
    const refused = { seq, error: new ClientError(error.code as ErrorCode, error.message), content };
    if (isEdit(content) || !this.#hasText(conversationId)) put(this.refused, conversationId, refused);
  }

  dismiss(conversationId: ConversationId): void {
    put(this.refused, conversationId, undefined);
  }

  /** The user went on. A refused edit stays: its text is nowhere else. */
  clear(conversationId: ConversationId): void {
    if (!this.#hasText(conversationId)) this.dismiss(conversationId);
  }

  /** Of a conversation that was left. */
  forget(conversationId: ConversationId): void {
    this.#left = this.#left.filter((edit) => edit.conversationId !== conversationId);
    this.endEdit(conversationId);
    this.#keep();
    this.dismiss(conversationId);
  }

  /** Deletes what this device kept. Nothing is kept after this. */
  forgetAll(): void {
    this.#isForgotten = true;
    this.#storage.remove(this.#name);
  }

  #putEdit(conversationId: ConversationId, edit: Edit | undefined): void {
    put(this.edits, conversationId, edit);
    this.#keep();
  }

  #forgetLeft(changed: Changed): void {
    const isSame = isOf(changed);
    this.#left = this.#left.filter((edit) => !isSame(edit));
  }

  #keep(): void {
    if (this.#isForgotten) return;
    this.#storage.write(this.#name, JSON.stringify({ edits: [...this.edits.get()], left: this.#left }));
  }

  /** The client's event reports what the server refuses; only here is seen what the outbox did not take. */
  #report(changed: Changed, content: Content, done: Promise<void>): void {
    this.clear(changed.conversationId);
    done.catch((error: unknown) => this.wasRefused(changed, toClientError(error), content));
  }

  #hasText(conversationId: ConversationId): boolean {
    const refused = this.refused.get().get(conversationId);
    return refused !== undefined && isEdit(refused.content);
  }
}

const isOf =
  ({ conversationId, seq }: Changed) =>
  (edit: LeftEdit): boolean =>
    edit.conversationId === conversationId && edit.seq === seq;

interface Kept {
  readonly edits: readonly [ConversationId, Edit][];
  readonly left: readonly LeftEdit[];
}

/** What this class wrote; anything else is as good as nothing. */
function keptIn(value: unknown): Kept {
  const { edits, left } = (value ?? {}) as { readonly [K in keyof Kept]?: unknown };
  return Array.isArray(edits) && Array.isArray(left) ? (value as Kept) : { edits: [], left: [] };
}

const isEdit = ({ type }: Content): boolean => type === 'hongyan.edit';

function put<T>(signal: Signal<ByConversation<T>>, conversationId: ConversationId, value: T | undefined): void {
  if (signal.get().get(conversationId) === value) return;
  const next = new Map(signal.get());
  if (value === undefined) next.delete(conversationId);
  else next.set(conversationId, value);
  signal.set(next);
}

// What this user does to messages that are there: edits, recalls and reactions, the texts being edited, and what was refused.

import type { Client, ClientMessage, Content, ConversationId, Seq } from '@hongyan/client/api';
import { isSameKey } from '@hongyan/client/apply-change';
import { ClientError, toClientError } from '@hongyan/client/client-error';
import type { ErrorCode } from '@hongyan/protocol/codes';
import { Signal } from './signal.ts';

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

export class MessageChanges {
  readonly edits = new Signal<ByConversation<Edit>>(new Map());
  /** One of each conversation, until it is dismissed: the newest, but an edit stays until then. */
  readonly refused = new Signal<ByConversation<RefusedChange>>(new Map());
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** `text`: what was written before, where an edit begins anew. */
  beginEdit(message: ClientMessage, text: string = message.content.text ?? ''): void {
    const { conversationId, seq, content, isPending, edited = 0 } = message;
    if (seq === undefined) return;
    put(this.edits, conversationId, { seq, content, text, expectEdited: isPending ? undefined : edited });
  }

  writeEdit(conversationId: ConversationId, text: string): void {
    const edit = this.edits.get().get(conversationId);
    if (edit) put(this.edits, conversationId, { ...edit, text });
  }

  endEdit(conversationId: ConversationId): void {
    put(this.edits, conversationId, undefined);
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
    this.endEdit(conversationId);
    this.dismiss(conversationId);
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

const isEdit = ({ type }: Content): boolean => type === 'hongyan.edit';

function put<T>(signal: Signal<ByConversation<T>>, conversationId: ConversationId, value: T | undefined): void {
  if (signal.get().get(conversationId) === value) return;
  const next = new Map(signal.get());
  if (value === undefined) next.delete(conversationId);
  else next.set(conversationId, value);
  signal.set(next);
}

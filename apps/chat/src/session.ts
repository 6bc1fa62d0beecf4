// Signed in or not: keeps the token of this origin, the same for all its tabs, and starts and ends the client that lives with it.

import { unreachable } from '@hongyan/base/assert';
import { createClient } from '@hongyan/client';
import type { UserId } from '@hongyan/client/api';
import { createIndexedDbStorage } from '@hongyan/client/indexed-db-storage';
import { type BrowserStorage, storageName } from './browser/browser-storage.ts';
import { closeConversation } from './browser/route.ts';
import { serverAddress } from './browser/server-address.ts';
import { ChatState } from './state/chat-state.ts';
import { Signal } from './state/signal.ts';

const keptName = 'session';

interface SignedIn {
  readonly type: 'signed-in';
  readonly userId: UserId;
  readonly displayName: string;
  readonly token: string;
}

/** What the browser keeps; all tabs follow it. */
type Kept = SignedIn | { readonly type: 'expired'; readonly userId: UserId } | { readonly type: 'signed-out' };

export interface AuthAnswer {
  readonly access_token: string;
  readonly user: { readonly user_id: UserId; readonly display_name: string };
}

export class Session {
  /** undefined: the sign-in page is shown. */
  readonly chat = new Signal<ChatState | undefined>(undefined);
  /** Whose session expired, for the sign-in page that follows. */
  readonly expiredUserId = new Signal<UserId | undefined>(undefined);
  readonly #storage: BrowserStorage;
  #now: Kept = { type: 'signed-out' };

  constructor(storage: BrowserStorage) {
    this.#storage = storage;
  }

  /** Signs in with what the browser keeps, and follows what other tabs do to it. */
  start(): void {
    const follow = () => this.#follow();
    this.#storage.onChangeElsewhere(keptName, follow);
    // A page that was frozen or kept for the back button missed the events.
    document.addEventListener('visibilitychange', follow);
    addEventListener('pageshow', follow);
    follow();
  }

  signIn(answer: AuthAnswer): void {
    const { user_id: userId, display_name: displayName } = answer.user;
    this.#keep({ type: 'signed-in', userId, displayName, token: answer.access_token });
    this.#follow();
  }

  /** Ends the session in all tabs and deletes what this device kept of it, the outbox too. */
  signOut(): void {
    this.#keep({ type: 'signed-out' });
    this.#follow();
  }

  /** The token is no longer good: asks for the password again. The outbox stays and is sent after that. */
  signInAgain(): void {
    const chat = this.chat.get();
    this.#keep(chat ? { type: 'expired', userId: chat.userId } : { type: 'signed-out' });
    this.#follow();
  }

  #keep(kept: Kept): void {
    if (kept.type === 'signed-out') this.#storage.remove(keptName);
    else this.#storage.write(keptName, JSON.stringify(kept));
  }

  /** Makes this tab what the browser keeps. */
  #follow(): void {
    const kept = keptIn(this.#storage.readJson(keptName));
    const before = this.#now;
    if (isSame(before, kept)) return;
    this.#now = kept;
    if (before.type === 'signed-in') this.#end(kept);
    this.expiredUserId.set(kept.type === 'expired' ? kept.userId : undefined);
    if (kept.type === 'signed-in') this.#begin(kept);
  }

  #begin({ userId, displayName, token }: SignedIn): void {
    const client = createClient({
      url: serverAddress(),
      token: () => token,
      // One store per user, so that two accounts in one browser do not mix.
      storage: createIndexedDbStorage(storageName(userId)),
      clientName: 'hongyan-chat',
    });
    const chat = new ChatState({ client, userId, storage: this.#storage });
    chat.people.learn([{ userId, displayName }]);
    this.chat.set(chat);
    // A refusal is not lost: the connection's state says the reason, and the banner what to do.
    client.connect().catch(() => {});
  }

  #end(next: Kept): void {
    const chat = this.chat.get();
    if (!chat) return;
    this.chat.set(undefined);
    chat.stop();
    switch (next.type) {
      case 'signed-out':
        closeConversation();
        chat.forget();
        // Offline the server cannot be told; what lies on this device is deleted all the same.
        chat.client.logout().catch(() => {});
        return;
      case 'signed-in':
        if (next.userId !== chat.userId) closeConversation();
        chat.client.close().catch(() => {}); // as below
        return;
      case 'expired':
        chat.client.close().catch(() => {}); // it is not used again: what it could not keep comes from the server
        return;
      default:
        unreachable(next);
    }
  }
}

function isSame(a: Kept, b: Kept): boolean {
  if (a.type === 'signed-in' && b.type === 'signed-in') return a.userId === b.userId && a.token === b.token;
  if (a.type === 'expired' && b.type === 'expired') return a.userId === b.userId;
  return a.type === b.type;
}

/** Anything that this page did not write counts as signed out. */
function keptIn(value: unknown): Kept {
  const { type, userId, displayName, token } = (value ?? {}) as { readonly [field: string]: unknown };
  if (typeof userId !== 'string' || userId === '') return { type: 'signed-out' };
  if (type === 'expired') return { type: 'expired', userId: userId as UserId };
  if (typeof token !== 'string' || token === '') return { type: 'signed-out' };
  const name = typeof displayName === 'string' ? displayName : userId;
  return { type: 'signed-in', userId: userId as UserId, displayName: name, token };
}

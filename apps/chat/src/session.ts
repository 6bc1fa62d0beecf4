// Signed in or not: keeps the token of this origin, the same for all its tabs, and starts and ends the client that lives with it.

import { unreachable } from '@hongyan/base/assert';
import { createClient } from '@hongyan/client';
import type { UserId } from '@hongyan/client/api';
import { createIndexedDbStorage } from '@hongyan/client/indexed-db-storage';
import { type BrowserStorage, storageName } from './browser/browser-storage.ts';
import { clientName } from './browser/client-name.ts';
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
type Kept = SignedIn | Ended | { readonly type: 'signed-out' };

/** What the sign-in page says of the session before: it expired, or this device was signed out from another one. */
export interface Ended {
  readonly type: 'expired' | 'revoked';
  readonly userId: UserId;
}

export interface AuthAnswer {
  readonly access_token: string;
  readonly user: { readonly user_id: UserId; readonly display_name: string };
}

export class Session {
  /** undefined: the sign-in page is shown. */
  readonly chat = new Signal<ChatState | undefined>(undefined);
  /** How the last session ended, for the sign-in page that follows. `unheard`: signed out here, and the server could not be told. */
  readonly ended = new Signal<Ended | { readonly type: 'unheard'; readonly userId: UserId } | undefined>(undefined);
  readonly #storage: BrowserStorage;
  #now: Kept = { type: 'signed-out' };
  /** The connection may end by it before the answer is there. */
  #isLeaving = false;

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

  /** The same on all devices of the user. Rejects, and changes nothing, when the server cannot be told. */
  async signOutEverywhere(): Promise<void> {
    this.#isLeaving = true;
    try {
      await this.chat.get()?.client.logoutAll();
      this.signOut();
    } finally {
      this.#isLeaving = false;
    }
  }

  /** The token is no longer good: asks for the password again. The outbox stays and is sent after that. */
  signInAgain(): void {
    const chat = this.chat.get();
    this.#keep(chat ? { type: 'expired', userId: chat.userId } : { type: 'signed-out' });
    this.#follow();
  }

  /** Another device signed this one out, or all: what it kept is deleted, as if the user had done so here. */
  #signedOutElsewhere(userId: UserId): void {
    if (this.#isLeaving || this.chat.get()?.userId !== userId) return;
    this.#keep({ type: 'revoked', userId });
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
    this.ended.set(kept.type === 'expired' || kept.type === 'revoked' ? kept : undefined);
    if (kept.type === 'signed-in') this.#begin(kept);
  }

  #begin({ userId, displayName, token }: SignedIn): void {
    const client = createClient({
      url: serverAddress(),
      token: () => token,
      // One store per user, so that two accounts in one browser do not mix.
      storage: createIndexedDbStorage(storageName(userId)),
      clientName: clientName(navigator),
    });
    client.on('state', (state) => {
      if (state.type === 'closed' && state.reason === 'token_revoked') this.#signedOutElsewhere(userId);
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
      case 'revoked':
        closeConversation();
        chat.forget();
        // The token is revoked too. Offline the server cannot be told: what lies on this device is deleted all the same, and the token
        // is good until it expires, or until another device signs this one out.
        chat.client.logout().then(
          ({ isRevoked }) => {
            const isShown = !isRevoked && this.chat.get() === undefined;
            if (isShown) this.ended.set({ type: 'unheard', userId: chat.userId });
          },
          () => {}, // the storage could not delete: nothing is left to do here
        );
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
  return a.type === b.type && userOf(a) === userOf(b);
}

const userOf = (kept: Kept): UserId | undefined => (kept.type === 'signed-out' ? undefined : kept.userId);

/** Anything that this page did not write counts as signed out. */
function keptIn(value: unknown): Kept {
  const { type, userId, displayName, token } = (value ?? {}) as { readonly [field: string]: unknown };
  if (typeof userId !== 'string' || userId === '') return { type: 'signed-out' };
  if (type === 'expired' || type === 'revoked') return { type, userId: userId as UserId };
  if (typeof token !== 'string' || token === '') return { type: 'signed-out' };
  const name = typeof displayName === 'string' ? displayName : userId;
  return { type: 'signed-in', userId: userId as UserId, displayName: name, token };
}

// Signed in or not: keeps the token of this origin, and starts and ends the client that lives with it.

import { createClient, createIndexedDbStorage } from '@hongyan/client';
import type { UserId } from '@hongyan/client/api';
import { ChatState } from './state/chat-state.ts';
import { Signal } from './state/signal.ts';

const storageKey = 'hongyan.session';

export interface SignedIn {
  readonly userId: UserId;
  readonly displayName: string;
  readonly token: string;
}

export interface AuthAnswer {
  readonly access_token: string;
  readonly user: { readonly user_id: UserId; readonly display_name: string };
}

export class Session {
  /** undefined: the sign-in page is shown. */
  readonly chat = new Signal<ChatState | undefined>(undefined);
  /** Why the sign-in page is shown to someone who was signed in. */
  readonly expiredUserId = new Signal<UserId | undefined>(undefined);

  constructor() {
    const stored = readSignedIn();
    if (stored) this.#start(stored);
  }

  signIn(answer: AuthAnswer): void {
    const { user_id: userId, display_name: displayName } = answer.user;
    const signedIn = { userId, displayName, token: answer.access_token };
    localStorage.setItem(storageKey, JSON.stringify(signedIn));
    this.expiredUserId.set(undefined);
    this.#start(signedIn);
  }

  /** Ends the session here and forgets what this device kept of it, the outbox too. */
  async signOut(): Promise<void> {
    const chat = this.chat.get();
    localStorage.removeItem(storageKey);
    chat?.drafts.clear();
    location.hash = '';
    this.#end();
    // Offline the server cannot be told; what lies on this device is forgotten all the same.
    await chat?.client.logout().catch(() => {});
  }

  /** The token is no longer good: asks for the password again. The outbox stays and is sent after that. */
  async signInAgain(): Promise<void> {
    const chat = this.chat.get();
    localStorage.removeItem(storageKey);
    this.expiredUserId.set(chat?.userId);
    this.#end();
    await chat?.client.close();
  }

  #start({ userId, displayName, token }: SignedIn): void {
    const client = createClient({
      url: '',
      token: () => token,
      // One store per user, so that two accounts in one browser do not mix.
      storage: createIndexedDbStorage(`hongyan.${userId}`),
      clientName: 'hongyan-chat',
    });
    const chat = new ChatState(client, userId);
    chat.people.learn([{ userId, displayName }]);
    this.chat.set(chat);
    // A refusal is not lost: the connection's state says the reason, and the banner what to do.
    client.connect().catch(() => {});
  }

  #end(): void {
    this.chat.get()?.stop();
    this.chat.set(undefined);
  }
}

function readSignedIn(): SignedIn | undefined {
  try {
    const stored = JSON.parse(localStorage.getItem(storageKey) ?? 'null') as SignedIn | null;
    return stored?.token && stored.userId ? stored : undefined;
  } catch {
    return undefined; // written by something else: sign in again
  }
}

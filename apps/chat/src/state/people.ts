// Display names and presence of users. Names are kept on this device, and asked for again when the connection comes back.

import { backOffMs } from '@hongyan/base/back-off';
import { type Clock, systemClock, type Timer } from '@hongyan/base/clock';
import type { Client, User, UserId } from '@hongyan/client/api';
import { ClientError } from '@hongyan/client/client-error';
import type { BrowserStorage } from '../browser/browser-storage.ts';
import { cleanName } from '../ui/clean-name.ts';
import { eachFrame } from './each-frame.ts';
import { Signal } from './signal.ts';

/** More are not followed: a list so long is not looked at as a whole. */
const watchedMax = 500;
/** Names kept between visits; above it those learned longest ago are dropped. */
const keptMax = 2_000;
/** A search requests at most this many names at a time. */
const searchedMax = 500;
/** Requests for names in flight; further names wait in the queue. */
const inFlightMax = 8;
/** Names come in bursts; they are kept together. */
const keepDelayMs = 500;
/** Names that could not be asked for are asked for again, at the latest this long after the last attempt. */
const askAgainMaxMs = 60_000;
const askAgainBaseMs = 2_000;

export interface Presence {
  readonly online: boolean;
  readonly lastSeenMs?: number;
}

export interface PeopleOptions {
  readonly client: Pick<Client, 'getUser' | 'watchPresence'>;
  readonly userId: UserId;
  readonly storage: Pick<BrowserStorage, 'readJson' | 'write' | 'remove'>;
  readonly clock?: Clock;
}

export class People {
  /** Both maps are replaced when they change, so that readers can compare them. */
  readonly names: Signal<ReadonlyMap<UserId, string>>;
  readonly presence = new Signal<ReadonlyMap<UserId, Presence>>(new Map());
  readonly #client: PeopleOptions['client'];
  readonly #storage: PeopleOptions['storage'];
  readonly #clock: Clock;
  readonly #keptName: string;
  readonly #names: Map<UserId, string>;
  readonly #presence = new Map<UserId, Presence>();
  /** Asked for in this visit: a name that was kept may have changed since. */
  readonly #asked = new Set<UserId>();
  /** Wanted, but the server could not be asked. */
  readonly #missed = new Set<UserId>();
  /** Users whose names wait for a free request. */
  readonly #queue: UserId[] = [];
  #inFlight = 0;
  readonly #watched = new Set<UserId>();
  #keepTimer: Timer | undefined;
  /** Runs while something is missed: an open connection does not say that a request gets through. */
  #askAgainTimer: Timer | undefined;
  #failures = 0;
  #isStopped = false;
  readonly #publishNames = eachFrame(() => this.names.set(new Map(this.#names)));
  readonly #publishPresence = eachFrame(() => this.presence.set(new Map(this.#presence)));

  constructor({ client, userId, storage, clock = systemClock }: PeopleOptions) {
    this.#client = client;
    this.#clock = clock;
    this.#storage = storage;
    this.#keptName = `names.${userId}`;
    this.#names = new Map(namesIn(storage.readJson(this.#keptName)));
    this.names = new Signal<ReadonlyMap<UserId, string>>(new Map(this.#names));
  }

  learn(users: readonly { readonly userId: UserId; readonly displayName: string }[]): void {
    if (this.#isStopped) return;
    let hasChanged = false;
    for (const { userId, displayName } of users) {
      this.#asked.add(userId);
      const name = cleanName(displayName);
      if (name === '' || name === this.#names.get(userId)) continue;
      this.#names.delete(userId); // to the end: the order says which was learned last
      this.#names.set(userId, name);
      hasChanged = true;
    }
    if (!hasChanged) return;
    this.#publishNames();
    this.#keepTimer ??= this.#clock.after(keepDelayMs, () => this.#keep());
  }

  learnUsers(users: readonly User[]): void {
    this.learn(users.map((user) => ({ userId: user.user_id, displayName: user.display_name })));
  }

  /** Asks the server for the name, once in each visit; where it could not be asked, again later and when online. */
  want(userId: UserId): void {
    if (this.#asked.has(userId)) return;
    this.#asked.add(userId);
    this.#queue.push(userId);
    this.#requestNext();
  }

  /**
   * Requests the names of these users that this device does not have, so that a search can compare them. At most `searchedMax` of
   * them are requested; the next call continues.
   */
  wantNames(userIds: readonly UserId[]): void {
    const unnamed = userIds.filter((userId) => !this.#names.has(userId) && !this.#asked.has(userId));
    for (const userId of unnamed.slice(0, searchedMax).reverse()) this.want(userId);
  }

  /** Newest first: it belongs to what is on the screen. */
  #requestNext(): void {
    if (this.#inFlight >= inFlightMax || this.#isStopped) return;
    const userId = this.#queue.pop();
    if (userId === undefined) return;
    this.#inFlight++;
    void this.#request(userId).then(() => {
      this.#inFlight--;
      this.#requestNext();
    });
  }

  #request(userId: UserId): Promise<void> {
    return this.#client.getUser(userId).then(
      (user) => {
        this.#failures = 0;
        this.learnUsers([user]);
      },
      (error: unknown) => {
        if (error instanceof ClientError && !error.isRetryable) return; // it would answer the same again
        this.#asked.delete(userId);
        this.#missed.add(userId);
        this.#askAgainLater();
      },
    );
  }

  /** The connection is back: asks for what was missed. */
  online(): void {
    this.#failures = 0;
    this.#askAgain();
  }

  /** Follows the presence of these users from now on. Best effort [D9]. */
  watch(userIds: readonly UserId[]): void {
    const fresh = userIds.filter((userId) => !this.#watched.has(userId)).slice(0, watchedMax - this.#watched.size);
    if (fresh.length === 0) return;
    for (const userId of fresh) this.#watched.add(userId);
    this.#client.watchPresence(fresh).catch(() => {
      // Not online yet: asked again when the connection is.
      for (const userId of fresh) this.#watched.delete(userId);
    });
  }

  /** Without a connection no presence is current. */
  forgetPresence(): void {
    this.#presence.clear();
    this.#publishPresence();
  }

  setPresence(userId: UserId, presence: Presence): void {
    this.#presence.set(userId, presence);
    this.#publishPresence();
  }

  /** Nothing is asked for or kept after this, nor what is on its way. */
  stop(): void {
    this.#isStopped = true;
    this.#keepTimer?.cancel();
    this.#askAgainTimer?.cancel();
  }

  forget(): void {
    this.#storage.remove(this.#keptName);
  }

  #askAgain(): void {
    this.#askAgainTimer?.cancel();
    this.#askAgainTimer = undefined;
    const missed = [...this.#missed];
    this.#missed.clear();
    for (const userId of missed) this.want(userId);
  }

  #askAgainLater(): void {
    if (this.#askAgainTimer || this.#isStopped) return;
    const delayMs = backOffMs(this.#failures++, { baseMs: askAgainBaseMs, maxMs: askAgainMaxMs, random: Math.random });
    this.#askAgainTimer = this.#clock.after(delayMs, () => this.#askAgain());
  }

  #keep(): void {
    this.#keepTimer = undefined;
    this.#storage.write(this.#keptName, JSON.stringify([...this.#names].slice(-keptMax)));
  }
}

function namesIn(kept: unknown): [UserId, string][] {
  if (!Array.isArray(kept)) return [];
  return kept.filter(
    (pair): pair is [UserId, string] =>
      Array.isArray(pair) && typeof pair[0] === 'string' && typeof pair[1] === 'string',
  );
}

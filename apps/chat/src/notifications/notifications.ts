// Notifications of the browser about messages that arrive while no tab of this page is visible. Off until the user switches them on,
// which is kept per browser, as its permission is.

import type { ConversationId, UserId } from '@hongyan/client/api';
import { type BrowserStorage, storageName } from '../browser/browser-storage.ts';
import { Signal } from '../state/signal.ts';

export type NotifyChoice = 'off' | 'on';

export interface NotificationWords {
  readonly conversationId: ConversationId;
  readonly title: string;
  readonly body: string;
}

export class Notifications {
  readonly choice: Signal<NotifyChoice>;
  /** The user tried to switch them on, and the browser does not allow it. */
  readonly isBlocked = new Signal(false);
  readonly #storage: Pick<BrowserStorage, 'read' | 'write' | 'remove' | 'onChangeElsewhere'>;
  readonly #name: string;
  readonly #locks: { readonly notifier: string; readonly visible: string };
  /** By conversation: a newer message takes the place of the one before. */
  readonly #shown = new Map<ConversationId, Notification>();
  readonly #ended = new AbortController();
  /** One tab of this user notifies: the one that holds the lock. */
  #isNotifier = false;
  #leaveView: (() => void) | undefined;

  constructor({ userId, storage }: { readonly userId: UserId; readonly storage: BrowserStorage }) {
    this.#storage = storage;
    this.#name = `notify.${userId}`;
    this.#locks = { notifier: storageName(`notifier.${userId}`), visible: storageName(`visible.${userId}`) };
    this.choice = new Signal(this.#kept());
    if (!Notifications.isSupported) return;
    const stopFollowing = storage.onChangeElsewhere(this.#name, () => this.choice.set(this.#kept()));
    this.#ended.signal.addEventListener('abort', stopFollowing);
    const { signal } = this.#ended;
    this.#hold(this.#locks.notifier, { signal }, () => {
      this.#isNotifier = true;
    });
    document.addEventListener('visibilitychange', () => this.#visibilityChanged(), { signal });
    this.#visibilityChanged();
  }

  /** False without TLS. Without locks several tabs would notify. A phone suspends pages in the background, so it is left out. */
  static get isSupported(): boolean {
    return 'Notification' in globalThis && 'locks' in navigator && matchMedia('(hover: hover)').matches;
  }

  /** Requests the browser's permission; the browser asks the user only right after a press. */
  async choose(choice: NotifyChoice): Promise<void> {
    const isGranted = choice === 'off' || (await Notification.requestPermission()) === 'granted';
    this.isBlocked.set(!isGranted);
    if (!isGranted) return;
    this.choice.set(choice);
    this.#storage.write(this.#name, choice);
  }

  async show({ conversationId, title, body }: NotificationWords, onClick: () => void): Promise<void> {
    if (this.choice.get() === 'off' || !this.#isNotifier || Notification.permission !== 'granted') return;
    if (await this.#isSomeTabVisible()) return;
    const notification = new Notification(title, { body, tag: conversationId, icon: 'icon.svg' });
    this.#shown.set(conversationId, notification);
    notification.addEventListener('click', () => {
      notification.close();
      focus();
      onClick();
    });
  }

  stop(): void {
    this.#ended.abort();
    this.#leaveView?.();
    this.#closeAll();
  }

  forget(): void {
    this.#storage.remove(this.#name);
  }

  #kept(): NotifyChoice {
    return this.#storage.read(this.#name) === 'on' ? 'on' : 'off';
  }

  /** Every visible tab holds this shared lock, so that the notifying tab knows whether one is visible. */
  #visibilityChanged(): void {
    this.#leaveView?.();
    this.#leaveView = undefined;
    if (document.visibilityState !== 'visible') return;
    this.#closeAll();
    const hidden = Promise.withResolvers<void>();
    this.#leaveView = hidden.resolve;
    this.#hold(this.#locks.visible, { mode: 'shared' }, () => hidden.promise);
  }

  /** Holds a lock until the promise of `run` resolves; without a promise until `stop`. */
  #hold(name: string, options: LockOptions, run: () => Promise<void> | void): void {
    const held = () => run() ?? new Promise<void>((end) => this.#ended.signal.addEventListener('abort', () => end()));
    navigator.locks.request(name, options, held).catch(() => {}); // ended while it waited
  }

  async #isSomeTabVisible(): Promise<boolean> {
    const { held = [] } = await navigator.locks.query();
    return held.some(({ name }) => name === this.#locks.visible);
  }

  #closeAll(): void {
    for (const notification of this.#shown.values()) notification.close();
    this.#shown.clear();
  }
}

// The values that the screens of one signed-in user show, gathered from the client's events.

import type {
  Client,
  ClientMessage,
  ConnectionState,
  ConversationId,
  ConversationView,
  ServerNotice,
  UserId,
} from '@hongyan/client/api';
import { createContext, useContext } from 'react';
import type { BrowserStorage } from '../browser/browser-storage.ts';
import { closeConversation, route } from '../browser/route.ts';
import { mentionWords } from '../messages/mentions.ts';
import { Notifications } from '../notifications/notifications.ts';
import { cleanName } from '../ui/clean-name.ts';
import { Drafts } from './drafts.ts';
import { eachFrame } from './each-frame.ts';
import { MessageChanges } from './message-changes.ts';
import { People } from './people.ts';
import { Pinned } from './pinned.ts';
import { Reading } from './reading.ts';
import { References } from './references.ts';
import { Signal } from './signal.ts';
import { Timeline } from './timeline.ts';
import { Typing } from './typing.ts';
import { UserSettings } from './user-settings.ts';

/** Loaded timelines kept for going back to them; the one used longest ago is dropped. */
const timelinesMax = 8;

/** What happened to the conversation in the address, or to a file that was dropped; until it is dismissed or another is opened. */
export type Notice = { readonly type: 'removed'; readonly title: string } | { readonly type: 'unknown' | 'files' };

export class ChatState {
  readonly client: Client;
  readonly userId: UserId;
  readonly connection: Signal<ConnectionState>;
  readonly conversations: Signal<readonly ConversationView[]>;
  /** Once online, the list is what the server has: before, an empty one may only be late. */
  readonly hasCaughtUp = new Signal(false);
  /** Long messages that the reader opened, by their `clientMsgId`. */
  readonly unfolded = new Set<string>();
  /** Messages, and changes of messages, that wait for their ack, in all conversations. */
  readonly waitingCount = new Signal(0);
  /** The newest message of another user, for a screen reader. */
  readonly arrived = new Signal<ClientMessage | undefined>(undefined);
  readonly notice = new Signal<Notice | undefined>(undefined);
  readonly serverNotices: Signal<readonly ServerNotice[]>;
  readonly people: People;
  readonly typing = new Typing();
  readonly drafts: Drafts;
  readonly changes: MessageChanges;
  readonly references: References;
  readonly pinned: Pinned;
  readonly settings: UserSettings;
  readonly reading: Reading;
  readonly notifications: Notifications;
  /** Reads the list again; events ask for it by themselves. */
  readonly refresh = eachFrame(() => {
    this.conversations.set([...this.client.conversations()]);
    if (this.client.state.type === 'online') this.hasCaughtUp.set(true);
  });
  readonly #timelines = new Map<ConversationId, Timeline>();
  /** Left by this user from here: no notice is due. */
  readonly #leaving = new Set<ConversationId>();
  readonly #stops: (() => void)[];

  constructor(options: { readonly client: Client; readonly userId: UserId; readonly storage: BrowserStorage }) {
    const { client, userId } = options;
    this.client = client;
    this.userId = userId;
    this.connection = new Signal(client.state);
    this.conversations = new Signal(client.conversations());
    this.serverNotices = new Signal(client.notices());
    this.people = new People(options);
    this.drafts = new Drafts(options);
    this.references = new References(options);
    this.changes = new MessageChanges(options);
    this.pinned = new Pinned(client, userId);
    this.settings = new UserSettings(options);
    this.reading = new Reading(client, this.settings.receipts);
    this.notifications = new Notifications(options);
    this.#stops = this.#listen();
  }

  /** The loaded one, unless it was left in the middle of the conversation, or past unread messages: opening begins where reading ended. */
  timeline(conversationId: ConversationId): Timeline {
    const loaded = this.#timelines.get(conversationId);
    const unread = this.client.conversation(conversationId)?.unread ?? 0;
    const hasSkipped = unread > 0 && this.reading.skippedAfterSeq(conversationId) !== undefined;
    const timeline =
      loaded && !loaded.view.get().hasNewer && !hasSkipped
        ? loaded
        : new Timeline(this.client, conversationId, this.userId);
    this.#timelines.delete(conversationId);
    this.#timelines.set(conversationId, timeline);
    const [oldest] = this.#timelines.keys();
    if (this.#timelines.size > timelinesMax && oldest !== undefined) this.#timelines.delete(oldest);
    return timeline;
  }

  /** Gives up a message that failed. */
  discard(message: ClientMessage): void {
    this.client.discard(message.clientMsgId);
    this.#outboxChanged(message);
  }

  /** Puts the text of a failed message back into the composer, after what is written there, with what it answers and mentions. */
  editAgain(message: ClientMessage): void {
    this.writeAgain(message.conversationId, message.content.text ?? '');
    const names = this.people.names.get();
    this.references.takeBack(message, (who) => mentionWords(who, (userId) => names.get(userId) ?? userId));
    this.discard(message);
  }

  /** Puts a text into the composer, after what is written there. */
  writeAgain(conversationId: ConversationId, text: string): void {
    const written = this.drafts.get(conversationId);
    this.drafts.set(conversationId, written.trim() === '' ? text : `${written}\n${text}`);
  }

  async leave(conversationId: ConversationId): Promise<void> {
    this.#leaving.add(conversationId);
    try {
      await this.client.removeMember(conversationId, this.userId);
    } catch (error) {
      this.#leaving.delete(conversationId);
      throw error;
    }
  }

  /** The address names a conversation that this user is no member of, or that does not exist. */
  unknownInAddress(): void {
    this.notice.set({ type: 'unknown' });
    closeConversation();
  }

  stop(): void {
    this.drafts.flush();
    for (const stop of this.#stops) stop();
    this.people.stop();
    this.notifications.stop();
  }

  /** Deletes what the page itself kept of this user. */
  forget(): void {
    this.drafts.forget();
    this.references.forget();
    this.changes.forgetAll();
    this.people.forget();
    this.settings.forget();
    this.notifications.forget();
  }

  #listen(): (() => void)[] {
    const { client } = this;
    let newest: ClientMessage | undefined;
    const announce = eachFrame(() => this.arrived.set(newest));
    return [
      client.on('state', (state) => this.#stateChanged(state)),
      client.on('conversation', (view) => {
        this.refresh();
        this.drafts.follow(view);
      }),
      client.on('receipt', this.refresh),
      client.on('notices', (notices) => this.serverNotices.set(notices)),
      client.on('settings', () => this.settings.follow()),
      client.on('message', (message) => {
        this.refresh();
        this.#timelines.get(message.conversationId)?.accept(message);
        if (message.from === this.userId) return;
        const isMuted = client.conversation(message.conversationId)?.isMuted;
        this.typing.stopped(message.conversationId, message.from);
        if (isMuted) return;
        newest = message;
        announce();
      }),
      client.on('changed', ({ conversationId, seq, change, error, refused }) => {
        this.#countWaiting();
        this.refresh();
        this.#timelines.get(conversationId)?.changed(seq, change);
        if (change) {
          this.pinned.changed(conversationId, change);
          this.references.changed(conversationId, change);
          this.changes.changed(conversationId, change);
        }
        if (error && refused) this.changes.wasRefused({ conversationId, seq }, error, refused);
      }),
      client.on('outbox', (message) => {
        this.#outboxChanged(message);
      }),
      client.on('left', ({ conversationId }) => this.#left(conversationId)),
      client.on('gap', ({ conversationId, to, isReset }) => {
        const timeline = this.#timelines.get(conversationId);
        if (isReset) timeline?.reset();
        else timeline?.gap(to);
      }),
      client.on('typing', ({ conversationId, userId }) => {
        if (userId !== this.userId) this.typing.started(conversationId, userId);
      }),
      client.on('presence', ({ userId, online, lastSeenMs }) =>
        this.people.setPresence(userId, lastSeenMs === undefined ? { online } : { online, lastSeenMs }),
      ),
    ];
  }

  #left(conversationId: ConversationId): void {
    const title = this.conversations.get().find((one) => one.conversationId === conversationId)?.title ?? '';
    const isOwnDoing = this.#leaving.delete(conversationId);
    this.#timelines.delete(conversationId);
    this.changes.forget(conversationId);
    this.references.clear(conversationId);
    this.pinned.forget(conversationId);
    if (route.get() === conversationId) {
      if (!isOwnDoing) this.notice.set({ type: 'removed', title: cleanName(title) });
      closeConversation();
    }
    this.refresh();
  }

  #outboxChanged(message: ClientMessage): void {
    this.#countWaiting();
    this.#timelines.get(message.conversationId)?.outboxChanged(message);
    this.refresh();
  }

  #countWaiting(): void {
    const queued = this.client.outbox().filter((message) => message.status === 'queued');
    this.waitingCount.set(queued.length + this.client.pendingChanges);
  }

  #stateChanged(state: ConnectionState): void {
    this.connection.set(state);
    this.#countWaiting();
    this.refresh();
    if (state.type === 'online') {
      this.people.online();
      this.pinned.online();
      this.settings.follow();
    }
    if (state.type === 'reconnecting' || state.type === 'closed') this.people.forgetPresence();
    for (const timeline of this.#timelines.values()) timeline.connectionChanged();
  }
}

export const ChatContext = createContext<ChatState | undefined>(undefined);

export function useChat(): ChatState {
  const chat = useContext(ChatContext);
  if (!chat) throw new Error('useChat is called below ChatContext only');
  return chat;
}

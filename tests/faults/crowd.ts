// A few users with their devices and conversations, who write to each other and set things for themselves until the server is taken
// away, and then make sure.

import type { Aftermath, AskedOutcome, ClientEvent, FullRead } from '@hongyan/testing/history';
import {
  type Account,
  askOutcome,
  createGroup,
  openDirect,
  readFully,
  readPositions,
  readPrivately,
  signUp,
} from '@hongyan/testing/http-client';
import { until } from '@hongyan/testing/until';
import type { SendOutcome, WireSend } from '@hongyan/testing/wire-client';
import { Device, type SyncFrom } from './device.ts';

export interface CrowdOptions {
  readonly url: string;
  /** Makes the user ids of this crowd its own. */
  readonly name: string;
  readonly random: () => number;
}

interface OwnSend extends WireSend {
  readonly sender: string;
}

/** Sends that one device has on the way at a time. */
const inFlightMax = 8;
const comeBackWithinMs = 150_000;
/** Before a device tries again to connect. */
const comeBackMsMax = 500;
/** Acked sends that are repeated after each restart, to see them marked duplicate. */
const repeatsPerRound = 5;
/** Of what is sent. */
const changesShare = 0.25;
/** Of what is sent: what users set for themselves. */
const privateShare = 0.15;
/** Of the messages. */
const referencesShare = 0.15;

const ownOf = (userId: string): string => `u:${userId}`;
const isPrivate = (content: unknown): boolean => (content as { readonly type?: unknown }).type === 'hongyan.private';

export class Crowd {
  readonly events: ClientEvent[] = [];
  readonly #options: CrowdOptions;
  readonly #accounts: ReadonlyMap<string, Account>;
  readonly #conversations: ReadonlyMap<string, readonly string[]>;
  readonly #devices: readonly Device[];
  readonly #sends: OwnSend[] = [];
  readonly #open = new Set<OwnSend>();
  readonly #asked: OwnSend[] = [];
  /** When the newest send of a conversation was begun that was handled. */
  readonly #newestHandledMs = new Map<string, number>();
  readonly #newestSeqs = new Map<string, number>();

  private constructor(
    options: CrowdOptions,
    accounts: ReadonlyMap<string, Account>,
    conversations: ReadonlyMap<string, readonly string[]>,
  ) {
    this.#options = options;
    this.#accounts = accounts;
    this.#conversations = conversations;
    const record = (event: ClientEvent) => this.events.push(event);
    const devices = [...accounts.values()].map((account, index) =>
      // The first two have two devices each.
      ['phone', 'desk'].slice(0, index < 2 ? 2 : 1).map((kind) => {
        const deviceId = `${account.userId}-${kind}`;
        return new Device({ url: options.url, account, deviceId, record });
      }),
    );
    this.#devices = devices.flat();
  }

  /** Four users, six devices; two direct conversations, a group of three and a group of all. */
  static async gather(options: CrowdOptions): Promise<Crowd> {
    const { url, name } = options;
    const list = await Promise.all(['ann', 'bob', 'cat', 'dan'].map((user) => signUp(url, `${name}.${user}`)));
    const [ann, bob, cat, dan] = list;
    if (!ann || !bob || !cat || !dan) throw new Error('four accounts were asked for');
    const userIds = list.map(({ userId }) => userId);
    const make: readonly (readonly [() => Promise<string>, readonly string[]])[] = [
      [() => openDirect(url, ann, bob.userId), [ann.userId, bob.userId]],
      [() => openDirect(url, cat, dan.userId), [cat.userId, dan.userId]],
      [() => createGroup(url, bob, [cat.userId, dan.userId]), [bob.userId, cat.userId, dan.userId]],
      [() => createGroup(url, ann, userIds.slice(1)), userIds],
    ];
    const conversations = new Map<string, readonly string[]>();
    for (const [one, members] of make) conversations.set(await insisting(one), members);
    return new Crowd(options, new Map(list.map((account) => [account.userId, account])), conversations);
  }

  get sendCount(): number {
    return this.#sends.length;
  }

  /** Rejects when one of them could not, once the others are done: nobody connects behind the caller's back. */
  async connect(): Promise<void> {
    const ways: readonly SyncFrom[] = ['cursor', 'receipts'];
    const results = await Promise.allSettled(this.#devices.map((device) => device.connect(this.#pick(ways))));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** As clients do that were told to come back, or that nobody answers: again until all are there. */
  async comeBack(): Promise<void> {
    let why: unknown;
    const isBack = () =>
      this.connect().then(
        () => true,
        (error: unknown) => {
          why = error;
          return false;
        },
      );
    await until(isBack, { withinMs: comeBackWithinMs, what: 'all devices to be back' }).catch((error: Error) => {
      throw new Error(`${error.message}; last it was ${why}`);
    });
  }

  /** Every device writes and acknowledges until its connection ends or it has written `sendsMax`. */
  async load(sendsMax: number): Promise<void> {
    await Promise.all(this.#devices.map((device) => this.#loadOne(device, sendsMax)));
  }

  /**
   * Until the signal: every device writes, with a pause after each send, and comes back by itself when its connection ends, as clients
   * do: after a moment of its own, as often as it takes.
   */
  async live({ signal, pauseMs }: { readonly signal: AbortSignal; readonly pauseMs: number }): Promise<void> {
    await Promise.all(this.#devices.map((device) => this.#liveOne(device, { signal, pauseMs })));
  }

  /** Every device has a connection, and has caught up on it. */
  get isBack(): boolean {
    return this.#devices.every((device) => device.isBack);
  }

  /** When (performance.now) the last device came back; 0: none has been away. */
  get lastBackMs(): number {
    return Math.max(0, ...this.#devices.map((device) => device.backMs));
  }

  /** Conversations of which nothing that was sent after this moment (performance.now) was handled yet. */
  silentSince(ms: number): readonly string[] {
    const all = [...this.#conversations.keys(), ...[...this.#accounts.keys()].map(ownOf)];
    return all.filter((conversationId) => (this.#newestHandledMs.get(conversationId) ?? 0) < ms);
  }

  /** What was acknowledged last in each conversation. */
  get newestSeqs(): ReadonlyMap<string, number> {
    return new Map(this.#newestSeqs);
  }

  /** Every device has shown everything of its conversations up to these. */
  hasShown(seqs: ReadonlyMap<string, number>): boolean {
    return this.#devices.every((device) =>
      [...this.#conversationsOf(device.userId), ownOf(device.userId)].every(
        (conversationId) => device.upTo(conversationId) >= (seqs.get(conversationId) ?? 0),
      ),
    );
  }

  /** Sends again what has no outcome, with its key, and some of what has one. */
  async settle(): Promise<void> {
    const repeats = Array.from({ length: Math.min(repeatsPerRound, this.#sends.length) }, () =>
      this.#pick(this.#sends),
    );
    const again = [...this.#open, ...repeats];
    this.#asked.push(...again);
    await Promise.all(again.map((send) => this.#send(this.#pick(this.#devicesOf(send.sender)), send)));
  }

  /** Sends whose outcome is not known yet. */
  get openCount(): number {
    return this.#open.size;
  }

  /** Asks the server's public surface for everything the checker compares with. */
  async aftermath(): Promise<Aftermath> {
    const { url } = this.#options;
    const reads: FullRead[] = [];
    for (const [conversationId, members] of this.#conversations) {
      const accounts = members.map((userId) => this.#account(userId));
      reads.push(...(await Promise.all(accounts.map((account) => readFully(url, account, conversationId)))));
      const [reader] = accounts;
      if (reader) this.events.push(...(await readPositions(url, reader, conversationId)));
    }
    reads.push(...(await Promise.all([...this.#accounts.values()].map((account) => readPrivately(url, account)))));
    const outcomes: AskedOutcome[] = [];
    for (const { sender, clientMsgId, content } of this.#asked.splice(0)) {
      // [E21] Of a private change the outcome is asked for by the same change again.
      if (isPrivate(content)) continue;
      outcomes.push(await askOutcome(url, this.#account(sender), clientMsgId));
    }
    return { reads, outcomes, devices: await this.#caughtUp(reads) };
  }

  async leave(): Promise<void> {
    await Promise.all(this.#devices.map((device) => device.wire.close()));
  }

  async #liveOne(device: Device, life: { readonly signal: AbortSignal; readonly pauseMs: number }): Promise<void> {
    while (!life.signal.aborted) {
      if (device.isBack) await this.#loadOne(device, Number.POSITIVE_INFINITY, life);
      await Bun.sleep(this.#options.random() * comeBackMsMax);
      if (!device.isBack && !life.signal.aborted)
        // Refused, or cut again: it tries once more.
        await device.connect(this.#pick(['cursor', 'receipts'] as const)).catch(() => {});
    }
  }

  async #loadOne(
    device: Device,
    sendsMax: number,
    { signal, pauseMs }: { readonly signal?: AbortSignal; readonly pauseMs: number } = { pauseMs: 0 },
  ): Promise<void> {
    let left = sendsMax;
    let isConnected = true;
    void device.wire.closed.then(() => {
      isConnected = false;
    });
    const write = async () => {
      while (isConnected && !signal?.aborted && left-- > 0) {
        const conversationId = this.#pick(this.#conversationsOf(device.userId));
        await this.#send(device, this.#newSend(device, conversationId));
        if (isConnected && this.#options.random() < 0.3)
          device.acknowledge(conversationId, this.#pick(['delivered', 'read'] as const));
        if (pauseMs > 0) await Bun.sleep(pauseMs);
      }
    };
    await Promise.all(Array.from({ length: inFlightMax }, write));
  }

  async #send(device: Device, send: OwnSend): Promise<void> {
    this.#open.add(send);
    const beganMs = performance.now();
    const outcome = await device.send(send);
    if (wasHandled(outcome)) {
      const newestMs = this.#newestHandledMs.get(send.conversationId) ?? 0;
      this.#newestHandledMs.set(send.conversationId, Math.max(newestMs, beganMs));
    }
    if (outcome.type === 'acked')
      this.#newestSeqs.set(send.conversationId, Math.max(outcome.seq, this.#newestSeqs.get(send.conversationId) ?? 0));
    if (outcome.type !== 'unknown') this.#open.delete(send);
  }

  #newSend(device: Device, conversationId: string): OwnSend {
    const number = this.#sends.length + 1;
    const sender = device.userId;
    const clientMsgId = `${sender}-${number}`;
    if (this.#options.random() < privateShare) {
      const content = { type: 'hongyan.private', change: this.#newPrivate(device, { conversationId, number }) };
      const set = { sender, conversationId: ownOf(sender), clientMsgId, content };
      this.#sends.push(set);
      return set;
    }
    const change = this.#newChange(device, conversationId);
    const message = change ? { content: change } : this.#newMessage(device, { conversationId, number });
    const send = { sender, conversationId, clientMsgId, ...message };
    this.#sends.push(send);
    return send;
  }

  /** Now and then one that answers another or mentions a member. */
  #newMessage(
    device: Device,
    { conversationId, number }: { readonly conversationId: string; readonly number: number },
  ): Pick<WireSend, 'content' | 'references'> {
    const { random } = this.#options;
    const content = { type: 'text', text: `${number} ${'鸿雁 '.repeat(Math.floor(random() * 20))}` };
    const lastSeq = device.upTo(conversationId);
    if (random() > referencesShare || lastSeq === 0) return { content };
    const members = this.#conversations.get(conversationId) ?? [];
    const reply_to = { seq: Math.max(1, lastSeq - Math.floor(random() * 20)) };
    return { content, references: random() < 0.5 ? { reply_to } : { mentions: [this.#pick(members)] } };
  }

  /** Now and then an edit, a recall, a reaction or a pin of something recent: whether it may be is the server's to say. */
  #newChange(device: Device, conversationId: string): object | undefined {
    const { random } = this.#options;
    const lastSeq = device.upTo(conversationId);
    if (lastSeq === 0 || random() > changesShare) return undefined;
    const target_seq = Math.max(1, lastSeq - Math.floor(random() * 20));
    const kind = random();
    if (kind < 0.3) return { type: 'hongyan.edit', target_seq, content: { type: 'text', text: `edited ${random()}` } };
    if (kind < 0.4) return { type: 'hongyan.recall', target_seq };
    if (kind < 0.5) return { type: 'hongyan.pin', target_seq, pinned: random() < 0.6 };
    return {
      type: 'hongyan.reaction',
      target_seq,
      key: this.#pick(['👍', '🎉']),
      op: this.#pick(['add', 'add', 'remove']),
    };
  }

  /** Each kind of what users set for themselves; a draft of another device is continued or not. */
  #newPrivate(
    device: Device,
    { conversationId, number }: { readonly conversationId: string; readonly number: number },
  ): object {
    const { random } = this.#options;
    const place = { conversation_id: conversationId };
    const base_revision = device.upTo(ownOf(device.userId));
    return this.#pick([
      { type: 'mute', ...place, until: this.#pick([null, number]) },
      { type: 'pin', ...place, pinned: random() < 0.6 },
      { type: 'archive', ...place, count: this.#pick([null, number]) },
      { type: 'draft', ...place, text: this.#pick(['', `draft ${number}`, `draft ${number}`]), base_revision },
      { type: 'read', ...place, seq: Math.max(1, device.upTo(conversationId)) },
      { type: 'setting', name: this.#pick(['theme', 'language']), value: this.#pick([null, number]) },
    ]);
  }

  /** Waits until the pushes are in; what is missing then is the checker's to say. */
  async #caughtUp(reads: readonly FullRead[]): Promise<Aftermath['devices']> {
    const lastSeqs = new Map(reads.map((read) => [read.conversationId, read.lastSeq]));
    return Promise.all(
      this.#devices.map(async (device) => {
        const conversationIds = [...this.#conversationsOf(device.userId), ownOf(device.userId)];
        const haveAll = () => Promise.all(conversationIds.map((id) => device.whenSeen(id, lastSeqs.get(id) ?? 0)));
        await haveAll();
        if (device.wasToldToComeBack) {
          await device.connect('cursor');
          await haveAll();
        }
        return { userId: device.userId, deviceId: device.deviceId, conversationIds };
      }),
    );
  }

  #devicesOf(userId: string): readonly Device[] {
    return this.#devices.filter((device) => device.userId === userId);
  }

  #conversationsOf(userId: string): readonly string[] {
    return [...this.#conversations].filter(([, members]) => members.includes(userId)).map(([id]) => id);
  }

  #account(userId: string): Account {
    const account = this.#accounts.get(userId);
    if (!account) throw new Error(`${userId} is not of this crowd`);
    return account;
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.#options.random() * items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }
}

/** While the processes of a cluster join, its first commands may wait longer than who asks. */
async function insisting<T>(make: () => Promise<T>, attemptsLeft = 3): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (attemptsLeft === 0 || !String(error).includes('unknown_outcome')) throw error;
    return insisting(make, attemptsLeft - 1);
  }
}

/** Acknowledged, or refused for what was asked: the owner of the conversation works. */
const wasHandled = (outcome: SendOutcome): boolean =>
  outcome.type === 'acked' || (outcome.type === 'refused' && !['unavailable', 'overloaded'].includes(outcome.code));

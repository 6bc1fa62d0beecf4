// A client of the bare wire: one socket, frames unchanged. Fault tests do not use the client library, which is itself under test.

import type { ClientEvent, SeenEntry } from './history.ts';

export interface Frame {
  readonly type: string;
  readonly [field: string]: unknown;
}

export type SendOutcome =
  | { readonly type: 'acked'; readonly msgId: string; readonly conversationId: string; readonly seq: number }
  | { readonly type: 'refused'; readonly code: string }
  /** The connection ended first, or the server answered unknown_outcome: the message may be stored. */
  | { readonly type: 'unknown' };

export interface WireOptions {
  readonly url: string;
  readonly token: string;
  readonly userId: string;
  readonly deviceId: string;
  /** Receives every event that the checker needs. */
  readonly record?: (event: ClientEvent) => void;
}

/** A message, an edit, recall, reaction or pin, or a private change: `content` is what will stand in the timeline. */
export interface WireSend {
  readonly conversationId: string;
  readonly clientMsgId: string;
  readonly content: unknown;
  /** What a message answers or mentions. */
  readonly references?: { readonly reply_to?: { readonly seq: number }; readonly mentions?: readonly string[] };
}

/** Codes after which the message may stand in the timeline all the same. */
const unclearCodes = ['internal', 'unknown_outcome'];
const timeoutMs = 10_000;
let connectionCount = 0;

interface Waiter {
  readonly matches: (frame: Frame) => boolean;
  readonly resolve: (frame: Frame) => void;
}

export class WireClient {
  readonly connection = ++connectionCount;
  /** Frames that no call waited for, the newest 10,000. */
  readonly frames: Frame[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #options: WireOptions;
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, (frame: Frame | undefined) => void>();
  #waiters: Waiter[] = [];
  #lastId = 0;

  private constructor(options: WireOptions) {
    this.#options = options;
    this.#socket = new WebSocket(`${options.url.replace(/^http/, 'ws')}/v1/ws`);
    this.closed = new Promise((resolve) => {
      this.#socket.addEventListener('close', ({ code, reason }) => {
        for (const answer of this.#answers.values()) answer(undefined);
        this.#answers.clear();
        resolve({ code, reason });
      });
    });
    this.#socket.addEventListener('message', ({ data }) => this.#onFrame(JSON.parse(String(data)) as Frame));
  }

  /** Resolves after welcome. */
  static async open(options: WireOptions): Promise<WireClient> {
    const client = await WireClient.connect(options);
    const welcome = client.next((frame) => frame.type === 'welcome');
    client.raw(JSON.stringify({ type: 'hello', token: options.token, device_id: options.deviceId }));
    await welcome;
    return client;
  }

  /** Resolves when the socket is open; no hello yet. */
  static connect(options: WireOptions): Promise<WireClient> {
    const client = new WireClient(options);
    const opened = new Promise<WireClient>((resolve) => {
      client.#socket.addEventListener('open', () => resolve(client));
    });
    return client.#orFail(opened, 'opening');
  }

  raw(data: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(data);
  }

  /** The next frame that matches, kept ones first. */
  next(matches: (frame: Frame) => boolean): Promise<Frame> {
    const kept = this.frames.findIndex(matches);
    const [frame] = kept < 0 ? [] : this.frames.splice(kept, 1);
    if (frame) return Promise.resolve(frame);
    let waiter: Waiter | undefined;
    const arrival = new Promise<Frame>((resolve) => {
      waiter = { matches, resolve };
      this.#waiters.push(waiter);
    });
    return this.#orFail(arrival, 'waiting for a frame').finally(() => {
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
    });
  }

  /** The answer with the request's id, an error frame included; undefined when the connection ended first. */
  request(frame: Record<string, unknown>): Promise<Frame | undefined> {
    const id = ++this.#lastId;
    if (this.#socket.readyState !== WebSocket.OPEN) return Promise.resolve(undefined);
    const answer = new Promise<Frame | undefined>((resolve) => this.#answers.set(id, resolve));
    this.raw(JSON.stringify({ ...frame, id }));
    return answer;
  }

  async send({ conversationId, clientMsgId, content, references }: WireSend): Promise<SendOutcome> {
    const { record, userId: sender } = this.#options;
    record?.({ type: 'attempted', sender, clientMsgId, conversationId, content });
    const asked = frameOf(content as { type: string });
    // A private change names its timeline by nothing but its type.
    const place = asked.type === 'set_private' ? {} : { conversation_id: conversationId };
    const answer = await this.request({ ...asked, ...references, ...place, client_msg_id: clientMsgId });
    if (answer?.type === 'ack' && answer.unchanged === true) {
      // It was so already, and no entry was made: for the checker the same as a refusal.
      record?.({ type: 'refused', sender, clientMsgId, code: 'unchanged' });
      return { type: 'refused', code: 'unchanged' };
    }
    if (answer?.type !== 'ack') {
      if (answer === undefined) return { type: 'unknown' };
      const code = String(answer.code);
      if (unclearCodes.includes(code)) {
        record?.({ type: 'undecided', sender, clientMsgId, code });
        return { type: 'unknown' };
      }
      record?.({ type: 'refused', sender, clientMsgId, code });
      return { type: 'refused', code };
    }
    const ack = {
      type: 'acked',
      msgId: String(answer.msg_id),
      conversationId: String(answer.conversation_id),
      seq: Number(answer.seq),
    } as const;
    record?.({ ...ack, sender, clientMsgId, isDuplicate: answer.duplicate === true });
    return ack;
  }

  receipt(type: 'delivered' | 'read', conversationId: string, seq: number): void {
    const { record, userId } = this.#options;
    record?.({ type: 'receipt_sent', conversationId, userId, deliveredSeq: seq, readSeq: type === 'read' ? seq : 0 });
    this.raw(JSON.stringify({ type, conversation_id: conversationId, seq }));
  }

  /** One page of every entry after `afterSeq`; undefined when the connection ended first. */
  async catchUp(
    conversationId: string,
    afterSeq: number,
  ): Promise<{ entries: SeenEntry[]; lastSeq: number } | undefined> {
    const frame = { type: 'catch_up', conversation_id: conversationId, after_seq: afterSeq, limit: 500 };
    const answer = await this.request(frame);
    if (answer === undefined) return undefined;
    if (answer.type !== 'catch_up_result') throw new Error(`catch_up was answered with ${JSON.stringify(answer)}`);
    const entries = answer.entries as SeenEntry[];
    for (const entry of entries) this.#see('read', entry);
    return { entries, lastSeq: Number(answer.last_seq) };
  }

  /** All pages, and the private timeline; undefined when the connection ended first. */
  async sync(cursor?: string): Promise<{ lastSeqs: Map<string, number>; cursor: string } | undefined> {
    const lastSeqs = new Map<string, number>();
    for (let at = cursor; ; ) {
      const answer = await this.request({ type: 'sync', ...(at === undefined ? {} : { cursor: at }) });
      if (answer === undefined) return undefined;
      if (answer.type !== 'sync_result') throw new Error(`sync was answered with ${JSON.stringify(answer)}`);
      for (const item of answer.conversations as { conversation_id: string; last_seq: number }[])
        lastSeqs.set(item.conversation_id, item.last_seq);
      at = String(answer.cursor);
      lastSeqs.set(`u:${this.#options.userId}`, Number(answer.private_seq));
      if (answer.has_more !== true) return { lastSeqs, cursor: at };
    }
  }

  /** Resolves once the answer to a ping is here: a sign of life. False when the connection ended first. */
  async ping(): Promise<boolean> {
    const pong = this.next((frame) => frame.type === 'pong').then(
      () => true,
      () => false,
    );
    this.raw('{"type":"ping"}');
    return pong;
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.closed;
  }

  #onFrame(frame: Frame): void {
    this.#tell(frame);
    const answer = typeof frame.id === 'number' ? this.#answers.get(frame.id) : undefined;
    if (answer) {
      this.#answers.delete(Number(frame.id));
      return answer(frame);
    }
    const waiter = this.#waiters.find(({ matches }) => matches(frame));
    if (waiter) {
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
      return waiter.resolve(frame);
    }
    this.frames.push(frame);
    if (this.frames.length > 10_000) this.frames.shift();
  }

  #tell(frame: Frame): void {
    if (frame.type === 'message' || frame.type === 'entry') this.#see('push', frame as unknown as SeenEntry);
    if (frame.type !== 'receipt') return;
    this.#options.record?.({
      type: 'receipt_pushed',
      connection: this.connection,
      conversationId: String(frame.conversation_id),
      userId: String(frame.user_id),
      deliveredSeq: Number(frame.delivered_seq),
      readSeq: Number(frame.read_seq),
    });
  }

  #see(via: 'push' | 'read', entry: SeenEntry): void {
    const { userId, deviceId, record } = this.#options;
    record?.({ type: 'seen', userId, deviceId, connection: this.connection, via, entry });
  }

  /** Bounded waiting: by time, and by the end of the connection. */
  #orFail<T>(wanted: Promise<T>, what: string): Promise<T> {
    const { promise: failure, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(`${what} took longer than ${timeoutMs} ms`)), timeoutMs);
    void this.closed.then(({ code, reason }) => reject(new Error(`closed with ${code} ${reason} while ${what}`)));
    return Promise.race([wanted, failure]).finally(() => clearTimeout(timer));
  }
}

/** The request that makes an entry of this content. */
function frameOf(content: { readonly type: string; readonly [field: string]: unknown }): Record<string, unknown> {
  const { type, ...fields } = content;
  switch (type) {
    case 'hongyan.private':
      return { type: 'set_private', ...fields };
    case 'hongyan.edit':
      return { type: 'edit', ...fields };
    case 'hongyan.recall':
      return { type: 'recall', ...fields };
    case 'hongyan.reaction':
      return { type: 'react', ...fields };
    case 'hongyan.pin': {
      const { pinned, ...place } = fields as { readonly pinned?: unknown };
      return { type: pinned ? 'pin' : 'unpin', ...place };
    }
    default:
      return { type: 'send', content };
  }
}

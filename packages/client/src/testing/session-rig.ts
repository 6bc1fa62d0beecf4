// For tests of a session: a client on a manual clock, and a scripted server with one group, "g:1", of a given length.

import { ManualClock } from '@hongyan/testing/manual-clock';
import { until } from '@hongyan/testing/until';
import type { Client } from '../api.ts';
import { createClient, createMemoryStorage } from '../client.ts';
import type { ClientStorage } from '../client-storage.ts';
import { rules } from './rules.ts';
import { type ScriptedConnection, ScriptedServer, tokenOf } from './scripted-server.ts';

type Frame = Parameters<ScriptedServer['answer']>[1];

export class SessionRig {
  readonly server = new ScriptedServer();
  readonly clock = new ManualClock();
  readonly storage: ClientStorage = createMemoryStorage();
  /** What the server has in g:1, for sync, history, catch_up and HTTP. */
  lastSeq = 0;
  client: Client;
  /** Seqs of the messages that the client has reported. */
  shown: number[] = [];
  readonly #open: Client[] = [];

  constructor() {
    this.server.heartbeatMs = 60_000;
    this.server.answer = (connection, frame) => this.answer(connection, frame);
    this.server.http = () => Response.json(conversation(this.lastSeq));
    this.client = this.create();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#open.map((client) => client.close()));
    await this.server.stop();
  }

  /** Another client of the device takes the place of `client`. */
  create(storage: ClientStorage = this.storage): Client {
    const options = { url: this.server.url, token: () => tokenOf('me'), storage };
    const client = createClient(options, { clock: this.clock, random: () => 0.5 });
    const seqs: number[] = [];
    client.on('message', ({ seq }) => seqs.push(Number(seq)));
    this.#open.push(client);
    this.client = client;
    this.shown = seqs;
    return client;
  }

  answer(connection: ScriptedConnection, frame: Frame): boolean {
    if (frame.type === 'sync') sendSync(connection, frame, this.lastSeq > 0 ? [conversation(this.lastSeq)] : []);
    else if (frame.type === 'history' || frame.type === 'catch_up') this.sendPage(connection, frame);
    else return false;
    return true;
  }

  sendPage(connection: ScriptedConnection, frame: Frame): void {
    const { type, id, conversation_id, limit = 50 } = frame;
    const after = frame.after_seq === undefined ? undefined : Number(frame.after_seq);
    const end = Math.min(Number(frame.before_seq ?? Number.POSITIVE_INFINITY) - 1, this.lastSeq);
    const from = after === undefined ? Math.max(1, end - Number(limit) + 1) : after + 1;
    const through = after === undefined ? end : Math.min(this.lastSeq, after + Number(limit));
    const entries = Array.from({ length: Math.max(0, through - from + 1) }, (_, index) => entry(from + index));
    const has_more = after === undefined ? from > 1 : through < this.lastSeq;
    const page = { entries, first_seq: 1, last_seq: this.lastSeq, has_more };
    connection.send({ type: `${type}_result`, id, conversation_id, ...page });
  }

  /** Online for the first time, with an empty device unless `lastSeq` is set. */
  async begin(): Promise<ScriptedConnection> {
    const coming = this.server.connection();
    await this.client.connect();
    return coming;
  }

  /** The next reconnect, without waiting for its time. */
  async again(): Promise<ScriptedConnection> {
    await until(() => this.client.state.type === 'reconnecting');
    const coming = this.server.connection();
    // A timer that only saves may be the next.
    while (this.client.state.type === 'reconnecting') this.clock.advance(this.clock.nextInMs ?? 0);
    return coming;
  }
}

export const entry = (seq: number, id = 'g:1') => ({
  msg_id: `m${seq}`,
  conversation_id: id,
  seq,
  from: 'you',
  content: { type: 'text', text: String(seq) },
  count: seq,
  timestamp: seq,
  client_msg_id: `k${seq}`,
  status: 'ack',
});

export const message = (seq: number) => ({ type: 'message', ...entry(seq) });

export const conversation = (lastSeq: number, id = 'g:1') => ({
  conversation_id: id,
  kind: 'group',
  members: ['me', 'you'],
  member_count: 2,
  ...{
    last_seq: lastSeq,
    first_seq: 1,
    delivered_seq: 0,
    read_seq: 0,
    last_count: lastSeq,
    unread: lastSeq,
    unread_mentions: 0,
  },
  ...{ created_at: 1, history_visible: true, rules, role: 'member' },
});

export function sendSync(connection: ScriptedConnection, { id }: Frame, conversations: readonly object[]): void {
  connection.send({ type: 'sync_result', id, conversations, cursor: 'c', has_more: false });
}

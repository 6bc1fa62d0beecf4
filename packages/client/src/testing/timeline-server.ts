// A scripted server with one group, "g:1", whose timeline the test sets: what sync, history, catch_up and HTTP answer follows from it.

import { rules } from './rules.ts';
import { type ScriptedConnection, ScriptedServer } from './scripted-server.ts';

type Frame = Parameters<ScriptedServer['answer']>[1];

export class TimelineServer {
  readonly scripted = new ScriptedServer();
  /** The texts of the entries from seq 1 on. A text is in the msg_id too: other texts are other entries. */
  texts: readonly string[] = [];
  /** Of the user "me", as sync reports them. */
  position = { delivered_seq: 0, read_seq: 0 };
  /** Sync by cursor lists the group. */
  isListed = true;

  constructor() {
    this.scripted.heartbeatMs = 60_000;
    this.scripted.answer = (connection, frame) => this.answer(connection, frame);
    this.scripted.http = () => Response.json(this.conversation());
  }

  /** false for other frames. */
  answer(connection: ScriptedConnection, frame: Frame): boolean {
    if (frame.type === 'sync') this.#sync(connection, frame);
    else if (frame.type === 'history' || frame.type === 'catch_up') this.#page(connection, frame);
    else return false;
    return true;
  }

  entry(seq: number) {
    const text = this.texts[seq - 1] ?? '';
    return {
      msg_id: `m-${text}`,
      conversation_id: 'g:1',
      seq,
      from: 'you',
      content: { type: 'text', text },
      count: seq,
      timestamp: 1_000 + seq,
      client_msg_id: `k-${text}`,
      status: 'ack',
    };
  }

  conversation() {
    const lastSeq = this.texts.length;
    return {
      conversation_id: 'g:1',
      kind: 'group',
      members: ['me', 'you'],
      member_count: 2,
      ...{ last_seq: lastSeq, first_seq: 1, ...this.position, last_count: lastSeq, unread: 0, unread_mentions: 0 },
      ...{ created_at: 1, history_visible: true, rules, role: 'member' },
      ...(lastSeq > 0 ? { last_message: this.entry(lastSeq) } : {}),
    };
  }

  #sync(connection: ScriptedConnection, { id, cursor }: Frame): void {
    const conversations = cursor !== undefined && !this.isListed ? [] : [this.conversation()];
    connection.send({ type: 'sync_result', id, conversations, cursor: 'c', has_more: false, conversation_count: 1 });
  }

  #page(connection: ScriptedConnection, { type, id, after_seq = 0, limit = 200 }: Frame): void {
    const from = Number(after_seq) + 1;
    const to = Math.min(this.texts.length, Number(after_seq) + Number(limit));
    const entries = Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => this.entry(from + index));
    const page = { entries, first_seq: 1, last_seq: this.texts.length, has_more: to < this.texts.length };
    connection.send({ type: `${type}_result`, id, conversation_id: 'g:1', ...page });
  }
}
